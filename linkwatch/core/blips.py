"""Which short outages count as blips: what is out of line for the target, and its own fault.

Gaps (runs of lost pings that ended before a verdict) come from the pinger. On a link that loses packets
all day most of them are chance; and a gap of an upstream, or of our own uplink, is a gap of everything
behind it, yet one outage.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from linkwatch.core.topology import DOWN, UP, Indices, Mask, UpstreamGraph, isolated

Floats = NDArray[np.float64]

CHANCE = 1e-4
"""A gap that chance makes less often than this, per ping, is none of chance: of 900 pings in a quarter of an
hour it makes 0.09, and the shipped rule takes five for a fault."""

LEAST_LOSS = 1 / 300
"""A link that has just lost one ping in five minutes loses at least so many."""

HOLD_S = 2.0
"""So much later than its own a gap of an upstream may be known: each is asked at its own time."""

RECENT_S = 15.0
"""How long the trouble of an upstream explains gaps behind it: their pings have yet to time out."""


def is_out_of_line(lost: Indices, clean: Mask, loss_ratio: Floats) -> Mask:
    """Which gaps are more than chance, by the pings `lost` in them.

    On a link that is `clean` one lost ping is enough: there cannot be another such gap for five minutes,
    so that chance alone never makes five in a quarter of an hour. Elsewhere it takes a run that a link of
    this `loss_ratio` (nan: not known, hence never) hardly ever has.
    """
    by_chance = np.maximum(loss_ratio, LEAST_LOSS) ** lost
    return np.asarray(clean | (by_chance <= CHANCE))


class Blips:
    """Gaps of targets, by position, until it is known whose they are. Times are monotonic seconds."""

    def __init__(self, size: int) -> None:
        self._gap_at: Floats = np.full(size, -np.inf)
        self._counts_at: Floats = np.full(size, np.inf)
        self._silent_at: Floats = np.full(size, -np.inf)

    def adopt(self, previous: Blips, kept: Indices) -> None:
        """Take over what `previous` knows; `kept`: where each target stood there, -1 if nowhere."""
        stays = kept >= 0
        for name in ("_gap_at", "_counts_at", "_silent_at"):
            getattr(self, name)[stays] = getattr(previous, name)[kept[stays]]

    def take(self, positions: Indices, counts: Mask, now_s: float) -> None:
        """Gaps have become known; those that are out of line may count."""
        self._gap_at[positions] = now_s
        fresh = positions[counts & np.isinf(self._counts_at[positions])]
        self._counts_at[fresh] = now_s + HOLD_S

    def due(self, graph: UpstreamGraph, anchors: Sequence[int], silent: Mask, now_s: float) -> Indices:
        """Positions of the targets that have had a blip of their own. `silent`: down, or not judged
        for itself now."""
        self._silent_at[silent] = now_s
        due = self._counts_at <= now_s
        if not due.any():
            return np.flatnonzero(due)
        self._counts_at[due] = np.inf
        troubled = now_s - np.maximum(self._gap_at, self._silent_at) < RECENT_S
        if isolated(anchors, np.where(troubled, DOWN, UP).astype(np.int8)):
            return np.zeros(0, dtype=np.intp)
        return np.flatnonzero(due & ~graph.below(troubled))
