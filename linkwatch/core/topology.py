"""The upstream graph: who is covered by whose failure, and whether LinkWatch itself is isolated.

Targets are positions in arrays. A target is unreachable through its upstreams when it has some and
every one of them is down or itself unreachable; then it is covered by the root: the first upstream on
the way up that is down in its own right.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial, reduce

import numpy as np
from numpy.typing import NDArray

from linkwatch.core.inventory import Target

Mask = NDArray[np.bool_]
Indices = NDArray[np.intp]
Verdicts = NDArray[np.int8]

UP, DOWN, UNKNOWN = 1, 0, -1
"""Values of a verdict."""

NOT_COVERED = -1


@dataclass(frozen=True, slots=True)
class _Level:
    """Targets whose upstreams all lie on levels above, and their upstreams end to end."""

    targets: Indices
    upstreams: Indices
    starts: Indices


@dataclass(frozen=True, slots=True)
class Reachability:
    """One judgement of the whole inventory; arrays are indexed like `ids`.

    `up`: 1, 0, -1 (not measured). `root`: index of the covering root, or -1. `settling`: the root has
    recovered but the target was not yet seen again. `undecided`: an upstream is under suspicion, so
    whose fault a failure is cannot be said yet. `isolated`: LinkWatch has lost its own uplink.
    """

    ids: tuple[str, ...]
    index: Mapping[str, int]
    up: Verdicts
    root: Indices
    settling: Mask
    undecided: Mask
    isolated: bool
    maintenance: Mask

    @property
    def excused(self) -> Mask:
        """Which targets are not judged for themselves now: covered, settling, or LinkWatch is isolated."""
        return np.asarray((self.root != NOT_COVERED) | self.settling | self.isolated)

    def is_excused(self, target: str) -> bool:
        """Whether the target is not judged for itself now."""
        i = self.index.get(target)
        return i is not None and bool(self.excused[i])

    def verdict(self, target: str) -> int:
        """1, 0, or -1 when the target is not measured or not known."""
        i = self.index.get(target)
        return UNKNOWN if i is None else int(self.up[i])

    def root_of(self, target: str) -> str | None:
        """Id of the target that covers this one, if any."""
        i = self.index.get(target)
        return None if i is None or self.root[i] == NOT_COVERED else self.ids[self.root[i]]

    def is_settling(self, target: str) -> bool:
        """Whether its root has just recovered and it was not yet seen again."""
        i = self.index.get(target)
        return i is not None and bool(self.settling[i])

    def is_undecided(self, target: str) -> bool:
        """Whether an upstream is under suspicion."""
        i = self.index.get(target)
        return i is not None and bool(self.undecided[i])

    def in_maintenance(self, target: str) -> bool:
        """Whether the target is under maintenance."""
        i = self.index.get(target)
        return i is not None and bool(self.maintenance[i])

    def covered_by(self, root: str) -> tuple[str, ...]:
        """Ids of the targets that this root covers."""
        i = self.index.get(root)
        return () if i is None else tuple(self.ids[k] for k in np.flatnonzero(self.root == i))


class UpstreamGraph:
    """The `via` edges of an inventory, ordered by level. Raises ValueError on a cycle."""

    def __init__(self, targets: Mapping[str, Target]) -> None:
        self.ids = tuple(targets)
        self.index = {target_id: i for i, target_id in enumerate(self.ids)}
        self.upstreams: tuple[tuple[int, ...], ...] = tuple(
            tuple(self.index[via] for via in target.via) for target in targets.values()
        )
        self._levels = self._order()

    def positions_in(self, other: UpstreamGraph) -> Indices:
        """Where each target of this graph stands in the other, -1 if nowhere."""
        return np.array([other.index.get(target, -1) for target in self.ids], dtype=np.intp)

    def cover(self, up: Verdicts) -> tuple[Mask, Indices]:
        """Which targets are covered, and by which root (index, -1 = not covered)."""
        covered = np.zeros(len(self.ids), dtype=np.bool_)
        root = np.full(len(self.ids), NOT_COVERED, dtype=np.intp)
        for level in self._levels:
            unreachable = (up[level.upstreams] == DOWN) | covered[level.upstreams]
            cut_off = np.logical_and.reduceat(unreachable, level.starts)
            targets, first = level.targets[cut_off], level.upstreams[level.starts][cut_off]
            covered[targets] = True
            root[targets] = np.where(covered[first], root[first], first)
        return covered, root

    def below(self, mask: Mask) -> Mask:
        """Which targets have any upstream (at any distance) in `mask`."""
        found = np.zeros(len(self.ids), dtype=np.bool_)
        for level in self._levels:
            hit = mask[level.upstreams] | found[level.upstreams]
            found[level.targets] = np.logical_or.reduceat(hit, level.starts)
        return found

    def behind(self) -> Indices:
        """How many targets are reached only through each one: those that it dominates in the graph."""
        order = np.concatenate([np.zeros(0, np.intp), *(level.targets for level in self._levels)]).tolist()
        above = [NOT_COVERED] * (len(self.ids) + 1)  # the last stands for what is above all targets
        depth = [0] * len(self.ids) + [-1]
        for i in order:
            above[i] = reduce(partial(_meet, above, depth), self.upstreams[i])
            depth[i] = depth[above[i]] + 1
        count = [0] * (len(self.ids) + 1)
        for i in reversed(order):
            count[above[i]] += count[i] + 1
        return np.array(count[:-1], dtype=np.intp)

    def answering_paths(self, up: Verdicts) -> tuple[Indices, Indices, Indices]:
        """Of targets with more than one upstream: index, upstreams that answer, upstreams in all."""
        covered, _ = self.cover(up)
        many = np.array([i for i, via in enumerate(self.upstreams) if len(via) > 1], dtype=np.intp)
        answering = [sum(up[k] == UP and not covered[k] for k in self.upstreams[i]) for i in many]
        total = [len(self.upstreams[i]) for i in many]
        return many, np.array(answering, dtype=np.intp), np.array(total, dtype=np.intp)

    def _order(self) -> tuple[_Level, ...]:
        placed = {i for i, via in enumerate(self.upstreams) if not via}
        waiting = {i for i, via in enumerate(self.upstreams) if via}
        levels = []
        while waiting:
            ready = sorted(i for i in waiting if placed.issuperset(self.upstreams[i]))
            if not ready:
                cycle = ", ".join(self.ids[i] for i in sorted(waiting))
                raise ValueError(f"upstreams form a circle: {cycle}")
            levels.append(_level(ready, self.upstreams))
            placed.update(ready)
            waiting.difference_update(ready)
        return tuple(levels)


def _meet(above: Sequence[int], depth: Sequence[int], a: int, b: int) -> int:
    """The nearest target that both are reached only through, one of them included."""
    while a != b:
        if depth[a] >= depth[b]:
            a = above[a]
        else:
            b = above[b]
    return a


def _level(targets: Sequence[int], upstreams: Sequence[Sequence[int]]) -> _Level:
    lengths = [len(upstreams[i]) for i in targets]
    starts = np.cumsum([0, *lengths[:-1]])
    flat = [k for i in targets for k in upstreams[i]]
    return _Level(np.array(targets, dtype=np.intp), np.array(flat, dtype=np.intp), starts.astype(np.intp))


class Settling:
    """Keeps targets covered for a while after their root recovered, until they are seen again."""

    def __init__(self, size: int, settle_s: float) -> None:
        self._settle_s = settle_s
        self._until = np.zeros(size)
        self._root = np.full(size, NOT_COVERED, dtype=np.intp)
        self._covered = np.zeros(size, dtype=np.bool_)

    def adopt(self, previous: Settling, kept: Indices) -> None:
        """Take over what `previous` remembers; `kept`: where each target stood there, -1 if nowhere."""
        stays = kept >= 0
        moved = np.full(len(previous._root), NOT_COVERED, dtype=np.intp)
        moved[kept[stays]] = np.flatnonzero(stays)
        root = previous._root[kept[stays]]
        self._root[stays] = np.where(root >= 0, moved[root], NOT_COVERED)
        self._until[stays] = previous._until[kept[stays]]
        self._covered[stays] = previous._covered[kept[stays]]

    def apply(self, covered: Mask, root: Indices, up: Verdicts, now_s: float) -> tuple[Indices, Mask]:
        """The root of each target with settling ones still covered, and which ones are settling."""
        released = self._covered & ~covered
        self._until[released] = now_s + self._settle_s
        settling = ~covered & (self._until > now_s) & (up != UP)
        self._until[~covered & ~settling] = 0.0
        self._root = np.where(covered, root, np.where(settling, self._root, NOT_COVERED))
        self._covered = covered.copy()
        return self._root.copy(), settling


def isolated(anchors: Sequence[int], up: Verdicts) -> bool:
    """Whether a quorum (more than half) of the anchors is silent; without anchors never."""
    silent = sum(1 for i in anchors if up[i] == DOWN)
    return bool(anchors) and silent > len(anchors) // 2
