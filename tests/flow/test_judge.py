"""The judge's turn: whatever comes, it is judged; what is hidden stays out of the windows."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from ipaddress import ip_network

import pytest

from linkwatch.core.inventory import Inventory, Kind, ProbeSpec, Scope, Target
from linkwatch.core.records import Alert, AlertState
from linkwatch.core.rules import Rule
from probes.icmp import Settings
from tests.flow.watching import ICMP, MONOTONIC, START, Watch

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


async def test_windows_may_be_laid_out_anew_while_they_are_computed() -> None:
    slow = ProbeSpec("icmp", "icmp", 10.0, 3.0, Settings())
    targets = [host("a"), host("b"), host("c", probes=(slow,)), host("d", probes=(slow,))]
    watch = Watch(inventory(*targets))
    watch.point([targets[0], targets[2]])
    refresh = watch.echoes.publish_windows(["10s"])
    await anext(refresh)
    watch.point(targets)
    async for _ in refresh:
        pass
    await watch.turn()


async def test_a_target_that_is_pinged_no_longer_is_unknown_and_stops_nobody() -> None:
    targets = [host("a"), host("b"), host("c")]
    watch = Watch(inventory(*targets))
    for target in targets:
        watch.decide(target.id, True, START)
    await watch.turn({"a": 0.01, "b": 0.01, "c": 0.01})
    watch.point(targets[:1])
    await watch.turn({"a": 0.01})
    assert [watch.value("linkwatch_up", name) for name in "abc"] == [1.0, None, None]
    watch.point(targets[:2])
    await watch.turn({"a": 0.01})
    assert watch.pinger.covered.tolist() == [False, False, False]


async def test_an_echo_that_could_not_be_sent_is_no_measurement() -> None:
    watch = Watch(inventory(host("a")))
    watch.decide("a", False, START)
    await watch.turn({"a": LOST})
    measured_at = watch.utc_s
    await watch.turn({"a": float("nan")})
    column = watch.board.column("linkwatch_up")
    assert column.measured_at.tolist() == [measured_at]


async def test_every_interval_has_windows_of_its_own() -> None:
    slow = ProbeSpec("icmp", "icmp", 5.0, 3.0, Settings())
    watch = Watch(inventory(host("slow", probes=(slow,)), host("a"), host("b")))
    for second in range(60):
        rtt_s = {"a": 0.01, "b": LOST if second % 2 else 0.03}
        await watch.turn({**rtt_s, "slow": 0.2} if second % 5 == 0 else rtt_s)
    assert watch.value("linkwatch_icmp_loss_ratio", "b", window="1m") == pytest.approx(0.5, abs=0.02)
    assert watch.value("linkwatch_icmp_loss_ratio", "a", window="10s") == 0.0
    rtt_s = watch.value("linkwatch_icmp_rtt_seconds", "slow", window="1m", stat="mean")
    assert rtt_s == pytest.approx(0.2)
    assert watch.pinger.confirmations[watch.rows["a"]] == 8


async def test_roll_ups_count_an_outage_in_availability_and_not_in_loss() -> None:
    watch = Watch(inventory(host("a")))
    watch.decide("a", True, START)
    for _ in range(300):
        await watch.turn({"a": 0.01})
    watch.decide("a", False, watch.utc_s)
    for _ in range(100):
        await watch.turn({"a": LOST})
    watch.decide("a", True, watch.utc_s)
    for _ in range(106):
        await watch.turn({"a": 0.01})
    assert watch.value("linkwatch_icmp_loss_ratio", "a", window="15m") == 0.0
    available = watch.value("linkwatch_probe_success_ratio", "a", probe="icmp", window="15m")
    assert available == pytest.approx(406 / 506, abs=0.01)


async def test_a_mistake_in_one_turn_ends_the_judge_instead_of_leaving_it_blind() -> None:
    watch = Watch(inventory(host("a")))

    def fail(*_args: object, **_options: object) -> None:
        raise ZeroDivisionError

    watch.incidents.judge = fail  # type: ignore[method-assign, assignment]
    with pytest.raises(ZeroDivisionError):
        await asyncio.wait_for(watch.judge.run(), 2.0)
    assert watch.judge.turned_s == 0.0


async def test_a_turn_over_many_targets_is_seen_to_go_on_before_it_ends() -> None:
    watch = Watch(inventory(*(host(f"t{number}") for number in range(2000))))
    seen = set()
    turning = asyncio.create_task(watch.judge.turn(full=True))
    while not turning.done():
        seen.add((watch.judge.steps, watch.judge.turned_s))
        await asyncio.sleep(0)
    assert len(seen) > 3
    assert {turned_s for _, turned_s in seen} == {0.0}


async def test_a_poke_is_judged_at_once() -> None:
    watch = Watch(inventory(host("a")))
    running = asyncio.create_task(watch.judge.run())
    await asyncio.sleep(0.05)
    turns = watch.incidents.turns
    watch.judge.poke()
    await asyncio.sleep(0.05)
    assert watch.incidents.turns == turns + 1
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


async def test_a_short_outage_of_a_clean_link_is_a_blip_and_on_a_lossy_one_only_if_it_is_long() -> None:
    watch = Watch(inventory(host("a"), host("b"), host("c")))
    for _ in range(6):
        await watch.turn({"a": 0.01, "b": LOST, "c": LOST})
        await watch.turn({"a": 0.01, "b": 0.01, "c": 0.01})
    watch.lose("a", 1, clean=True)
    watch.lose("b", 9, clean=False)
    watch.lose("c", 14, clean=False)
    for _ in range(4):
        await watch.turn()
    assert [blips(watch, name) for name in ("a", "b", "c")] == [1, 0, 1]


async def test_short_outages_behind_an_upstream_that_has_one_too_are_its_own() -> None:
    watch = Watch(inventory(host("core"), host("site", "core"), host("camera", "site")))
    watch.lose("camera", 1, clean=True)
    await watch.turn()
    watch.lose("core", 3, clean=True)
    for _ in range(4):
        await watch.turn()
    assert [blips(watch, name) for name in ("core", "site", "camera")] == [1, 0, 0]
    assert watch.value("linkwatch_targets_behind", "core") == 2
    assert watch.value("linkwatch_targets_behind", "site") == 1
    assert watch.value("linkwatch_targets_behind", "camera") is None


async def test_a_verdict_that_falls_while_windows_are_computed_does_not_wait_for_them() -> None:
    watch = Watch(inventory(host("a")), [replace(DOWN, for_s=0.0)])
    watch.decide("a", True, START)
    await watch.turn({"a": 0.01})
    turn = asyncio.create_task(watch.turn({"a": 0.01}))
    await asyncio.sleep(0)
    watch.decide("a", False, watch.utc_s)
    watch.judge.poke()
    turns = watch.incidents.turns
    while not watch.incidents.transitions:
        assert not turn.done()
        await asyncio.sleep(0)
    assert watch.incidents.turns == turns + 1
    await turn


async def test_a_verdict_that_falls_while_windows_are_laid_out_anew_takes_none_for_empty() -> None:
    lossy = Rule("PacketLoss", 'linkwatch_icmp_loss_ratio{window="5m"} > 0.05')
    watch = Watch(inventory(host("a")), [lossy])
    watch.decide("a", True, START)
    for second in range(80):
        await watch.turn({"a": LOST if second % 10 == 0 else 0.01})
    watch.incidents.transitions.clear()
    async with watch.judge.between_turns():
        watch.point(watch.pinged)
        watch.judge.poke()
    assert not watch.incidents.transitions
    assert [alert.state for alert in watch.machine.active.values()] == [AlertState.FIRING]


async def time_passes(watch: Watch) -> None:
    loop = asyncio.get_running_loop()
    while True:
        watch.now_s, watch.utc_s = MONOTONIC + loop.time(), START + loop.time()
        await asyncio.sleep(0.01)


@pytest.mark.looptime
async def test_an_alert_fires_when_it_has_lasted_and_not_at_the_next_second() -> None:
    watch = Watch(inventory(host("a")), [replace(DOWN, for_s=1.5)])
    watch.decide("a", False, START)
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(time_passes(watch)), group.create_task(watch.judge.run())]
        await asyncio.sleep(1.6)
        for task in tasks:
            task.cancel()
    pending, firing = watch.incidents.transitions
    assert pending.alert.state is AlertState.PENDING
    assert firing.alert.fired_at == pytest.approx(START + 1.5, abs=0.05)
