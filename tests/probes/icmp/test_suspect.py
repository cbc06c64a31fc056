"""Suspect mode in virtual time."""

from ipaddress import ip_address

import numpy as np
import pytest

from probes.icmp.budget import ConfirmationBudget
from probes.icmp.results import Outcome
from probes.icmp.suspect import DOWN, UNKNOWN, UP, Suspects
from probes.icmp.targets import EMERGENCY, REST, UPSTREAM, PingTarget, TargetTable
from probes.sample import Reason
from tests.probes.icmp.simulation import Simulation


def target(key: str, number: int = 1, **more: object) -> PingTarget:
    return PingTarget(key, ip_address(int(ip_address("10.0.0.0")) + number), **more)  # type: ignore[arg-type]


def many(count: int, **more: object) -> list[PingTarget]:
    return [target(f"t{i}", i + 1, **more) for i in range(count)]


def settled(targets: list[PingTarget], budget: ConfirmationBudget | None = None) -> Simulation:
    simulation = Simulation(targets, budget)
    simulation.run(5)
    assert (simulation.engine.suspects.up[simulation.engine.table.active] == UP).all()
    return simulation


def test_the_first_reply_makes_a_target_up() -> None:
    simulation = Simulation(many(3))
    verdicts = simulation.run(1.5)
    assert [(verdict.up, verdict.reason) for verdict in verdicts] == [(True, None)] * 3


def test_a_target_that_never_answered_is_unknown_then_down() -> None:
    simulation = Simulation([target("a")])
    simulation.cut = {0}
    assert not simulation.run(1.0)
    assert simulation.engine.suspects.up.tolist() == [UNKNOWN]
    assert [verdict.up for verdict in simulation.run(3)] == [False]


def test_a_cut_of_a_clean_link_is_a_verdict_within_two_and_a_half_seconds() -> None:
    simulation = settled(many(50))
    cut_at = simulation.now
    simulation.cut = set(range(50))
    verdicts = simulation.run(4)
    assert sorted(verdict.row for verdict in verdicts) == list(range(50))
    delays_s = np.array([verdict.at - cut_at for verdict in verdicts])
    assert delays_s.max() <= 2.1
    assert np.median(delays_s) <= 1.6
    assert all(not verdict.up and verdict.reason is Reason.TIMEOUT for verdict in verdicts)
    assert all(cut_at < verdict.since <= cut_at + 1.02 for verdict in verdicts)


def test_an_icmp_error_that_came_late_says_nothing_of_the_next_outage() -> None:
    simulation = settled([target("a")])
    simulation.engine.suspects.refuse(np.array([0]))
    simulation.run(60)
    simulation.cut = {0}
    assert [verdict.reason for verdict in simulation.run(4)] == [Reason.TIMEOUT]


def test_a_link_with_recent_loss_gets_ten_confirmations_over_two_and_a_half_seconds() -> None:
    simulation = settled([target("a")])
    simulation.engine.suspects.confirmations[:] = 10
    simulation.cut = {0}
    (verdict,) = simulation.run(6)
    times = [at for at, _ in simulation.confirmed]
    assert len(times) == 10
    assert times[-1] - times[0] == pytest.approx(2.5, abs=0.2)
    assert verdict.at - verdict.since >= 2.7


def test_confirmations_are_counted_apart_and_enter_no_result() -> None:
    simulation = settled([target("a")])
    simulation.cut = {0}
    simulation.run(6)
    counters = simulation.engine.rows
    ended = np.concatenate([results.outcome for results in simulation.results])
    assert counters.confirmations.tolist() == [8]
    assert ended.size <= counters.sent[0] <= 11
    assert counters.consecutive_losses[0] == (ended == Outcome.LOST).sum()


def test_a_suspicion_that_ends_in_a_reply_makes_the_next_one_more_careful() -> None:
    simulation = settled([target("a")])
    simulation.cut = {0}
    while not simulation.engine.suspects.suspect[0]:
        simulation.run(0.02)
    simulation.cut = set()
    simulation.run(3)
    assert simulation.engine.suspects.up.tolist() == [UP]
    before = len(simulation.confirmed)
    simulation.cut = {0}
    simulation.run(5)
    assert len(simulation.confirmed) - before == 10


