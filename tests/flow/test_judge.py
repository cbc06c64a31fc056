"""The judge's turn: whatever comes, it is judged; what is hidden stays out of the windows."""

from __future__ import annotations

from ipaddress import ip_network

import pytest

from linkwatch.core.inventory import Inventory, Kind, Scope, Target
from linkwatch.core.records import Alert, AlertState
from linkwatch.core.rules import Rule
from tests.flow.watching import ICMP, START, Watch

LOST = float("inf")
DOWN = Rule("TargetDown", "linkwatch_up == 0", for_s=3.0, labels={"severity": "critical"})
SERIES = (("linkwatch_up", (("target", "gone"),)),)


def host(name: str, *via: str, **settings: object) -> Target:
    given = {"probes": (ICMP,), **settings}
    return Target(name, name, Kind.HOST, "127.0.0.1", via=via, **given)  # type: ignore[arg-type]


def inventory(*targets: Target, anchors: tuple[str, ...] = ()) -> Inventory:
    by_id = {target.id: target for target in targets}
    return Inventory(Scope((ip_network("127.0.0.0/8"),)), by_id, anchors=anchors)


def blips(watch: Watch, target: str) -> float | None:
    watch.verdicts.publish_events(watch.utc_s, watch.now_s)
    return watch.value("linkwatch_blips", target, window="15m")


async def test_an_alert_that_waited_when_its_target_was_taken_out_does_not_stop_the_start() -> None:
    labels = {"alertname": "TargetDown", "target": "gone", "severity": "critical"}
    waiting = Alert("x", "TargetDown", labels, {}, 0.0, AlertState.PENDING, START, START, series=SERIES)
    watch = Watch(inventory(host("a")), [DOWN], [waiting])
    await watch.turn()
    assert [t.alert.state for t in watch.incidents.transitions] == [AlertState.GONE]


async def test_a_failure_that_ends_before_its_for_is_a_blip() -> None:
    watch = Watch(inventory(host("a")), [DOWN])
    watch.decide("a", True, START)
    await watch.turn()
    watch.decide("a", False, watch.utc_s)
    await watch.turn()
    watch.decide("a", True, watch.utc_s)
    await watch.turn()
    assert blips(watch, "a") == 1


async def test_losing_our_own_uplink_for_a_moment_is_nobody_elses_blip() -> None:
    watch = Watch(inventory(host("a"), host("anchor"), anchors=("anchor",)), [DOWN])
    for target in ("a", "anchor"):
        watch.decide(target, True, START)
    await watch.turn()
    watch.decide("a", False, watch.utc_s)
    await watch.turn()
    watch.decide("anchor", False, watch.utc_s)
    await watch.turn()
    watch.decide("anchor", True, watch.utc_s)
    await watch.turn()
    watch.decide("a", True, watch.utc_s)
    await watch.turn()
    assert blips(watch, "a") == 0


async def test_the_wall_clock_set_back_blinds_no_window() -> None:
    watch = Watch(inventory(host("a")))
    watch.decide("a", True, START)
    for _ in range(20):
        await watch.turn({"a": 0.01})
    sent_at = watch.utc_s
    watch.step(-3600.0)
    watch.report({"a": 0.01}, sent_at)
    await watch.turn()
    for _ in range(20):
        await watch.turn({"a": 0.02})
    assert watch.value("linkwatch_icmp_rtt_seconds", "a", window="10s", stat="mean") == pytest.approx(0.02)


async def test_the_wall_clock_set_back_amid_an_outage_makes_no_loss_of_it() -> None:
    watch = Watch(inventory(host("a")))
    watch.decide("a", True, START)
    for _ in range(5):
        await watch.turn({"a": 0.01})
    watch.decide("a", False, watch.utc_s)
    for second in range(40):
        if second == 5:
            watch.step(-3600.0)
        await watch.turn({"a": LOST})
    watch.decide("a", True, watch.utc_s)
    for _ in range(5):
        await watch.turn({"a": 0.01})
    assert watch.value("linkwatch_icmp_loss_ratio", "a", window="1m") == 0.0


async def test_the_wall_clock_set_back_keeps_nothing_settling_for_longer() -> None:
    watch = Watch(inventory(host("link"), host("a", "link")))
    watch.decide("link", False, START)
    watch.decide("a", False, START)
    await watch.turn()
    watch.decide("link", True, watch.utc_s)
    await watch.turn()
    assert watch.judge.reachability is not None
    assert watch.judge.reachability.root_of("a") == "link"
    watch.step(-3600.0)
    await watch.turn(seconds=11.0)
    assert watch.judge.reachability.root_of("a") is None
