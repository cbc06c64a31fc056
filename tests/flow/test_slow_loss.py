"""Loss of targets that are pinged too seldom for 60 packets in five minutes: judged over a longer window."""

from __future__ import annotations

from dataclasses import replace

import pytest

from linkwatch.config.rulefile import load_rules
from linkwatch.config.shipped import rules_dir
from linkwatch.core.inventory import Objectives, ProbeSpec
from linkwatch.core.records import AlertState
from probes.icmp import Settings
from tests.flow.test_judge import LOST, host, inventory
from tests.flow.watching import START, Watch

RULES = [rule for rule in load_rules([rules_dir() / "quality.yml"]) if rule.name == "PacketLoss"]


@pytest.mark.parametrize(
    ("interval_s", "window", "lasts_s"), [(1.0, "5m", 600), (10.0, "15m", 1800), (30.0, "1h", 7200)]
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