def test_up_again_needs_three_replies_in_a_row() -> None:
    simulation = settled([target("a")])
    simulation.cut = {0}
    simulation.run(5)
    simulation.cut = set()
    simulation.run(2)
    assert simulation.engine.suspects.up.tolist() == [DOWN]
    (verdict,) = simulation.run(1.5)
    assert verdict.up
    assert verdict.at - verdict.since == pytest.approx(2.0, abs=0.1)


def test_slow_replies_raise_suspicion_but_no_verdict() -> None:
    simulation = settled([target("a")])
    simulation.rtt_s = 0.45
    assert not simulation.run(30)
    assert simulation.engine.rows.received[0] == simulation.engine.rows.sent[0]


def test_replies_that_were_only_late_bring_a_target_back_at_once() -> None:
    simulation = settled([target("a")])
    simulation.rtt_s = 2.5
    verdicts = simulation.run(8)
    assert [verdict.up for verdict in verdicts] == [False, True]
    assert verdicts[1].at - verdicts[0].at < 2.5


def test_thirty_percent_loss_is_never_taken_for_a_cut() -> None:
    simulation = settled(many(200))
    simulation.loss_ratio = 0.3
    simulation.engine.suspects.confirmations[:] = 10
    assert not simulation.run(90, step_s=0.05)
    assert simulation.engine.rows.confirmations.sum() > 1000
    results = np.concatenate([part.outcome for part in simulation.results])
    assert (results == Outcome.LOST).mean() == pytest.approx(0.3, abs=0.03)


def family(children: int) -> list[PingTarget]:
    upstream = target("upstream", 1, priority=UPSTREAM)
    below = [
        target(f"child{i}", i + 2, companions=("upstream",), priority=EMERGENCY if i % 2 else REST)
        for i in range(children)
    ]
    return [upstream, *below]


def test_an_upstream_is_judged_before_its_children_and_asked_once_for_all() -> None:
    simulation = settled(family(100))
    simulation.cut = set(range(101))
    verdicts = simulation.run(3)
    upstream = simulation.row("upstream")
    assert verdicts[0].row == upstream
    assert len(verdicts) == 101
    assert all(verdict.at >= verdicts[0].at for verdict in verdicts[1:])
    assert sum(row == upstream and at < verdicts[0].at for at, row in simulation.confirmed) == 8


def test_companions_of_each_other_fall_together_without_waiting_in_a_circle() -> None:
    simulation = settled([target("a", companions=("b",)), target("b", companions=("a",)), target("c")])
    simulation.cut = {0, 1}
    verdicts = simulation.run(3)
    assert sorted(verdict.row for verdict in verdicts) == [0, 1]
    assert verdicts[0].at - verdicts[0].since < 1.5
    assert verdicts[1].at - verdicts[0].at < 0.1


def test_a_child_waits_while_its_upstream_waits() -> None:
    chain = [target("a"), target("b", companions=("a",)), target("c", companions=("b",))]
    simulation = settled(chain)
    simulation.engine.suspects.confirmations[0] = 10  # the top of the chain takes longest to be judged
    simulation.cut = {0, 1, 2}
    verdicts = simulation.run(6)
    assert sorted(verdict.row for verdict in verdicts) == [0, 1, 2]
    assert verdicts[-1].at - verdicts[0].at < 0.1


def test_a_dead_child_of_a_living_upstream_waits_for_one_answer_of_it() -> None:
    simulation = settled(family(3))
    child = simulation.row("child1")
    simulation.cut = {child}
    verdicts = simulation.run(3)
    assert [(verdict.row, verdict.up) for verdict in verdicts] == [(child, False)]
    assert sum(row == 0 for _, row in simulation.confirmed) <= 2


def suspects(targets: list[PingTarget], budget: ConfirmationBudget | None = None) -> Suspects:
    table = TargetTable()
    table.replace(targets)
    made = Suspects(table, budget or ConfirmationBudget())
    made.resize()
    made.reset(np.arange(len(targets)))
    return made


def test_upstreams_then_emergency_targets_then_the_rest_are_confirmed() -> None:
    priorities = [REST, REST, EMERGENCY, REST, EMERGENCY, UPSTREAM]
    rows = [target(f"t{i}", i + 1, priority=priority) for i, priority in enumerate(priorities)]
    made = suspects(rows, ConfirmationBudget(per_second=3 * 8))
    made.miss(np.arange(6), np.linspace(1.0, 1.1, 6))
    made.suspect_more(2.0)
    assert made.due(2.0).tolist() == [5, 2, 4]


