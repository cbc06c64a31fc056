"""What the service says of a bad wire: loss, delay, jitter as they are, and an outage when one way fails."""

from __future__ import annotations

from pathlib import Path

import pytest

from linkwatch.demo.wire import CUT, Conditions, Way
from tests.live.watch import QUICK_RULES, Watch, inbox, inventory, wait_for, watching
from tests.network import FAR_NETWORK, FAR_NETWORK_6, over_a_wire

pytestmark = pytest.mark.live

STEADY, LOSSY, JITTERY, STEADY_6 = "10.50.1.1", "10.50.1.2", "10.50.1.3", "fd50::1"
EVERY_S, ENOUGH = 0.1, 200
DELAY, LOSS_RATIO, JITTER_S = Conditions(0.030), 0.2, 0.030


def test_metrics_tell_what_the_wire_does_and_a_way_back_that_fails_is_an_outage(tmp_path: Path) -> None:
    (tmp_path / "quick.yml").write_text(QUICK_RULES)
    ids = {"steady": STEADY, "lossy": LOSSY, "jittery": JITTERY, "steady-6": STEADY_6}
    probes = [{"type": "icmp", "interval": f"{EVERY_S}s"}]
    targets = [{"id": id_, "address": address, "probes": probes} for id_, address in ids.items()]
    scope = [FAR_NETWORK, FAR_NETWORK_6, "127.0.0.0/8"]
    document = inventory(tmp_path, targets, rules=["quick.yml"], scope=scope)
    with over_a_wire() as (near, _, wire), inbox(near) as pages:
        for address in (STEADY, STEADY_6):
            wire.change(DELAY, address)
        wire.change(DELAY, LOSSY, there=Conditions(0.030, loss_ratio=LOSS_RATIO))
        wire.change(DELAY, JITTERY, there=Conditions(0.030, JITTER_S))
        with watching(near, tmp_path, document) as watch:
            wait_for(lambda: (watch.metric("linkwatch_icmp_sent_total", target="lossy") or 0) > ENOUGH, 60)
            told = {id_: quality(watch, id_) for id_ in ids}
            assert not pages.messages
            wire.change(address=STEADY, back=CUT)
            wait_for(lambda: pages.subjects("steady"), 15)
            wire.change(DELAY, STEADY)
            wait_for(lambda: watch.metric("linkwatch_up", target="steady") == 1, 15)
        jitter_s = wire.counts(Way.THERE, JITTERY).jitter_s
    steady = pytest.approx((0.0, 0.060, 0.0), abs=0.010)
    assert (told["steady"], told["steady-6"]) == (steady, steady)
    loss_ratio, *rest = told["lossy"]
    assert loss_ratio == pytest.approx(LOSS_RATIO, abs=0.08)
    assert rest == pytest.approx([0.060, 0.0], abs=0.010)
    assert told["jittery"] == pytest.approx((0.0, 0.060 + JITTER_S / 2, jitter_s), abs=0.010)


def quality(watch: Watch, target: str) -> tuple[float | None, ...]:
    """Loss, mean round trip and jitter of the last minute."""
    return (
        watch.metric("linkwatch_icmp_loss_ratio", target=target, window="1m"),
        watch.metric("linkwatch_icmp_rtt_seconds", target=target, window="1m", stat="mean"),
        watch.metric("linkwatch_icmp_jitter_seconds", target=target, window="1m"),
    )
