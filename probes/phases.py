"""A stopwatch with named laps: where the time of one run went."""

from __future__ import annotations

import time


class Phases:
    """Seconds per phase; entering one ends the one before. A phase entered again adds up (redirects)."""

    def __init__(self) -> None:
        self.finished_s: dict[str, float] = {}
        self.current = ""
        self._entered = 0.0

    def enter(self, phase: str) -> None:
        """End the current phase, begin `phase`; "" begins none."""
        now = time.perf_counter()
        if self.current:
            self.finished_s[self.current] = self.finished_s.get(self.current, 0.0) + now - self._entered
        self.current, self._entered = phase, now
