"""Which rows are due: starts spread evenly over the interval, late rounds skipped and counted."""

from __future__ import annotations

import numpy as np

from probes.icmp.columns import Floats, Integers, Rows, grown

LATE_S = 1.0
"""A round later than this, or than half its interval, is skipped: it would only make a burst. Threads that
hold the interpreter lock for 75 ms at a time keep us waiting for up to 0.4 s: that is caught up with."""
PUNCTUAL_S = 0.05
"""A round no later than this is never skipped: the thread does not wake for each ping alone."""

_GOLDEN = 0.6180339887498949
"""Multiples of the golden ratio modulo 1 stay evenly spread, however many rows there are."""

FOREVER = np.iinfo(np.int64).max


class Schedule:
    """The next start of every row, monotonic seconds; inf for rows without a target.

    `missed`: rounds skipped so far. `count`: how many rounds a row gets.
    """

    def __init__(self, count: int | None = None) -> None:
        self.missed = 0
        self._count = FOREVER if count is None else count
        self._next_at: Floats = np.zeros(0)
        self._interval_s: Floats = np.zeros(0)
        self._left: Integers = np.zeros(0, dtype=np.int64)

    def resize(self, size: int) -> None:
        """Make room for `size` rows."""
        self._next_at = grown(self._next_at, size, np.inf)
        self._interval_s = grown(self._interval_s, size, np.inf)
        self._left = grown(self._left, size)

    def start(self, rows: Rows, interval_s: Floats, now: float) -> None:
        """Begin these rows within one interval from `now`."""
        self._interval_s[rows] = interval_s
        self._next_at[rows] = now + interval_s * (rows * _GOLDEN % 1.0)
        self._left[rows] = self._count

    def stop(self, rows: Rows) -> None:
        """End these rows."""
        self._next_at[rows] = np.inf

    @property
    def next_at(self) -> float:
        """When the next row is due, inf if none is."""
        return float(self._next_at.min(initial=np.inf))

    def take(self, now: float, limit: int) -> Rows:
        """Rows to be started now, at most `limit`, the longest overdue first if there are more."""
        due = np.flatnonzero(self._next_at <= now)
        if not due.size:
            return due
        self._skip_late(due, now)
        due = due[self._next_at[due] <= now]
        if due.size > limit:
            due = due[np.argpartition(self._next_at[due], limit)[:limit]]
        self._next_at[due] += self._interval_s[due]
        self._left[due] -= 1
        self._next_at[due[self._left[due] == 0]] = np.inf
        return due

    def _skip_late(self, due: Rows, now: float) -> None:
        interval_s = self._interval_s[due]
        behind_s = now - self._next_at[due] - np.clip(interval_s / 2, PUNCTUAL_S, LATE_S)
        skipped = np.maximum(np.ceil(behind_s / interval_s), 0)
        self._next_at[due] += skipped * interval_s
        self.missed += int(skipped.sum())
