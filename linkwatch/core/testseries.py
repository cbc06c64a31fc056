"""The series notation of rule tests: `metric{label="text"}` and `1+1x5 _ _x3 stale -2.5 NaN`."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from linkwatch.core.board import Board, Column, Floats, Rows
from linkwatch.core.promql import PromqlError, parse
from linkwatch.core.promql.syntax import METRIC_NAME, Selector

LOOKBACK_MS = 300_000
"""How long a sample is the current value (Prometheus's default)."""

_STALE, _GAP = "stale", "_"

_NUMBER = r"(?:(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?|0[xX][0-9a-fA-F]+)"
_ITEM = re.compile(
    rf"_(?:x(?P<gaps>\d+))?|(?P<stale>stale)|(?P<special>[-+]?(?i:inf|nan))"
    rf"|(?P<start>[-+]?{_NUMBER})(?:(?P<step>[-+]{_NUMBER})?x(?P<count>\d+))?"
)
_LONGEST = 1_000_000


@dataclass(frozen=True, slots=True)
class TestSeries:
    """One series: its labels with `__name__`; each sample a number, None (no sample) or "stale"."""

    __test__ = False  # pytest would take the name for a test class

    labels: Mapping[str, str]
    samples: tuple[float | str | None, ...]


def parse_series(labels: str, values: str) -> TestSeries:
    """A series as it is written in a test file; raises ValueError."""
    parsed = parse_metric(labels)
    if METRIC_NAME not in parsed:
        raise ValueError(f"{labels}: a series needs a metric name")
    return TestSeries(parsed, parse_values(values))


def parse_metric(text: str) -> dict[str, str]:
    """The labels of `name{label="text"}`, `{label="text"}` or `{}`; raises ValueError."""
    bare = text.strip()
    if bare.startswith("{") and METRIC_NAME not in bare:
        return {name: value for name, value in parse_metric(f"nameless{bare}").items() if name != METRIC_NAME}
    try:
        root = parse(bare).root
    except PromqlError as error:
        raise ValueError(f"{text}: {error}") from None
    if not isinstance(root, Selector) or any(matcher.operator != "=" for matcher in root.matchers):
        raise ValueError(f'{text}: not a series; allowed is name{{label="text"}}')
    name = {} if root.name is None else {METRIC_NAME: root.name}
    return name | {matcher.label: matcher.value for matcher in root.matchers if matcher.value}


def parse_values(text: str) -> tuple[float | str | None, ...]:
    """The samples of a series, one per interval; raises ValueError."""
    samples: list[float | str | None] = []
    for item in text.split():
        found = _ITEM.fullmatch(item)
        if found is None:
            raise ValueError(f'"{item}" is not a value; allowed are 1, -2.5, NaN, 1x3, 1+2x3, _, _x3, stale')
        samples += _expanded(found)
        if len(samples) > _LONGEST:
            raise ValueError(f"more than {_LONGEST} samples")
    return tuple(samples)


def _expanded(found: re.Match[str]) -> list[float | str | None]:
    if found["stale"]:
        return [_STALE]
    if found["special"]:
        return [float(found["special"])]
    if found["start"] is None:
        return [None] * min(int(found["gaps"] or 1), _LONGEST + 1)
    start, step = _number(found["start"]), _number(found["step"] or "0")
    count = min(int(found["count"] or 0), _LONGEST + 1)
    values: list[float | str | None] = [start]
    for _ in range(count):  # added up one by one, as Prometheus does
        start += step
        values.append(start)
    return values


def _number(text: str) -> float:
    digits = text.lstrip("+-").lower()
    if not digits.startswith("0x"):
        return float(text)
    return math.copysign(int(digits, 16), -1 if text.startswith("-") else 1)


class Feed:
    """Series of one test, put on a board as Prometheus would see them at a time."""

    def __init__(self, board: Board, series: Sequence[TestSeries], interval_ms: int) -> None:
        self._interval_ms = interval_ms
        by_name: dict[str, list[TestSeries]] = {}
        for one in series:
            by_name.setdefault(one.labels[METRIC_NAME], []).append(one)
        self._tables = [_Table(board.column(name), several) for name, several in by_name.items()]

    def put(self, at_ms: int) -> None:
        """Show the newest sample of each series that is not older than the lookback nor stale."""
        for table in self._tables:
            table.put(at_ms, self._interval_ms)


class _Table:
    """The series of one metric; `newest[row, k]` is the index of the last sample up to `k`, or -1."""

    def __init__(self, column: Column, series: Sequence[TestSeries]) -> None:
        self._column = column
        labels = [{name: text for name, text in one.labels.items() if name != METRIC_NAME} for one in series]
        self._rows: Rows = np.array([column.ensure(one) for one in labels], dtype=np.intp)
        if len(set(self._rows.tolist())) < len(series):
            raise ValueError(f"a series of {column.name} is given twice")
        length = max(1, *(len(one.samples) for one in series))
        padded = [[*one.samples, *[None] * (length - len(one.samples))] for one in series]
        self._values: Floats = np.array([[_value(sample) for sample in row] for row in padded])
        self._stale = np.array([[sample == _STALE for sample in row] for row in padded])
        sampled = np.array([[sample is not None for sample in row] for row in padded])
        positions = np.where(sampled, np.arange(length), -1)
        self._newest = np.maximum.accumulate(positions, axis=1)

    def put(self, at_ms: int, interval_ms: int) -> None:
        step = min(at_ms // interval_ms, self._newest.shape[1] - 1)
        newest = self._newest[:, step]
        each = np.arange(len(newest))
        fresh = (newest >= 0) & (at_ms - newest * interval_ms <= LOOKBACK_MS)
        present = fresh & ~self._stale[each, newest]
        times = newest * (interval_ms / 1000)
        self._column.fill(self._rows, self._values[each, newest], present, times)


def _value(sample: float | str | None) -> float:
    return sample if isinstance(sample, float) else math.nan
