"""Step 3 for every probe but ICMP: one sample at a time enters counters, windows and the board."""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass, field

import numpy as np

from linkwatch.core.board import Board, Column
from linkwatch.core.catalog import ROLLUPS_S, WINDOWS_S
from linkwatch.core.inventory import ProbeSpec, Target
from linkwatch.core.windows import MinuteCounts
from probes.sample import Labels, Reason, Sample

MISSES_UNTIL_ABSENT = 2
"""A value that a probe could not read that often in a row is no longer shown: absent, not stale."""

ABSENT_KEPT_S = 3600.0
"""How long the row of a value that is no longer there (an interface that is gone) stays on the board."""

ROWS_BEFORE_SWEEP = 1000

SUCCESS_WINDOWS_S = {"5m": WINDOWS_S["5m"], **ROLLUPS_S}

Series = tuple[str, Labels]


@dataclass(slots=True)
class _Cell:
    """Where one series stands on the board; good while the column's generation lasts."""

    column: Column
    row: int
    generation: int

    @property
    def is_current(self) -> bool:
        """Whether `row` still is the row."""
        return self.generation == self.column.generation


@dataclass(slots=True)
class ProbeState:
    """What is remembered of one probe of one target."""

    labels: Mapping[str, str]
    cells: dict[Series, _Cell] = field(default_factory=dict)
    runs: MinuteCounts = field(default_factory=lambda: MinuteCounts(1))
    successes: MinuteCounts = field(default_factory=lambda: MinuteCounts(1))
    failures: dict[str, int] = field(default_factory=dict)
    failed: int = 0
    misses: int = 0


class ProbeRecord:
    """Samples of all probes by (target, probe)."""

    def __init__(self, board: Board, labelled: Container[str] = ()) -> None:
        """`labelled`: the metrics that also carry the name of the probe."""
        self._board, self._labelled = board, labelled
        self._states: dict[tuple[str, str], ProbeState] = {}
        self._sweep_at: dict[str, int] = {}

    def take(
        self, target: Target, spec: ProbeSpec, sample: Sample, *, hidden: bool, now: float, now_s: float
    ) -> None:
        """Record one sample at `now` (UTC; `now_s` monotonic).

        A `hidden` one stays out of the windows, and if it failed, out of the failures in a row: after an
        outage a service is not called failing for what it could not answer meanwhile.
        """
        state = self._states.setdefault((target.id, spec.name), ProbeState(target.labels()))
        state.misses = 0 if sample.ok else state.misses + 1
        self._count(state, spec.name, sample, hidden=hidden, now=now, now_s=now_s)
        for series, value in sample.values.items():
            self._put(state, spec.name, series, value, now)
        if sample.ok or state.misses >= MISSES_UNTIL_ABSENT:
            self._clear_unseen(state, spec.name, sample.values)

    def count_failure(self, target: Target, probe: str, reason: Reason, now: float) -> None:
        """Count a run that came to nothing before the probe could send anything."""
        state = self._states.setdefault((target.id, probe), ProbeState(target.labels()))
        self._count_failure(state, (("probe", probe),), reason, now)

    def forget(self, targets: Container[str]) -> None:
        """Drop what is remembered of the probes of these targets."""
        self._states = {key: state for key, state in self._states.items() if key[0] not in targets}

    def _count(
        self, state: ProbeState, probe: str, sample: Sample, *, hidden: bool, now: float, now_s: float
    ) -> None:
        labels = (("probe", probe),)
        self._put_own(state, "linkwatch_probe_success", labels, float(sample.ok), now)
        if sample.ok or not hidden:
            state.failed = 0 if sample.ok else state.failed + 1
            self._put_own(state, "linkwatch_probe_consecutive_failures", labels, state.failed, now)
        self._put_own(state, "linkwatch_probe_duration_seconds", labels, sample.duration_s, now)
        if sample.reason is not None:
            self._count_failure(state, labels, sample.reason, now)
        if hidden:
            return
        only = np.zeros(1, dtype=np.intp)
        state.runs.add(only, now_s)
        state.successes.add(only, now_s, int(sample.ok))
        for name, window_s in SUCCESS_WINDOWS_S.items():
            ratio = state.successes.total(window_s, now_s)[0] / state.runs.total(window_s, now_s)[0]
            window = (*labels, ("window", name))
            self._put_own(state, "linkwatch_probe_success_ratio", window, float(ratio), now)

    def _count_failure(self, state: ProbeState, labels: Labels, reason: Reason, now: float) -> None:
        count = state.failures[reason] = state.failures.get(reason, 0) + 1
        named = (*labels, ("reason", reason.value))
        self._put_own(state, "linkwatch_probe_failures_total", named, count, now)

    def _put_own(self, state: ProbeState, metric: str, labels: Labels, value: float, now: float) -> None:
        self._board.column(metric).set({**state.labels, **dict(labels)}, value, now)

    def _put(self, state: ProbeState, probe: str, series: Series, value: float, now: float) -> None:
        cell = state.cells.get(series)
        if cell is None or not cell.is_current:
            self._sweep(self._board.column(series[0]), now)
            cell = state.cells[series] = self._place(state, probe, series)
        cell.column.put(cell.row, value, now)

    def _sweep(self, column: Column, now: float) -> None:
        """Let a column not grow for ever: look for old rows each time it has doubled."""
        if len(column) >= self._sweep_at.get(column.name, ROWS_BEFORE_SWEEP):
            column.forget_absent(now - ABSENT_KEPT_S)
            self._sweep_at[column.name] = max(2 * len(column), ROWS_BEFORE_SWEEP)

    def _place(self, state: ProbeState, probe: str, series: Series) -> _Cell:
        metric, labels = series
        column = self._board.column(metric)
        named = {"probe": probe} if metric in self._labelled else {}
        return _Cell(column, column.ensure({**state.labels, **named, **dict(labels)}), column.generation)

    def _clear_unseen(self, state: ProbeState, probe: str, seen: Mapping[Series, float]) -> None:
        for series in [series for series in state.cells if series not in seen]:
            cell = state.cells.pop(series)
            cell = cell if cell.is_current else self._place(state, probe, series)
            cell.column.clear([cell.row])
