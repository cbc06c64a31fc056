"""Short outages: runs of lost pings, confirmations included, that ended in a reply before a verdict.

That a run ended is known at once; that its pings are lost and not only late, when the last of them has
timed out. Pure; `now` is an argument.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from probes.icmp.columns import Floats, Integers, Mask, Rows
from probes.icmp.flight import Flight, State

LOOK_S = 0.2
"""How often runs that have timed out are counted: that reads all pings in memory."""


@dataclass(frozen=True, slots=True)
class Gaps:
    """Arrays of equal length, one entry per gap. From `since`, when the first lost ping was sent, to `until`,
    when the ping was that got a reply; `lost`: pings lost between; `clean`: the row had lost nothing
    lately."""

    row: Rows
    since: Floats
    until: Floats
    clean: Mask
    lost: Integers

    def of(self, chosen: Mask) -> Gaps:
        """Some of them."""
        return Gaps(
            self.row[chosen], self.since[chosen], self.until[chosen], self.clean[chosen], self.lost[chosen]
        )

    @classmethod
    def join(cls, parts: list[Gaps]) -> Gaps:
        """All of them, in this order."""
        parts = [NO_GAPS, *parts]
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in cls.__slots__))


NO_GAPS = Gaps(
    row=np.zeros(0, np.intp),
    since=np.zeros(0),
    until=np.zeros(0),
    clean=np.zeros(0, np.bool_),
    lost=np.zeros(0, np.int64),
)


@dataclass(slots=True)
class GapWatch:
    """Runs that have ended and may still turn out to be late replies. Times are monotonic seconds."""

    _waiting: Gaps = NO_GAPS
    _ripe_at: Floats = field(default_factory=lambda: np.zeros(0))
    _look_at: float = 0.0

    def add(self, runs: Gaps, timeout_s: Floats) -> None:
        """Runs of unanswered pings have ended in a reply; how many are `lost` is not known yet."""
        if runs.row.size:
            self._waiting = Gaps.join([self._waiting, runs])
            self._ripe_at = np.concatenate([self._ripe_at, runs.until + timeout_s])

    def ripe(self, flight: Flight, now: float) -> Gaps:
        """The gaps of which every ping has now timed out; runs with a late reply or a void ping are none."""
        if not self._ripe_at.size or now < self._look_at:
            return NO_GAPS
        self._look_at = now + LOOK_S
        ripe = self._ripe_at < now
        _, first = np.unique(self._waiting.row, return_index=True)
        ripe &= np.isin(np.arange(ripe.size), first)  # of one row one at a time
        found = _counted(self._waiting.of(ripe), flight)
        self._waiting, self._ripe_at = self._waiting.of(~ripe), self._ripe_at[~ripe]
        return found


def _counted(gaps: Gaps, flight: Flight) -> Gaps:
    if not gaps.row.size:
        return gaps
    place = np.full(int(max(gaps.row.max(), flight.row.max())) + 1, -1, dtype=np.intp)
    place[gaps.row] = np.arange(gaps.row.size)
    slots = np.flatnonzero((place[flight.row] >= 0) & (flight.state != State.UNUSED))
    gap, sent = place[flight.row[slots]], flight.sent[slots]
    inside = (gaps.since[gap] <= sent) & (sent < gaps.until[gap])
    is_lost = flight.state[slots] == State.LOST
    lost = np.bincount(gap[inside & is_lost], minlength=gaps.row.size)
    other = np.bincount(gap[inside & ~is_lost], minlength=gaps.row.size)
    counted = Gaps(gaps.row, gaps.since, gaps.until, gaps.clean, lost)
    return counted.of((lost > 0) & (other == 0))
