"""How wrong round-trip times are while other threads hold the interpreter lock, by the kernel's capture."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.capture import Capture, capturing
from bench.network import FIRST, namespace
from bench.process import Subject
from bench.row import Figure, Pace, Row
from bench.tools import NAMESPACE, TCPDUMP
from linkwatch.demo.wire import Conditions
from tests.network import Namespace, wired

LOOPBACK_TARGETS, WIRE_TARGETS = 5_000, 500
DELAY_MS, JITTER_S = 25.0, 0.001
REACH_MS = 0.3
WARM_UP_S = 3.0
APART_S = 0.4
"""A captured echo is the one that was measured if both were sent to one address within this time."""


def measure_loopback(pace: Pace) -> Iterator[Figure]:
    """On loopback, where a round trip takes some microseconds."""
    with namespace(firewall=False) as inside:
        yield from compare(inside, "lo", LOOPBACK_TARGETS, pace.pick(30, 5))


def measure_wire(pace: Pace) -> Iterator[Figure]:
    """Over a wire in user space that delays each packet."""
    with (
        namespace(firewall=False) as near,
        namespace(firewall=False) as far,
        wired(near, far) as wire,
    ):
        wire.change(Conditions(DELAY_MS / 1e3, JITTER_S))
        yield from compare(near, "wire", WIRE_TARGETS, pace.pick(30, 5), 2 * DELAY_MS)


def compare(
    inside: Namespace, interface: str, count: int, seconds: float, known_ms: float | None = None
) -> Iterator[Figure]:
    """Ping beside threads that stall, capture, and take the difference of each round trip."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        words = ("--first", FIRST, "--count", count, "--stall", "--results", folder / "results.npz")
        with (
            capturing(inside, interface, folder / "capture.pcap") as capture,
            Subject("pinger", *words, inside=inside.command()) as pinger,
        ):
            time.sleep(WARM_UP_S + seconds)
            told = json.loads(pinger.finish())
        error_ms, send_ms, rtt_ms = errors_ms(capture, folder / "results.npz")
    p50, p99, worst = np.percentile(np.abs(error_ms), [50, 99, 100]).tolist()
    yield Figure("p99 of the absolute error", p99, "ms", at_most=REACH_MS, note=f"{error_ms.size:,} echoes")
    yield Figure("median of the absolute error", p50, "ms")
    yield Figure("worst error", worst, "ms")
    yield Figure("p99 of the error in the send time", float(np.percentile(np.abs(send_ms), 99)), "ms")
    if known_ms is not None:
        yield Figure("median round trip", float(np.median(rtt_ms)), "ms", peer=known_ms, peer_name="wire")
    yield Figure("missed sends", told["missed"], at_most=0)
    yield Figure("lost or void", told["lost"] + told["void"], at_most=0)


def errors_ms(capture: Capture, results: Path) -> tuple[NDArray[np.float64], ...]:
    """Measured less captured: round trip and send time of what is in both; then measured round trips."""
    captured = capture.round_trips()
    with np.load(results) as kept:
        answered = np.isfinite(kept["rtt_s"])
        address, sent_at, rtt_s = (kept[name][answered] for name in ("address", "sent_at", "rtt_s"))
    order = np.argsort(address, kind="stable")
    found = []
    for rows in np.split(order, np.flatnonzero(np.diff(address[order])) + 1):
        asked_at, true_s = captured[int(address[rows[0]])]
        nearest = np.abs(sent_at[rows][:, None] - asked_at[None, :]).argmin(axis=1)
        late_s = sent_at[rows] - asked_at[nearest]
        errors = np.array([rtt_s[rows] - true_s[nearest], late_s, rtt_s[rows]])
        found.append(errors[:, np.abs(late_s) < APART_S])
    return tuple(np.concatenate(found, axis=1) * 1e3)


ROWS = (
    Row(
        "rtt",
        "RTT error on loopback while threads hold the GIL for 40-75 ms, by tcpdump",
        measure_loopback,
        (*NAMESPACE, TCPDUMP),
    ),
    Row(
        "rtt-wire",
        "RTT error over a wire of 25 ms each way, the same stalls, by tcpdump",
        measure_wire,
        (*NAMESPACE, TCPDUMP),
    ),
)
