"""The alert state machine over a board: Prometheus's life cycle, and recovery needs evidence."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from linkwatch.core.board import Board
from linkwatch.core.records import Alert, AlertState, Transition
from linkwatch.core.rules import AlertMachine, Rule

TARGETS = frozenset({"link", "router", "camera"})
DOWN = Rule("Down", "linkwatch_up == 0", for_s=3.0, labels={"severity": "critical"})


class World:
    """A board, a machine and a clock that is set by hand."""

    def __init__(self, *rules: Rule, restored: tuple[Alert, ...] = ()) -> None:
        self.board = Board()
        self.rules = rules or (DOWN,)
        self.machine = AlertMachine(self.rules, restored)
        self.targets = TARGETS
        self.isolated = False

    def measure(self, now: float, metric: str = "linkwatch_up", value: float = 0.0, **labels: str) -> None:
        labels = {"target": "link", "site": "s", "owner": "vnpt", "emergency": "true", **labels}
        self.board.column(metric).set(labels, value, now)

    def lose(self, metric: str = "linkwatch_up") -> None:
        column = self.board.column(metric)
        column.clear(column.present.nonzero()[0])

    def step(self, now: float) -> list[Transition]:
        return self.machine.step(self.board, now, isolated=self.isolated, targets=self.targets)

    def told(self, now: float) -> list[tuple[str | None, str, str]]:
        return [(t.was, t.alert.state, t.reason) for t in self.step(now)]

    def fire(self, now: float = 0.0) -> Alert:
        for second in (0.0, 3.0):
            self.measure(now + second)
            self.step(now + second)
        (alert,) = self.machine.active.values()
        assert alert.state is AlertState.FIRING
        return alert


def test_an_alert_is_pending_until_its_for_is_over_then_fires() -> None:
    world = World()
    for now, told in [
        (0.0, [(None, "pending", "holds")]),
        (2.9, []),
        (3.0, [("pending", "firing", "for-elapsed")]),
    ]:
        world.measure(now)
        assert world.told(now) == told
    (alert,) = world.machine.active.values()
    assert (alert.true_since, alert.fired_at, alert.value) == (0.0, 3.0, 0.0)
    assert alert.labels["alertname"] == "Down"
    assert alert.severity == "critical"


def test_it_is_known_when_the_next_pending_alert_has_lasted() -> None:
    wide = replace(DOWN, name="Wide", for_s=1.5)
    world = World(DOWN, wide)
    world.step(0.0)
    assert world.machine.due_at == math.inf
    for now, due_at in ((1.0, 2.5), (2.0, 2.5), (2.5, 4.0), (4.0, math.inf)):
        world.measure(now)
        world.step(now)
        assert world.machine.due_at == due_at


def test_without_for_an_alert_fires_at_once() -> None:
    world = World(replace(DOWN, for_s=0.0))
    world.measure(1.0)
    assert world.told(1.0) == [(None, "firing", "for-elapsed")]


def test_a_fault_that_is_over_before_its_for_is_told_as_never_fired() -> None:
    world = World()
    world.measure(0.0)
    world.step(0.0)
    world.measure(1.0, value=1.0)
    assert world.told(1.0) == [("pending", "gone", "never-fired")]
    assert not world.machine.active


def test_a_firing_alert_ends_when_its_series_was_measured_again() -> None:
    world = World()
    world.fire()
    world.measure(4.0, value=1.0)
    assert world.told(4.0) == [("firing", "gone", "recovered")]


def test_an_alert_whose_series_falls_silent_is_held_and_says_what_is_missing() -> None:
    world = World()
    world.fire()
    world.lose()
    (held,) = world.step(4.0)
    assert (held.alert.state, held.reason, held.detail) == (
        "held",
        "not-measured",
        'linkwatch_up{target="link"}',
    )
    assert world.told(100.0) == []


def test_a_held_alert_goes_on_when_it_holds_again_and_keeps_when_it_fired() -> None:
    world = World()
    world.fire()
    world.lose()
    world.step(4.0)
    world.measure(9.0)
    assert world.told(9.0) == [("held", "firing", "holds-again")]
    (alert,) = world.machine.active.values()
    assert (alert.true_since, alert.fired_at) == (0.0, 3.0)


def test_a_held_alert_ends_with_the_first_measurement_that_is_good() -> None:
    world = World()
    world.fire()
    world.lose()
    world.step(4.0)
    world.measure(9.0, value=1.0)
    assert world.told(9.0) == [("held", "gone", "recovered")]


def test_every_series_behind_an_alert_must_be_measured_again() -> None:
    world = World(Rule("Loss", "loss > on (target) group_left () objective", labels={"severity": "warning"}))
    world.measure(0.5, "loss", 0.5)
    world.measure(0.5, "objective", 0.1)
    (fired,) = world.step(0.5)
    assert [name for name, _ in fired.alert.series] == ["loss", "objective"]
    world.measure(1.0, "loss", 0.0)
    assert [(t.reason, t.detail) for t in world.step(1.0)] == [("not-measured", 'objective{target="link"}')]
    world.measure(2.0, "objective", 0.1)
    assert world.told(2.0) == [("held", "gone", "recovered")]


def test_what_is_given_and_never_measured_is_no_evidence_to_wait_for() -> None:
    world = World(Rule("Loss", "loss > on (target) group_left () objective"))
    world.measure(5.0, "loss", 0.5)
    world.measure(0.0, "objective", 0.1)
    (fired,) = world.step(5.0)
    world.measure(6.0, "loss", 0.0)
    assert world.told(6.0) == [("firing", "gone", "recovered")]
    after_a_start = World(*world.rules, restored=(fired.alert,))
    after_a_start.measure(0.0, "objective", 0.1)
    assert [(t.reason, t.detail) for t in after_a_start.step(9.0)] == [
        ("not-measured", 'loss{target="link"}')
    ]


def test_a_series_that_joins_while_the_alert_fires_is_evidence_too() -> None:
    world = World(Rule("Bad", "port_up == 0 or on (target) linkwatch_up == 0"))
    world.measure(0.0)
    world.step(0.0)
    world.measure(1.0)
    world.measure(1.0, "port_up", 1.0, interface="eth0")
    world.step(1.0)
    alert = next(iter(world.machine.active))
    assert [name for name, _ in world.machine.latest(alert).series] == ["linkwatch_up", "port_up"]
    world.measure(2.0, value=1.0)
    assert [t.reason for t in world.step(2.0)] == ["not-measured"]


def test_a_series_whose_row_is_gone_is_not_measured_while_its_target_stands() -> None:
    world = World()
    world.fire()
    world.board.forget_targets(["link"])
    assert world.told(4.0) == [("firing", "held", "not-measured")]
    world.targets = frozenset({"router"})
    assert world.told(5.0) == [("held", "gone", "withdrawn")]


def test_a_target_that_changes_hands_keeps_its_alert() -> None:
    rules = [
        replace(DOWN, expr=f'linkwatch_up{{emergency="{e}"}} == 0', for_s=s)
        for e, s in [("true", 3.0), ("false", 30.0)]
    ]
    world = World(*rules)
    before = world.fire()
    world.board.forget_targets(["link"])
    world.measure(4.0, emergency="false", owner="viettel")
    assert world.told(4.0) == []
    world.board.forget_targets(["link"])
    world.measure(5.0, value=1.0, emergency="false", owner="mobifone")
    (gone,) = world.step(5.0)
    assert (gone.alert.id, gone.alert.labels["owner"], gone.reason) == (before.id, "viettel", "recovered")


def test_rules_of_one_name_keep_their_own_for() -> None:
    slow = Rule("Loss", "loss > 0.1", for_s=60.0)
    fast = Rule("Loss", "loss > 0.5", for_s=5.0)
    world = World(slow, fast)
    for now in range(50):
        world.measure(now, "loss", 0.2)
        assert len(world.step(now)) == (now == 0)
    world.measure(50.0, "loss", 0.9)
    assert world.told(50.0) == []
    world.measure(55.0, "loss", 0.9)
    assert world.told(55.0) == [("pending", "firing", "for-elapsed")]


def test_series_that_differ_only_in_site_are_two_alerts_when_there_is_no_target() -> None:
    world = World(Rule("SiteDown", "sum by (site) (linkwatch_up) == 0"))
    world.measure(0.0, target="link", site="a")
    world.measure(0.0, target="router", site="b")
    world.step(0.0)
    assert sorted(alert.labels["site"] for alert in world.machine.active.values()) == ["a", "b"]


def test_an_alert_without_target_ends_at_once_but_not_while_isolated() -> None:
    world = World(Rule("Sick", "sum(linkwatch_up) == 0"))
    world.measure(0.0)
    world.step(0.0)
    world.isolated = True
    world.lose()
    assert world.told(1.0) == [("firing", "held", "isolated")]
    world.isolated = False
    assert world.told(2.0) == [("held", "gone", "recovered")]


def test_keep_firing_for_bridges_gaps_of_recovery() -> None:
    world = World(replace(DOWN, for_s=0.0, keep_firing_for_s=5.0))
    world.measure(0.0)
    world.step(0.0)
    world.measure(1.0, value=1.0)
    assert world.told(1.0) == []
    world.measure(5.9)
    assert world.told(5.9) == []
    world.measure(7.0, value=1.0)
    assert world.told(7.0) == []
    world.measure(12.0, value=1.0)
    assert world.told(12.0) == [("firing", "gone", "recovered")]


def test_a_restart_ends_nothing_by_silence() -> None:
    fired = World().fire()
    world = World(restored=(fired,))
    assert world.told(10.0) == [("firing", "held", "not-measured")]
    world.measure(11.0)
    assert world.told(11.0) == [("held", "firing", "holds-again")]
    assert world.machine.active[fired.id].fired_at == 3.0


def test_a_restart_keeps_the_timer_of_a_pending_alert() -> None:
    before = World(replace(DOWN, for_s=60.0))
    before.measure(0.0)
    before.step(0.0)
    world = World(replace(DOWN, for_s=60.0), restored=tuple(before.machine.active.values()))
    assert world.told(30.0) == []
    world.measure(59.0)
    assert world.told(59.0) == []
    world.measure(60.0)
    assert world.told(60.0) == [("pending", "firing", "for-elapsed")]


def test_a_pending_alert_that_was_restored_ends_once_measured_good() -> None:
    before = World()
    before.measure(0.0)
    before.step(0.0)
    world = World(restored=tuple(before.machine.active.values()))
    world.measure(30.0, value=1.0)
    assert world.told(30.0) == [("pending", "gone", "never-fired")]


def test_a_restored_alert_without_target_waits_for_its_first_data() -> None:
    rule = Rule("Sick", "sum(linkwatch_up) == 0")
    before = World(rule)
    before.measure(0.0)
    before.step(0.0)
    world = World(rule, restored=tuple(before.machine.active.values()))
    assert world.told(10.0) == [("firing", "held", "not-measured")]
    world.measure(11.0, value=1.0)
    assert world.told(11.0) == [("held", "gone", "recovered")]


def test_the_alerts_of_a_rule_that_is_gone_end_and_the_others_keep_their_state() -> None:
    other = Rule("Other", "linkwatch_up == 0")
    world = World(DOWN, other)
    world.measure(0.0)
    world.step(0.0)
    world.machine.replace([DOWN])
    world.measure(3.0)
    reasons = {t.alert.rule: (t.alert.state.value, t.reason) for t in world.step(3.0)}
    assert reasons == {"Down": ("firing", "for-elapsed"), "Other": ("gone", "rule-removed")}


def test_a_rule_that_fails_stops_no_other_and_ends_nothing() -> None:
    broken = Rule("Broken", "linkwatch_up + on (site) loss > 0")
    world = World(broken, replace(DOWN, for_s=0.0))
    world.measure(0.0, "loss", 1.0)
    world.measure(0.0, value=0.0)
    assert len(world.step(0.0)) == 2
    world.measure(1.0, "loss", 1.0, target="router")
    assert world.told(1.0) == [("firing", "held", "rule-failed")]
    assert "many-to-many" in world.machine.failures["Broken"]
    assert world.machine.failure_counts["Broken"] == 1


def test_equal_label_sets_after_the_rules_labels_are_an_error() -> None:
    world = World(Rule("Same", "linkwatch_up == 0", labels={"target": "one"}))
    world.measure(0.0, target="link")
    world.measure(0.0, target="router")
    world.step(0.0)
    assert world.machine.failures == {
        "Same": "vector contains metrics with the same labelset after applying alert labels"
    }


def test_annotations_are_written_when_an_alert_fires_and_latest_knows_the_value_of_now() -> None:
    world = World(
        Rule("Loss", "loss > 0.1", for_s=1.0, annotations={"summary": "{{ $labels.target }} {{ $value }}"})
    )
    for now, value in [(0.0, 0.2), (1.0, 0.3), (2.0, 0.4)]:
        world.measure(now, "loss", value)
        world.step(now)
    (alert,) = world.machine.active.values()
    assert alert.annotations == {"summary": "link 0.3"}
    assert world.machine.latest(alert.id).annotations == {"summary": "link 0.4"}
    assert world.machine.latest(alert.id).true_at == 2.0


def test_labels_may_depend_on_the_value() -> None:
    template = "{{ if gt $value 0.5 }}critical{{ else }}warning{{ end }}"
    world = World(Rule("Loss", "loss > 0.1", labels={"severity": template}))
    world.measure(0.0, "loss", 0.2)
    world.step(0.0)
    world.measure(1.0, "loss", 0.9)
    world.step(1.0)
    assert {a.severity: a.state.value for a in world.machine.active.values()}["critical"] == "firing"


@pytest.mark.parametrize("label", ["site", "owner", "kind", "emergency"])
def test_the_identity_of_an_alert_does_not_depend_on_what_the_inventory_may_change(label: str) -> None:
    ids = set()
    for text in ("a", "b"):
        world = World()
        world.measure(0.0, **{label: text})
        ids |= {t.alert.id for t in world.step(0.0)}
    assert len(ids) == 1


def test_a_thousand_alerts_at_once_are_told_once() -> None:
    world = World(replace(DOWN, for_s=0.0))
    world.targets = frozenset(f"t{i}" for i in range(1000))
    for target in world.targets:
        world.measure(0.0, target=target)
    assert len(world.step(0.0)) == 1000
    assert world.step(1.0) == []
