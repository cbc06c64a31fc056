"""The whole service: what it costs, what it gets wrong when nothing is wrong, and how it grows."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass

from bench.network import Echoes
from bench.process import PYTHON, Spell, memory_mb
from bench.row import Figure, Pace, Row
from bench.tools import NAMESPACE
from bench.watched import SETTLED_S, Watched, await_all_up, scrape, service, stage, targets
from tests.live.watch import LINKWATCH, inventory

TARGETS = 10_000
SCRAPE_EVERY_S = 15
SIZES = (1_000, 10_000, 50_000)
JUDGED = "linkwatch_judge_duration_seconds"
GROWTH = 1.2
"""A step of the size may cost at most this much more than in proportion."""

LOST, UP = "linkwatch_icmp_loss_ratio", "linkwatch_up"
MISSED, DROPS, ERRORS = (
    "linkwatch_missed_schedules_total",
    "linkwatch_icmp_receive_drops_total",
    "linkwatch_icmp_send_errors_total",
)


def measure_service(pace: Pace) -> Iterator[Figure]:
    """With the shipped rules every second, and a scrape every 15 s."""
    seconds = pace.pick(300, 30)
    with stage() as on, service(on, targets(TARGETS)) as watch:
        await_all_up(watch, TARGETS)
        time.sleep(SETTLED_S)
        spell, lossy, last = Spell(watch.pid), 0, None
        while spell.lasted_s < seconds:
            last = scrape(watch, LOST, UP, MISSED, DROPS, ERRORS)
            lossy = max(lossy, sum(ratio > 0 for ratio in last.all(LOST, 'window="1m"')))
            time.sleep(max(0.0, SCRAPE_EVERY_S - spell.lasted_s % SCRAPE_EVERY_S))
        yield Figure("CPU of one core", spell.cores_percent, "%", at_most=25)
        yield Figure("memory at most", memory_mb(watch.pid, "VmHWM"), "MB", at_most=250)
        yield Figure("memory now", memory_mb(watch.pid), "MB")
        assert last is not None
        yield Figure("targets with false loss", lossy, at_most=0)
        yield Figure("false alerts", len(watch.incidents()) + len(on.pages.messages), at_most=0)
        yield Figure("missed schedules", last.total(MISSED), at_most=0)
        yield Figure("drops and send errors", last.total(DROPS) + last.total(ERRORS), at_most=0)
        yield Figure("size of a scrape", last.size / 1e6, "MB")


def measure_parts(pace: Pace) -> Iterator[Figure]:
    """The same service with a stopwatch on each part."""
    seconds = pace.pick(60, 20)
    with stage() as on:
        report = on.folder / "parts.json"
        runner = (PYTHON, "-m", "bench.subjects.parts", str(report))
        with service(on, targets(TARGETS), runner) as watch:
            await_all_up(watch, TARGETS)
            time.sleep(SETTLED_S)
            before, spell = json.loads(report.read_text()), Spell(watch.pid)
            while spell.lasted_s < seconds:
                scrape(watch)
                time.sleep(max(0.0, SCRAPE_EVERY_S - spell.lasted_s % SCRAPE_EVERY_S))
            total = spell.cores_percent * 10
            after = json.loads(report.read_text())
    yield from by_part(before, after)
    yield Figure("whole process", total, "ms/s")


def by_part(before: dict[str, object], after: dict[str, object]) -> Iterator[Figure]:
    """CPU milliseconds a second of each part between two reports, the dearest first."""
    lasted_s = after["at"] - before["at"]  # type: ignore[operator]
    old, new = before["ms"], after["ms"]
    assert isinstance(old, dict)
    assert isinstance(new, dict)
    rates = {part: (ms - old.get(part, 0.0)) / lasted_s for part, ms in new.items()}
    for part, rate in sorted(rates.items(), key=lambda pair: -pair[1]):
        if rate >= 0.05:
            yield Figure(part, rate, "ms/s")


def measure_memory(_pace: Pace) -> Iterator[Figure]:
    """Live allocations of the same service by part, the largest first."""
    with stage() as on:
        report = on.folder / "memory.json"
        runner = (PYTHON, "-m", "bench.subjects.memory", str(report))
        with service(on, targets(TARGETS), runner) as watch:
            time.sleep(SETTLED_S)
            scrape(watch)
            os.kill(watch.pid, signal.SIGUSR1)
            while not report.exists():
                time.sleep(0.5)
            held = json.loads(report.read_text())
    for part, size_mb in sorted(held.items(), key=lambda pair: -pair[1]):
        yield Figure(part, size_mb, "MB")


def measure_start(pace: Pace) -> Iterator[Figure]:
    """From exec until every target has answered, by the kernel's counters, and the API is there."""
    with stage() as on:
        watch = Watched(on.inside, on.folder, inventory(on.folder, targets(TARGETS)))
        began, echoes = time.monotonic(), Echoes(on.inside)
        watch.launch()
        while echoes.received() < TARGETS or not watch.is_ready():
            time.sleep(0.02)
        lasted_s = time.monotonic() - began
        watch.stop()
    yield Figure("start to the first round done", lasted_s, "s", at_most=5)
    times_s = sorted(help_s() for _ in range(pace.pick(11, 5)))
    yield Figure("linkwatch --help", times_s[len(times_s) // 2], "s", at_most=0.3, note="median")


def help_s() -> float:
    """Seconds of one `linkwatch --help`."""
    began = time.monotonic()
    subprocess.run([LINKWATCH, "--help"], check=True, capture_output=True)
    return time.monotonic() - began


@dataclass(frozen=True, slots=True)
class Cost:
    """What so many targets take, all at 1 Hz, and what went wrong. `judge_s`: how long a judgement took."""

    targets: int
    cores_percent: float
    memory_mb: float
    judge_s: float
    missed: float
    dropped: float
    lossy: int


def measure_growth(pace: Pace) -> Iterator[Figure]:
    """Each step beside the one before, in proportion to its targets."""
    seconds, before = pace.pick(60, 10), None
    for size in SIZES[: pace.pick(3, 2)]:
        found = cost(size, seconds)
        yield from growth(found, before)
        yield Figure(f"missed schedules, {size:,} targets", found.missed, at_most=0)
        yield Figure(f"drops and send errors, {size:,} targets", found.dropped, at_most=0)
        yield Figure(f"targets with false loss, {size:,} targets", found.lossy, at_most=0)
        yield Figure(f"a judgement, {size:,} targets", found.judge_s * 1e3, "ms", at_most=1000)
        before = found


def growth(found: Cost, before: Cost | None) -> Iterator[Figure]:
    """CPU and memory, beside what the step before would make of so many targets."""
    for what, unit, field in (("CPU", "%", "cores_percent"), ("memory", "MB", "memory_mb")):
        name, used = f"{what}, {found.targets:,} targets at 1 Hz", getattr(found, field)
        if before is None:
            yield Figure(name, used, unit)
        else:
            share = getattr(before, field) * found.targets / before.targets
            yield Figure(name, used, unit, GROWTH, None, share, f"{before.targets:,} in proportion")


def cost(size: int, seconds: float) -> Cost:
    """Measured over some seconds, after a while."""
    with stage() as on, service(on, targets(size)) as watch:
        await_all_up(watch, size)
        time.sleep(SETTLED_S)
        spell = Spell(watch.pid)
        time.sleep(seconds)
        cores_percent, memory = spell.cores_percent, memory_mb(watch.pid, "VmHWM")
        last = scrape(watch, LOST, MISSED, DROPS, ERRORS, JUDGED)
    lossy = sum(ratio > 0 for ratio in last.all(LOST, 'window="1m"'))
    dropped = last.total(DROPS) + last.total(ERRORS)
    return Cost(size, cores_percent, memory, last.total(JUDGED), last.total(MISSED), dropped, lossy)


ROWS = (
    Row(
        "service", "10,000 targets, shipped rules each second, a scrape each 15 s", measure_service, NAMESPACE
    ),
    Row("parts", "the whole service by part, CPU milliseconds a second", measure_parts, NAMESPACE),
    Row("memory", "the whole service by part, live allocations", measure_memory, NAMESPACE),
    Row("start", "start with 10,000 targets; linkwatch --help", measure_start, NAMESPACE),
    Row("growth", "1,000, 10,000, 50,000 targets: CPU and memory grow linearly", measure_growth, NAMESPACE),
)
