"""From verdicts to reachability: who is covered, by whom, and which samples must not enter windows.

A sample that was sent while its target was down, covered or LinkWatch was isolated says nothing about
the quality of the link: it counts in counters and availability, but would leave minutes of "loss" in
the windows that rules read. The hidden interval of each target tells those samples by send time. All
times are monotonic: a wall clock that is set must neither show an outage nor hide a fault.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from linkwatch.core.inventory import Target
from linkwatch.core.topology import (
    DOWN,
    NOT_COVERED,
    UNKNOWN,
    UP,
    Reachability,
    Settling,
    UpstreamGraph,
    isolated,
)

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]
Verdicts = NDArray[np.int8]

SETTLE_S = 10.0
"""How long covered targets may take to be seen again after their root has recovered."""

NEVER = np.inf


@dataclass(frozen=True, slots=True)
class Verdict:
    """The arrays of one judgement, by target: `up` 1, 0 or -1; when something last got through (monotonic
    seconds, only where down); whether it is under suspicion; whether it is under maintenance.
    """

    up: Verdicts
    down_since: Floats
    suspect: Mask
    maintenance: Mask


class Coverage:
    """Judges reachability turn by turn and remembers what has to settle."""

    def __init__(self, targets: Mapping[str, Target], anchors: Sequence[str]) -> None:
        self.graph = UpstreamGraph(targets)
        size = len(self.graph.ids)
        self._anchors = [self.graph.index[anchor] for anchor in anchors]
        self._settling = Settling(size, SETTLE_S)
        self._isolated_until = 0.0
        self._hidden_from: Floats = np.full(size, NEVER)
        self._hidden_until: Floats = np.zeros(size)
        self._excused: Mask = np.zeros(size, dtype=np.bool_)

    def adopt(self, previous: Coverage) -> None:
        """Take over what `previous` remembers of the targets that both know."""
        kept = self.graph.positions_in(previous.graph)
        stays = kept >= 0
        self._hidden_from[stays] = previous._hidden_from[kept[stays]]
        self._hidden_until[stays] = previous._hidden_until[kept[stays]]
        self._excused[stays] = previous._excused[kept[stays]]
        self._isolated_until = previous._isolated_until
        self._settling.adopt(previous._settling, kept)

    def judge(self, verdict: Verdict, now_s: float) -> Reachability:
        """The reachability of every target at `now_s` (monotonic seconds)."""
        covered, own_root = self.graph.cover(verdict.up)
        root, settling = self._settling.apply(covered, own_root, verdict.up, now_s)
        cut_off = isolated(self._anchors, verdict.up)
        if cut_off:
            self._isolated_until = now_s + SETTLE_S
        settling = settling | ((now_s < self._isolated_until) & (verdict.up != UP))
        self._hide(verdict, covered, own_root, cut_off, now_s)
        reach = Reachability(
            ids=self.graph.ids,
            index=self.graph.index,
            up=np.where(cut_off & (verdict.up == DOWN), UNKNOWN, verdict.up).astype(np.int8),
            root=root,
            settling=settling,
            undecided=self.graph.below(verdict.suspect),
            isolated=cut_off,
            maintenance=verdict.maintenance,
        )
        self._excused = reach.excused
        return reach

    def excuses(self, position: int) -> bool:
        """Whether the target at this position was not judged for itself in the last judgement."""
        return bool(self._excused[position])

    def hides(self, positions: NDArray[np.intp], sent_s: Floats) -> Mask:
        """Which samples, by target position and send time (monotonic seconds), stay out of the windows."""
        return (self._hidden_from[positions] <= sent_s) & (sent_s < self._hidden_until[positions])

    def _hide(
        self, verdict: Verdict, covered: Mask, root: NDArray[np.intp], cut_off: bool, now_s: float
    ) -> None:
        down = verdict.up == DOWN
        began = np.where(down, verdict.down_since, NEVER)
        under = root != NOT_COVERED
        began[under] = np.minimum(began[under], verdict.down_since[root[under]])
        if cut_off:
            silent = [i for i in self._anchors if down[i]]
            began = np.minimum(began, verdict.down_since[silent].min())
        hidden = down | covered | cut_off
        open_before = self._hidden_until == NEVER
        # Losses are decided seconds after they were sent: an interval that has ended must go on hiding
        # them, so a new one that begins soon after is joined to it.
        joins = hidden & (open_before | (began <= self._hidden_until + 5.0))
        starts = hidden & ~joins
        self._hidden_from[joins] = np.minimum(self._hidden_from[joins], began[joins])
        self._hidden_from[starts] = began[starts]
        self._hidden_until[hidden] = NEVER
        self._hidden_until[open_before & ~hidden] = now_s
