"""Covered and held: whoever was told hears of the end once, and nobody hears of what an upstream did."""

from dataclasses import replace

import pytest

from linkwatch.core.inventory import Kind
from linkwatch.core.records import IncidentState
from linkwatch.core.rules import Rule
from tests.core.incident_world import (
    DOWN_RULE,
    ICMP,
    PAGE,
    RESOLVED,
    SNMP,
    SNMP_RULE,
    World,
    link,
    province,
    target,
)

CHILD_PAGE = ("page", "it-duty", "chat")
CHILD_END = ("resolved", "it-duty", "chat")


def chain() -> World:
    return World(province([link("link"), target("router", "link"), target("camera", "router")]))


def test_a_child_paged_before_its_upstream_dies_has_one_page_and_one_all_clear_in_all() -> None:
    world = chain()
    world.run(5)
    world.down = {"router"}
    world.run(10)
    world.down = {"router", "link"}
    world.run(600)
    assert world.told("router") == [CHILD_PAGE], "its escalation stands still meanwhile"
    world.down = {"router"}
    world.run(60)
    assert world.told("link", RESOLVED), "the upstream is back"
    assert world.told("router") == [CHILD_PAGE]
    world.down = set()
    world.run(60)
    assert world.told("router") == [CHILD_PAGE, CHILD_END]
    assert world.open() == []


def test_the_clock_of_a_covered_incident_goes_on_where_it_stood() -> None:
    world = chain()
    world.down = {"router"}
    world.run(104)  # 100 s after it opened
    world.down = {"router", "link"}
    world.run(1000)
    world.down = {"router"}
    world.run(12)
    (incident,) = world.of("router")
    assert incident.covered_since is None
    assert incident.due_at is not None
    assert world.now + 195 < incident.due_at < world.now + 201
    world.run(202)
    assert ("page", "it-duty", "sms") in world.told("router"), "fault owner of the router, after 5 minutes"


def test_the_same_when_our_own_uplink_dies() -> None:
    world = World(
        province([link("link"), target("router", "link"), target("core")], anchors=["core", "link"])
    )
    world.run(2)
    world.down = {"router"}
    world.run(10)
    world.down = {"router", "link", "core"}
    world.run(600)
    assert world.told("router") == [CHILD_PAGE]
    assert world.told("link") == world.told("core") == []
    assert world.told("LinkwatchIsolated", PAGE), "LinkWatch says so itself"
    assert {i.covered_by for i in world.of("router")} == {"isolated"}
    world.down = {"router"}
    world.run(60)
    assert world.told("router") == [CHILD_PAGE]
    assert len(world.told("LinkwatchIsolated", RESOLVED)) == len(set(world.told("LinkwatchIsolated", PAGE)))
    world.down = set()
    world.run(60)
    assert world.told("router") == [CHILD_PAGE, CHILD_END]
    assert world.told("link") == world.told("core") == []


def test_an_outage_that_ends_while_isolated_is_told_once_we_are_back() -> None:
    world = World(province([target("router"), target("core")], anchors=["core"]))
    world.down = {"router"}
    world.run(10)
    world.down = {"core"}  # the router answers, the anchor does not
    world.run(1000)
    assert world.told("router") == [CHILD_PAGE], "its steps stand still, though it is over"
    world.down = set()
    world.run(20)
    assert world.told("router") == [CHILD_PAGE, CHILD_END]


def test_the_same_under_maintenance_but_a_measured_recovery_is_told() -> None:
    world = chain()
    world.down = {"router"}
    world.run(10)
    world.maintenance = {"router"}
    world.run(900)
    assert world.told("router") == [CHILD_PAGE]
    world.down = set()
    world.run(5)
    assert world.told("router") == [CHILD_PAGE, CHILD_END]


def test_maintenance_that_ends_on_a_broken_target_pages() -> None:
    world = chain()
    world.maintenance = {"router"}
    world.down = {"router"}
    world.run(100)
    assert world.open() == []
    world.maintenance = set()
    world.run(20)
    assert world.told("router") == [CHILD_PAGE]


def test_an_acknowledgement_stands_through_cover() -> None:
    world = chain()
    world.down = {"router"}
    world.run(10)
    world.ack(1)
    world.down = {"router", "link"}
    world.run(100)
    world.down = {"router"}
    world.now += 2000
    world.run(2)
    assert world.rows[1].state is IncidentState.ACKNOWLEDGED
    assert world.told("router") == [CHILD_PAGE]


def test_five_hundred_children_say_nothing_when_their_upstream_dies_and_heals() -> None:
    children = [target(f"child-{n}", "link", probes=(ICMP, SNMP)) for n in range(500)]
    lingering = replace(DOWN_RULE, keep_firing_for_s=30.0)
    world = World(province([link("link"), *children]), rules=(lingering, SNMP_RULE))
    for child in children:
        world.set("linkwatch_probe_success", child.id, 1.0, probe="snmp")
    world.run(3)
    world.down = {"link", *(child.id for child in children)}
    for child in children:
        world.set("linkwatch_probe_success", child.id, 0.0, probe="snmp")
    world.run(40)
    assert world.open() == ["link"]
    assert len(world.rows[1].impact) == 500
    world.down = set()
    world.run(30)  # pinged again at once, polled again within 30 s
    for child in children:
        world.set("linkwatch_probe_success", child.id, 1.0, probe="snmp")
    world.run(60)
    assert {message.incident for message in world.messages} == {1}
    assert world.open() == []


