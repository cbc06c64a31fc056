"""The service's two clocks, and what happens when somebody sets the wall clock."""

from __future__ import annotations

import time
from collections.abc import Callable

STEP_S = 0.1
"""A wall clock that is off by more was set; less is taken over in silence."""

READING_S = 0.01
"""Two clocks that are read further apart (the machine was busy) say nothing of each other."""


class Clock:
    """`utc` for events, `monotonic` for durations, both in seconds.

    UTC goes on evenly: when the wall clock is set, it keeps its own count until `catch_up`, after which
    every time that is remembered has to be moved by as much. So no duration between two events jumps.
    """

    def __init__(
        self, *, wall: Callable[[], float] = time.time, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self.monotonic = monotonic
        self._wall = wall
        self._ahead_s = wall() - monotonic()

    def utc(self) -> float:
        """Seconds since the epoch."""
        return self.monotonic() + self._ahead_s

    def catch_up(self) -> float:
        """Follow the wall clock; by how many seconds it was set since the last call, 0 if it was not."""
        before_s = self.monotonic()
        wall_s = self._wall()
        after_s = self.monotonic()
        if after_s - before_s > READING_S:
            return 0.0
        ahead_s = wall_s - (before_s + after_s) / 2
        moved_s, self._ahead_s = ahead_s - self._ahead_s, ahead_s
        return moved_s if abs(moved_s) > STEP_S else 0.0
