"""/metrics of 270,000 series beside a prometheus_client collector of the same series, both over HTTP."""

from __future__ import annotations

import statistics
import time
import urllib.request
from collections.abc import Iterator

from bench.process import Spell, Subject, forget_peak, memory_mb
from bench.row import Figure, Pace, Row

OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))
CHUNK = 1 << 20


def measure(pace: Pace) -> Iterator[Figure]:
    """CPU time of the server, so that the reader of the answer does not count."""
    with Subject("exposition", "ours") as ours:
        resident_mb = memory_mb(ours.pid)
        size, first_s, _ = fetch(ours)
        first_lag_s = lag_s(ours)
        first_mb = memory_mb(ours.pid, "VmHWM") - resident_mb
        forget_peak(ours.pid)
        resident_mb = memory_mb(ours.pid)
        runs = [fetch(ours) for _ in range(pace.pick(9, 3))]
        grown_mb = memory_mb(ours.pid, "VmHWM") - resident_mb
        later_lag_s = lag_s(ours)
    with Subject("exposition", "peer") as peer:
        before_mb = memory_mb(peer.pid)
        peer_runs = [fetch(peer) for _ in range(pace.pick(3, 1))]
        peer_mb = memory_mb(peer.pid, "VmHWM") - before_mb
    for what, place in (("time of a scrape", 1), ("CPU of a scrape", 2)):
        own, theirs = (statistics.median(run[place] for run in each) for each in (runs, peer_runs))
        limit = 0.1 if place == 1 else None
        yield Figure(what, own, "s", limit, None, theirs, "prometheus_client", f"{size / 1e6:.0f} MB of text")
    yield Figure("first scrape, which makes the label texts", first_s, "s")
    yield Figure("worst lag of the event loop, first scrape", first_lag_s * 1e3, "ms", at_most=60)
    yield Figure("worst lag of the event loop, later scrapes", later_lag_s * 1e3, "ms", at_most=60)
    yield Figure(
        "peak memory beyond what is resident", grown_mb, "MB", 20, None, None, "", f"peer {peer_mb:.0f} MB"
    )
    yield Figure("the same, first scrape", first_mb, "MB")


def fetch(subject: Subject) -> tuple[int, float, float]:
    """One scrape: bytes, seconds, CPU seconds of the server."""
    port = int(subject.said.split()[1])
    spell, began, size = Spell(subject.pid), time.monotonic(), 0
    with OPENER.open(f"http://127.0.0.1:{port}/metrics", timeout=60) as answer:
        while part := answer.read(CHUNK):
            size += len(part)
    return size, time.monotonic() - began, spell.used_s


def lag_s(subject: Subject) -> float:
    """The worst lag of its event loop since last asked."""
    with OPENER.open(f"http://127.0.0.1:{subject.said.split()[1]}/lag", timeout=60) as answer:
        return float(answer.read())


ROWS = (Row("exposition", "/metrics with 270,000 series beside a prometheus_client collector", measure),)
