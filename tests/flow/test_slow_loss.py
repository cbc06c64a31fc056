"""Loss of targets that are pinged too seldom for 60 packets in five minutes: judged over a longer window."""

from __future__ import annotations

from dataclasses import replace

import pytest

from linkwatch.config.rulefile import load_rules
from linkwatch.config.shipped import rules_dir
from linkwatch.core.catalog import ROLLUPS_S, WINDOWS_S
from linkwatch.core.inventory import Objectives, ProbeSpec
from linkwatch.core.records import AlertState
from probes.icmp import Settings
from tests.flow.test_judge import LOST, host, inventory
from tests.flow.watching import START, Watch

RULES = [rule for rule in load_rules([rules_dir() / "quality.yml"]) if rule.name == "PacketLoss"]


@pytest.mark.parametrize(
    ("interval_s", "window", "lasts_s"),
    [
        (1.0, "5m", 600),
        (5.0, "15m", 1800),
        (10.0, "15m", 1800),
        (15.0, "1h", 7200),
        (30.0, "1h", 7200),
    ],
)
async def test_every_interval_up_to_half_a_minute_has_a_window_in_which_loss_is_judged(
    interval_s: float, window: str, lasts_s: float
) -> None:
    slow = ProbeSpec("icmp", "icmp", interval_s, 3.0, Settings())
    promised = {"fibre": Objectives(loss_ratio=0.01)}
    watched = replace(inventory(host("a", probes=(slow,), link_class="fibre")), classes=promised)
    watch = Watch(watched, RULES)
    watch.decide("a", True, START)
    fired_at_s, rounds = 0.0, round((lasts_s + 4000) / interval_s)
    for number in range(rounds):
        await watch.turn({"a": LOST if number % 20 == 0 else 0.01}, seconds=interval_s)
        firing = [alert for alert in watch.machine.active.values() if alert.state is AlertState.FIRING]
        if firing:
            fired_at_s = watch.utc_s - START
            break
    assert [alert.labels["window"] for alert in firing] == [window]
    measured_s = 60 * interval_s
    assert lasts_s + measured_s * 0.9 <= fired_at_s <= lasts_s + measured_s * 1.2 + 120


@pytest.mark.parametrize(("interval_s", "window"), [(4.0, "5m"), (5.0, "5m"), (15.0, "15m"), (60.0, "1h")])
async def test_a_window_that_holds_just_enough_packets_does_not_come_and_go(
    interval_s: float, window: str
) -> None:
    slow = ProbeSpec("icmp", "icmp", interval_s, 3.0, Settings())
    watch = Watch(inventory(host("a", probes=(slow,))))
    watch.decide("a", True, START)
    seen, full_s = set(), {**WINDOWS_S, **ROLLUPS_S}[window] + 60
    for second in range(round(full_s) + 240):
        await watch.turn({"a": 0.01} if second % interval_s == 0 else None)
        if second > full_s:
            seen.add(watch.value("linkwatch_icmp_loss_ratio", "a", window=window) is not None)
    assert len(seen) == 1
