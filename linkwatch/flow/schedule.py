"""Step 1: what is due. Starts are spread evenly over the interval; late work is skipped and counted."""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

K = TypeVar("K")

GOLDEN_RATIO = 0.6180339887498949
"""Multiples of it, modulo 1, spread any number of starts evenly, also when jobs come one by one."""


@dataclass(frozen=True, slots=True)
class Due(Generic[K]):
    """One start that is due. `missed`: starts that were skipped because they were late."""

    key: K
    at: float
    missed: int = 0


class Schedule(Generic[K]):
    """Periodic jobs by key. Times are monotonic seconds; the caller owns the clock."""

    def __init__(self) -> None:
        self._interval_s: dict[K, float] = {}
        self._next: dict[K, float] = {}
        self._heap: list[tuple[float, int, K]] = []
        self._added = 0

    def add(self, key: K, interval_s: float, now: float) -> None:
        """Add a job; its first start lies within one interval from now."""
        self._interval_s[key] = interval_s
        self._added += 1
        self._push(key, now + (self._added * GOLDEN_RATIO % 1.0) * interval_s)

    def remove(self, key: K) -> None:
        """Forget a job."""
        del self._interval_s[key], self._next[key]

    def hasten(self, key: K, at: float) -> None:
        """Start a job at `at` if that is earlier than planned; its rhythm goes on from there."""
        if key in self._next and at < self._next[key]:
            self._push(key, at)

    def keys(self) -> Iterable[K]:
        """All jobs."""
        return self._interval_s.keys()

    def next_at(self) -> float | None:
        """When the next job is due."""
        while self._heap and not self._is_current(self._heap[0]):
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def due(self, now: float) -> list[Due[K]]:
        """The jobs that are due; each is planned again for its next start after `now`."""
        found = []
        while (at := self.next_at()) is not None and at <= now:
            key = heapq.heappop(self._heap)[2]
            interval_s = self._interval_s[key]
            missed = int((now - at) // interval_s)
            self._push(key, at + (missed + 1) * interval_s)
            found.append(Due(key, at + missed * interval_s, missed))
        return found

    def _push(self, key: K, at: float) -> None:
        self._next[key] = at
        self._added += 1
        heapq.heappush(self._heap, (at, self._added, key))

    def _is_current(self, entry: tuple[float, int, K]) -> bool:
        at, _, key = entry
        return self._next.get(key) == at
