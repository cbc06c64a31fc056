"""Single parts at full size, without a limit of their own: where the time of the whole goes."""

from __future__ import annotations

import json
from collections.abc import Iterator

from bench.process import Subject
from bench.row import Figure, Pace, Row

TARGETS = 10_000


def measure_judging(pace: Pace) -> Iterator[Figure]:
    """Steps of the rules."""
    yield from told_by("judging", pace.pick(TARGETS, TARGETS // 10), "ms")


def measure_loading(pace: Pace) -> Iterator[Figure]:
    """Reading of the inventory."""
    yield from told_by("loading", pace.pick(TARGETS, TARGETS // 10), "s")


def told_by(name: str, targets: int, unit: str) -> Iterator[Figure]:
    """Every figure that a subject prints."""
    with Subject(name, targets) as subject:
        for what, value in json.loads(subject.finish()).items():
            yield Figure(what, value, unit, note=f"{targets:,} targets")


ROWS = (
    Row("rules", "CPU of one judgement of every shipped rule", measure_judging),
    Row("inventory", "CPU to load an inventory", measure_loading),
)