def test_a_reply_to_an_earlier_ping_does_not_end_a_suspicion() -> None:
    made = suspects([target("a")])
    row = np.array([0])
    made.up[:] = UP
    made.miss(row, np.array([10.0]))
    made.suspect_more(10.3)
    made.answer(row, np.array([9.5]), np.array([0.9]), 10.4)
    assert made.suspect.tolist() == [True]
    made.answer(row, np.array([10.3]), np.array([0.2]), 10.5)
    assert made.suspect.tolist() == [False]


def test_a_loss_that_a_later_reply_has_overtaken_raises_no_suspicion() -> None:
    made = suspects([target("a")])
    row = np.array([0])
    made.answer(row, np.array([10.0]), np.array([0.1]), 10.1)
    made.miss(row, np.array([9.5]))
    made.suspect_more(10.2)
    assert made.suspect.tolist() == [False]


def test_without_budget_three_missed_rounds_decide() -> None:
    simulation = settled(many(20), ConfirmationBudget(per_second=0))
    cut_at = simulation.now
    simulation.cut = set(range(20))
    assert not simulation.run(2.0)
    verdicts = simulation.run(2.0)
    assert len(verdicts) == 20
    assert not simulation.confirmed
    assert min(verdict.at for verdict in verdicts) >= cut_at + 2.2


def test_one_organization_cannot_use_up_the_budget_of_another() -> None:
    loud = [target(f"loud{i}", i + 1, organization="loud") for i in range(200)]
    quiet = target("quiet", 250, organization="quiet")
    simulation = settled([*loud, quiet], ConfirmationBudget(per_second=2000, per_organization=80))
    simulation.cut = set(range(201))
    simulation.run(3)
    of_quiet = sum(row == simulation.row("quiet") for _, row in simulation.confirmed)
    assert of_quiet == 8
    assert len(simulation.confirmed) - of_quiet <= 80 * 4


def test_one_address_never_gets_more_than_twenty_echoes_a_second() -> None:
    rows = [target(f"t{i}", 1) for i in range(5)]
    simulation = settled(rows)
    simulation.cut = set(range(5))
    simulation.run(8)
    times = np.array([at for at, _ in simulation.confirmed])
    busiest = max(((times >= start) & (times < start + 1.0)).sum() for start in times)
    assert busiest <= 2 * (20 - 5)
    assert len(times) / (times[-1] - times[0] + 1.0) <= 20 - 5 + 1


def test_a_target_pinged_twenty_times_a_second_needs_no_extra_echoes() -> None:
    simulation = settled([target("a", interval_s=0.05)])
    cut_at = simulation.now
    simulation.cut = {0}
    (verdict,) = simulation.run(2)
    assert verdict.at - cut_at == pytest.approx(0.5 + 0.2, abs=0.2)
    assert len(simulation.confirmed) <= 2


def test_covered_rows_are_not_confirmed_yet_judged() -> None:
    simulation = settled(many(2))
    simulation.engine.suspects.covered[:] = [True, False]
    simulation.cut = {0, 1}
    verdicts = simulation.run(5)
    assert {row for _, row in simulation.confirmed} == {1}
    assert {verdict.row for verdict in verdicts if not verdict.up} == {0, 1}


def test_dropped_replies_are_void_and_accuse_nobody() -> None:
    simulation = settled([target("a")])
    simulation.cut = {0}
    for _ in range(20):
        simulation.run(0.2)
        simulation.engine.dropped(1)
    simulation.cut = set()
    verdicts = simulation.run(5)
    ended = np.concatenate([part.outcome for part in simulation.results])
    assert not any(not verdict.up for verdict in verdicts)
    assert (ended == Outcome.VOID).sum() == 4
    assert not (ended == Outcome.LOST).any()


def test_a_row_given_to_another_target_starts_unknown_and_gets_none_of_the_old_replies() -> None:
    simulation = settled([target("a", 1), target("b", 2)])
    simulation.rtt_s = 0.5
    simulation.run(1.0)
    row = simulation.row("b")
    simulation.engine.replace([target("a", 1), target("c", 3)], simulation.now)
    assert simulation.row("c") == row
    assert simulation.engine.suspects.up[row] == UNKNOWN
    simulation.cut = {row}
    simulation.run(1.0)
    assert simulation.engine.rows.received[row] == 0
    assert simulation.engine.counters.foreign_replies == 0
