"""What a restart must not tell: what is over, what was covered, what has not been measured yet."""

from __future__ import annotations

from dataclasses import replace

from linkwatch.core.blame import Blame, Ground
from linkwatch.core.memory import UNSEEN_S
from tests.core.incident_world import (
    ICMP,
    PAGE,
    RESOLVED,
    World,
    link,
    province,
    target,
)

ONE = province([link("link")])
CHAIN = province([link("link"), target("router", "link"), target("other", "link")])


def in_an_outage(seconds: float) -> World:
    world = World(ONE)
    world.down = {"link"}
    world.run(seconds)
    assert world.told("link") == [("page", "it-duty", "chat")]
    return world


def dead_for(world: World, seconds: float) -> None:
    """The process is killed and starts again later; nothing is measured at first."""
    world.now += seconds
    world.restart()
    world.unmeasured = set(world.inventory.targets)


def test_an_outage_that_ended_while_dead_is_not_told_to_anybody_new() -> None:
    world = in_an_outage(10)
    dead_for(world, 1000)
    world.commit(world.book.escalate(world.inventory, world.now))  # before the first judgement
    world.run(5)
    world.down, world.unmeasured = set(), set()
    world.run(5)
    assert world.told("link") == [("page", "it-duty", "chat"), ("resolved", "it-duty", "chat")]


def test_steps_that_came_due_while_dead_go_out_with_the_first_measurement() -> None:
    world = in_an_outage(10)
    dead_for(world, 400)
    world.run(5)
    assert len(world.told("link")) == 1
    world.unmeasured = set()
    world.tick()
    assert world.told("link", PAGE)[1:] == [("page", "vnpt-duty", "sms"), ("page", "vnpt-duty", "chat")]


def test_our_own_silence_after_a_start_delays_a_step_but_never_loses_it() -> None:
    world = in_an_outage(10)
    dead_for(world, 400)
    world.run(UNSEEN_S)
    assert len(world.told("link")) == 1
    world.run(2)
    assert world.told("link", PAGE)[1:] == [("page", "vnpt-duty", "sms"), ("page", "vnpt-duty", "chat")]


def test_no_reminder_of_an_outage_that_is_over() -> None:
    world = in_an_outage(10)
    world.run(1000)
    told = len(world.told("link"))
    dead_for(world, 700)
    world.run(2)
    world.down, world.unmeasured = set(), set()
    world.run(5)
    assert {kind for kind, _, _ in world.told("link")[told:]} == {"resolved"}


def test_children_that_come_back_slowly_are_rechecked_over_a_restart() -> None:
    world = World(CHAIN)
    world.down = {"link", "router", "other"}
    world.run(30)
    world.down = {"router", "other"}  # the upstream is back, what lies behind it needs a little longer
    world.run(2)
    world.restart()
    world.run(4)
    world.down = set()
    world.run(60)
    assert world.told("router") == world.told("other") == []
    assert world.open() == []


def test_a_child_that_stays_down_is_paged_after_the_recheck() -> None:
    world = World(CHAIN)
    world.down = {"link", "router"}
    world.run(30)
    world.down = {"router"}
    world.run(2)
    world.restart()
    world.run(3 * ICMP.interval_s + ICMP.timeout_s + 5)
    assert world.told("router", PAGE) == [("page", "it-duty", "chat")]


def test_an_incident_that_was_covered_is_rechecked_over_a_restart_before_it_speaks_again() -> None:
    world = World(CHAIN)
    world.down = {"router"}
    world.run(10)
    world.down = {"link", "router"}
    world.run(10)
    assert world.rows[1].covered_since is not None
    world.now += 400  # a step is overdue as soon as it is not covered any more
    world.down = {"router"}
    world.run(1)
    world.restart()
    world.run(3)
    assert world.rows[1].covered_since is not None
    world.down = set()
    world.run(60)
    assert world.told("router") == [("page", "it-duty", "chat"), ("resolved", "it-duty", "chat")]


def test_a_ground_that_a_later_version_wrote_is_no_ground() -> None:
    known = Blame.parse("vnpt", "satellite-image:10.0.0.1")
    assert known == Blame("vnpt", Ground.UNKNOWN, "10.0.0.1")
    world = in_an_outage(10)
    world.rows[1] = replace(world.rows[1], blame_reason="satellite-image:10.0.0.1", fault_owner=None)
    world.restart()
    world.run(5)
    assert world.rows[1].fault_owner == "vnpt"
    world.down = set()
    world.run(5)
    assert world.told("link", RESOLVED) == [("resolved", "it-duty", "chat")]
