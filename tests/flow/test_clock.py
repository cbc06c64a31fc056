"""The wall clock is set, forward or back: nothing happens earlier or later by it, nor counts as evidence."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from linkwatch.core.records import GoneReason
from linkwatch.core.rules import Rule
from linkwatch.flow.clock import STEP_S, Clock
from tests.core.incident_world import PAGE, World, link, province
from tests.flow.test_judge import DOWN, LOST, host, inventory
from tests.flow.watching import ICMP, START, Watch

STEPS = pytest.mark.parametrize("step_s", [3600.0, -3600.0, 0.7, -0.7])


@dataclass
class Two:
    """A wall clock and a monotonic one; `apart_s`: what passes between two looks at the latter."""

    wall_s: float = START
    monotonic_s: float = 50.0
    apart_s: float = 0.0

    def clock(self) -> Clock:
        return Clock(wall=lambda: self.wall_s, monotonic=self.look)

    def look(self) -> float:
        self.monotonic_s += self.apart_s
        return self.monotonic_s

    def passes(self, seconds: float, set_by_s: float = 0.0) -> None:
        self.monotonic_s += seconds
        self.wall_s += seconds + set_by_s


@STEPS
def test_utc_goes_on_evenly_until_it_catches_up(step_s: float) -> None:
    two = Two()
    clock = two.clock()
    two.passes(10.0, set_by_s=step_s)
    assert clock.utc() == START + 10.0
    assert clock.catch_up() == pytest.approx(step_s)
    assert clock.utc() == two.wall_s
    assert clock.catch_up() == 0.0


def test_a_clock_that_is_only_trimmed_was_not_set() -> None:
    two = Two()
    clock = two.clock()
    for _ in range(100):
        two.passes(1.0, set_by_s=STEP_S / 2)
        assert clock.catch_up() == 0.0
        assert clock.utc() == pytest.approx(two.wall_s)


def test_a_busy_machine_is_not_taken_for_a_clock_that_was_set() -> None:
    two = Two()
    clock = two.clock()
    two.apart_s = 0.4
    assert clock.catch_up() == 0.0
    two.apart_s = 0.0
    two.wall_s += 0.8
    assert clock.catch_up() == 0.0


async def outage(watch: Watch) -> None:
    """Up for five seconds, then down; the first turn that knows it has been taken."""
    watch.decide("a", True, START)
    for _ in range(5):
        await watch.turn({"a": 0.01})
    watch.decide("a", False, watch.utc_s)
    await watch.turn({"a": LOST})


def told(watch: Watch) -> list[str]:
    return [transition.reason for transition in watch.incidents.transitions]


@STEPS
async def test_a_pending_alert_fires_after_its_for_whatever_the_clock_does(step_s: float) -> None:
    watch = Watch(inventory(host("a")), [DOWN])
    await outage(watch)
    watch.step(step_s)
    for _ in range(2):
        await watch.turn({"a": LOST})
    assert told(watch) == ["holds"]
    await watch.turn({"a": LOST})
    assert told(watch) == ["holds", "for-elapsed"]


@STEPS
async def test_a_restart_after_the_clock_was_set_keeps_the_timer(step_s: float) -> None:
    slow = [Rule("TargetDown", "linkwatch_up == 0", for_s=30.0)]
    watch = Watch(inventory(host("a")), slow)
    await outage(watch)
    watch.step(step_s)
    await watch.turn({"a": LOST}, seconds=9.0)
    again = Watch(inventory(host("a")), slow, tuple(watch.machine.active.values()), watch.utc_s)
    again.decide("a", False, again.utc_s)
    await again.turn({"a": LOST}, seconds=20.0)
    assert told(again) == []
    await again.turn({"a": LOST})
    assert told(again) == ["for-elapsed"]


@STEPS
async def test_keep_firing_for_lasts_as_long_as_it_says(step_s: float) -> None:
    watch = Watch(inventory(host("a")), [Rule("TargetDown", "linkwatch_up == 0", keep_firing_for_s=10.0)])
    await outage(watch)
    watch.decide("a", True, watch.utc_s)
    await watch.turn({"a": 0.01})
    watch.step(step_s)
    await watch.turn({"a": 0.01}, seconds=9.0)
    assert told(watch) == ["for-elapsed"]
    await watch.turn({"a": 0.01})
    assert told(watch) == ["for-elapsed", GoneReason.RECOVERED]


@STEPS
async def test_what_was_measured_before_the_step_is_no_evidence_and_what_comes_after_is(
    step_s: float,
) -> None:
    watch = Watch(inventory(host("a"), host("anchor"), anchors=("anchor",)), [DOWN])
    watch.decide("anchor", True, START)
    await outage(watch)
    for _ in range(3):
        await watch.turn({"a": LOST, "anchor": 0.01})
    watch.decide("anchor", False, watch.utc_s)  # isolated: nothing can be said of anybody
    await watch.turn({"anchor": LOST})
    assert told(watch)[-1] == "not-measured"
    watch.step(step_s)
    for _ in range(5):
        await watch.turn({"anchor": LOST})
    assert told(watch)[-1] == "not-measured"
    watch.decide("anchor", True, watch.utc_s)
    watch.decide("a", True, watch.utc_s)
    await watch.turn({"anchor": 0.01, "a": 0.01})
    assert told(watch)[-1] == GoneReason.RECOVERED


def set_clock(world: World, by_s: float) -> None:
    """What the judge does when the clock was set."""
    world.now += by_s
    world.board.move_times(by_s)
    world.machine.move_times(by_s)
    world.commit(world.book.move_times(by_s, world.machine.active.values(), world.inventory, world.now))


@STEPS
@pytest.mark.parametrize("restarts", [False, True])
def test_no_step_of_an_escalation_is_early_or_late(step_s: float, restarts: bool) -> None:
    world = World(province([link("link", probes=(ICMP,))]))
    world.down = {"link"}
    world.run(104)  # three of them are its `for`
    set_clock(world, step_s)
    assert world.rows[1].due_at == pytest.approx(world.now + 200)
    if restarts:
        world.restart()
    world.run(199)
    assert len(world.told("link", PAGE)) == 1
    world.run(2)
    assert len(world.told("link", PAGE)) == 3
    assert "clock-set" in world.timeline(1)


@STEPS
def test_a_covered_incident_goes_on_where_its_clock_stood(step_s: float) -> None:
    world = World(province([link("link"), link("child", "link")]))
    world.down = {"child"}
    world.run(104)
    world.down = {"link", "child"}
    world.run(50)
    set_clock(world, step_s)
    world.run(50)
    world.down = {"child"}
    world.run(20)
    assert world.rows[1].covered_since is None
    assert world.rows[1].due_at == pytest.approx(world.now + 200, abs=20)
