"""A target without a verdict for long is spoken of; not one that a cover or a fresh start explains."""

from __future__ import annotations

import pytest

from linkwatch.config.rulefile import load_rules
from linkwatch.config.shipped import rules_dir
from linkwatch.core.grouping import RECHECK_DEFAULT_S, START_GRACE_S
from linkwatch.core.inventory import Inventory
from tests.core.incident_world import RULES, World, link, province, target

LONG_S = 601
SHIPPED = [
    rule for rule in load_rules([rules_dir() / "reachability.yml"]) if rule.name == "TargetNotMeasured"
]
CHAIN = province([link("link"), target("router", "link"), link("anchor")], anchors=["anchor"])


def world_of(inventory: Inventory) -> World:
    world = World(inventory, [*RULES, *SHIPPED])
    publish(world)
    return world


def publish(world: World) -> None:
    """Every target is on the board, measured or not."""
    world.board.column("linkwatch_start_time_seconds").set({}, world.now - 100, 0.0)
    maintenance = world.board.column("linkwatch_in_maintenance")
    for one in world.inventory.targets.values():
        maintenance.set(one.labels(), 0.0, 0.0)


def restart_after(world: World, seconds: float) -> None:
    world.now += seconds
    world.restart()
    publish(world)


def test_a_target_that_is_not_measured_for_long_is_an_incident_until_it_is() -> None:
    world = world_of(CHAIN)
    world.unmeasured = {"router"}
    world.run(LONG_S - 2)
    assert world.open() == []
    world.run(2)
    assert world.open() == ["router"]
    world.unmeasured = set()
    world.run(62)
    assert world.open() == []


def test_one_that_is_found_down_at_last_stays_one_incident() -> None:
    world = world_of(CHAIN)
    world.unmeasured = {"router"}
    world.run(LONG_S)
    world.unmeasured, world.down = set(), {"router"}
    world.run(120)
    assert [incident.root for incident in world.rows.values()] == ["router"]
    assert world.open() == ["router"]


@pytest.mark.parametrize("cover", ["upstream", "isolated", "maintenance"])
def test_a_covered_one_is_not_spoken_of(cover: str) -> None:
    world = world_of(CHAIN)
    world.run(5)
    world.unmeasured = {"router"}
    world.down = {"upstream": {"link"}, "isolated": {"anchor"}, "maintenance": set[str]()}[cover]
    world.maintenance = {"router"} if cover == "maintenance" else set()
    world.run(LONG_S + 60)
    assert "router" not in world.open()
    world.unmeasured, world.down, world.maintenance = set(), set(), set()
    world.run(90)
    assert world.of("router") == []


def test_a_start_long_after_the_last_end_is_no_long_silence() -> None:
    """It was not measured for a moment as the last run ended, nor is it in the first moments of this one."""
    world = world_of(province([link("link")]))
    world.unmeasured = {"link"}
    world.run(30)
    restart_after(world, 3600)
    world.run(10)
    world.unmeasured = set()
    world.run(90)
    assert world.of("link") == []


def test_after_such_a_start_it_is_told_of_once_it_had_time_to_be_measured() -> None:
    world = world_of(province([link("link")]))
    world.unmeasured = {"link"}
    world.run(30)
    restart_after(world, 3600)
    world.run(START_GRACE_S)
    assert world.open() == []
    world.run(RECHECK_DEFAULT_S)
    assert world.open() == ["link"]