def test_a_child_that_stays_down_after_its_upstream_healed_is_paged_once_rechecked() -> None:
    world = chain()
    world.down = {"link", "router", "camera"}
    world.run(60)
    world.down = {"camera"}
    world.run(5)
    assert world.open() == ["link"] or world.open() == []
    world.run(30)
    assert world.told("camera") == [CHILD_PAGE]
    assert world.told("router") == []


def test_a_slow_probe_speaks_only_after_it_had_time_to_measure_anew() -> None:
    world = World(province([link("link"), target("router", "link", probes=(ICMP, SNMP))]))
    world.down = {"link", "router"}
    world.run(3)
    world.set("linkwatch_probe_success", "router", 0.0, probe="snmp")
    world.run(20)
    world.down = set()
    world.run(34)
    assert world.told("router") == []
    world.run(10)
    assert world.told("router") == [CHILD_PAGE], "it is silent although its upstream is back"


def test_covered_alerts_wait_while_their_root_is_pending() -> None:
    world = chain()
    world.down = {"camera", "router"}
    world.run(3)
    assert world.open() == []
    world.run(2)
    assert world.open() == ["router"]
    assert world.rows[1].impact == ("camera",)


def test_a_dead_upstream_without_a_rule_is_spoken_of_by_its_children_as_one() -> None:
    rule = Rule("TargetDown", 'linkwatch_up{kind="camera"} == 0', for_s=3.0, labels={"severity": "critical"})
    cameras = [target(f"camera-{n}", "router", kind=Kind.CAMERA) for n in range(3)]
    world = World(province([target("router"), *cameras]), rules=(rule,))
    world.down = {"router", *(camera.id for camera in cameras)}
    world.run(10)
    assert world.open() == ["router"]
    assert world.told("router") == [CHILD_PAGE]
    assert set(world.rows[1].targets) == {"router", *(camera.id for camera in cameras)}
    world.down = set()
    world.run(30)
    assert world.open() == []
    assert world.told("router") == [CHILD_PAGE, CHILD_END]


@pytest.mark.parametrize("down", [{"a"}, {"b"}])
def test_one_of_two_upstreams_covers_nobody(down: set[str]) -> None:
    world = World(province([link("a"), link("b"), target("site", "a", "b")]))
    world.down = {*down, "site"}
    world.run(10)
    assert sorted(world.open()) == sorted([*down, "site"])


def test_both_upstreams_together_cover() -> None:
    world = World(province([link("a"), link("b"), target("site", "a", "b")]))
    world.down = {"a", "b", "site"}
    world.run(10)
    assert sorted(world.open()) == ["a", "b"]


def test_a_new_alert_waits_while_an_upstream_is_under_suspicion_but_not_for_ever() -> None:
    world = chain()
    world.run(2)
    world.suspect = {"link"}
    world.down = {"router"}
    world.run(5)
    assert world.open() == []
    world.run(7)
    assert world.open() == ["router"]


def test_lost_redundancy_is_impact_of_the_upstream_that_died() -> None:
    rule = Rule("RedundancyLost", "linkwatch_redundancy_paths < 2", labels={"severity": "warning"})
    sites = [target(f"site-{n}", "a", "b") for n in range(5)]
    world = World(province([link("a"), link("b"), *sites]), rules=(*World.rules, rule))
    world.down = {"a"}
    for site in sites:
        world.set("linkwatch_redundancy_paths", site.id, 1.0)
    world.run(30)
    assert world.open() == ["a"]


def test_held_alerts_send_nothing_and_say_why_once() -> None:
    world = chain()
    world.down = {"router"}
    world.run(10)
    world.unmeasured = {"router"}
    world.run(30)
    (incident,) = world.of("router")
    assert incident.held
    assert world.timeline(1).count("held") == 1
    held = next(event for event in world.events if event.kind == "held")
    assert held.detail["reason"] == "not-measured"
    assert world.told("router") == [CHILD_PAGE]
    world.unmeasured, world.down = set(), set()
    world.run(3)
    assert world.told("router") == [CHILD_PAGE, CHILD_END]


def test_escalation_goes_on_while_merely_held() -> None:
    world = chain()
    world.down = {"router"}
    world.run(10)
    world.unmeasured = {"router"}
    world.run(300)
    assert ("page", "it-duty", "sms") in world.told("router")


def test_after_an_isolation_a_slow_probe_has_time_to_measure_anew() -> None:
    slow = replace(ICMP, interval_s=30.0, timeout_s=10.0)
    portal = replace(target("portal"), probes=(slow,), emergency=True)
    world = World(province([target("anchor"), portal], anchors=["anchor"]))
    world.run(20)
    world.down = {"anchor", "portal"}
    world.run(60)
    world.down = {"portal"}  # the uplink is back; the portal is only asked again half a minute later
    world.run(27)
    world.down = set()
    world.run(60)
    assert world.told("portal") == []
