"""What is known of every target's reachability, in arrays by target, and its place on the board."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from linkwatch.core.blips import Blips, is_out_of_line
from linkwatch.core.board import Board, Rows
from linkwatch.core.catalog import ROLLUPS_S, WINDOWS_S
from linkwatch.core.coverage import Verdict
from linkwatch.core.inventory import Inventory
from linkwatch.core.labelsets import Codes
from linkwatch.core.topology import DOWN, NOT_COVERED, UNKNOWN, UP, Reachability, UpstreamGraph
from linkwatch.core.windows import MinuteCounts
from linkwatch.flow.measure import FAILURES_TO_FALL, icmp_spec
from linkwatch.flow.pings import parts_of
from probes.icmp import Gaps, Outcome, Pinger, Results

Floats = NDArray[np.float64]

EVENT_WINDOWS_S = {"5m": WINDOWS_S["5m"], **ROLLUPS_S}
PER_TARGET = ("linkwatch_up", "linkwatch_upstream_down", "linkwatch_in_maintenance")
EVENTS = ("linkwatch_up_changes", "linkwatch_blips")
REDUNDANCY = ("linkwatch_redundancy_paths", "linkwatch_redundancy_paths_configured")


class Verdicts:
    """Up, down or not measured, since when, and how often that changed.

    `subjects`: the number of each target's labels on the board, in the order of the inventory.
    """

    def __init__(self, board: Board, inventory: Inventory, graph: UpstreamGraph) -> None:
        size = len(graph.ids)
        self._board, self._graph = board, graph
        self._up = np.full(size, UNKNOWN, dtype=np.int8)
        self._down_since: Floats = np.zeros(size)
        self._measured_at: Floats = np.zeros(size)
        self._suspect = np.zeros(size, dtype=np.bool_)
        self._failed = np.zeros(size, dtype=np.int64)
        self._excused = np.zeros(size, dtype=np.bool_)
        self._judged_from_s: Floats = np.zeros(size)
        self._shown = self._up.copy()
        self._changes, self._blips = MinuteCounts(size, np.uint16), MinuteCounts(size, np.uint16)
        self._gaps = Blips(size)
        self._anchors = [graph.index[anchor] for anchor in inventory.anchors]
        self._position_of_pinger: Rows = np.zeros(0, dtype=np.intp)
        """By row of the pinger; -1: decides on no target."""
        self._owner_of_pinger: Rows = np.zeros(0, dtype=np.intp)
        """The same; further probes, too, have the position of their target."""
        specs = [icmp_spec(target) for target in inventory.targets.values()]
        self._interval_s = np.array([spec.interval_s if spec else 0.0 for spec in specs])
        self._reachability_probe = {
            target.id: target.probes[0].name
            for target in inventory.targets.values()
            if target.probes and icmp_spec(target) is None
        }
        self._rows: dict[tuple[str, str], slice] = {}
        self._lay_out(inventory)

    def adopt(self, previous: Verdicts) -> None:
        """Take over what `previous` knows of the targets that both have."""
        kept = self._graph.positions_in(previous._graph)
        stays = kept >= 0
        self._up[stays] = previous._up[kept[stays]]
        self._shown[stays] = previous._shown[kept[stays]]
        self._suspect[stays] = previous._suspect[kept[stays]]
        self._down_since[stays] = previous._down_since[kept[stays]]
        self._measured_at[stays] = previous._measured_at[kept[stays]]
        self._failed[stays] = previous._failed[kept[stays]]
        self._excused[stays] = previous._excused[kept[stays]]
        self._judged_from_s[stays] = previous._judged_from_s[kept[stays]]
        self._gaps.adopt(previous._gaps, kept)
        self._changes, self._blips = previous._changes, previous._blips
        for counts in (self._changes, self._blips):
            counts.resize(kept, len(kept))

    def follow(self, pinger_rows: Mapping[str, int]) -> None:
        """Learn which pinger row belongs to which target. Who is not pinged any more is not measured."""
        before = self._position_of_pinger
        self._position_of_pinger = np.full(max(pinger_rows.values(), default=-1) + 1, -1, dtype=np.intp)
        self._owner_of_pinger = self._position_of_pinger.copy()
        for key, row in pinger_rows.items():
            self._position_of_pinger[row] = self._graph.index.get(key, -1)
            self._owner_of_pinger[row] = self._graph.index.get(parts_of(key)[0], -1)
        left = np.setdiff1d(before[before >= 0], self._position_of_pinger)
        self._up[left], self._suspect[left] = UNKNOWN, False

    def take_echoes(self, pinger: Pinger, results: Results, now: float, now_s: float) -> None:
        """Take over the pinger's verdicts, and note who was measured (`now_s` monotonic)."""
        rows = np.flatnonzero(self._position_of_pinger >= 0)
        positions = self._position_of_pinger[rows]
        self._up[positions] = pinger.up[rows]
        self._suspect[positions] = pinger.suspect[rows]
        ended = results.row[results.outcome != Outcome.VOID]
        measured = self._position_of_pinger[ended[ended < len(self._position_of_pinger)]]
        self._measured_at[measured[measured >= 0]] = now
        for verdict in results.verdicts:
            position = self._position_of_pinger[verdict.row]
            if position >= 0:
                # The last echo that was answered is the last that is known to have got through.
                self._down_since[position] = verdict.since + (now_s - now) - self._interval_s[position]
                self._measured_at[position] = now

    def move_times(self, by_s: float) -> None:
        """Go on with a clock that was set by so much."""
        self._measured_at[self._measured_at > 0.0] += by_s

    def take_gaps(self, gaps: Gaps, loss_ratios: Floats, now_s: float) -> None:
        """Take over the pinger's short outages, on links that lose so much in other ways."""
        positions = self._position_of_pinger[gaps.row]
        counts, known = is_out_of_line(gaps.lost, gaps.clean, loss_ratios), positions >= 0
        self._gaps.take(positions[known], counts[known], now_s)

    def is_decided_by(self, target: str, probe: str) -> bool:
        """Whether this probe, which is not ICMP, says whether the target is up."""
        return self._reachability_probe.get(target) == probe

    def is_down(self, target: str) -> bool:
        """Whether the target was found down in its own right."""
        return bool(self._up[self._graph.index[target]] == DOWN)

    @property
    def doubtful(self) -> frozenset[str]:
        """Ids of targets that are down or under suspicion."""
        positions = np.flatnonzero(self._suspect | (self._up == DOWN))
        return frozenset(self._graph.ids[position] for position in positions)

    def take_sample(self, target: str, *, ok: bool, blind: bool, started_s: float, now: float) -> bool:
        """Take over a sample of the probe that decides on the target; whether the verdict changed.

        One failure is a suspicion, several in a row are believed: the target is down, or, where the last
        one was `blind` and never got as far as the target, not measured. One that began (`started_s`,
        monotonic) while the target was excused says nothing any more once it is not.
        """
        position = self._graph.index[target]
        before = self._up[position]
        self._measured_at[position] = now
        if not ok and started_s < self._judged_from_s[position]:
            return False
        failed = self._failed[position] = 0 if ok else self._failed[position] + 1
        if failed == 1 and before != DOWN:
            self._down_since[position] = started_s
        if ok or failed >= FAILURES_TO_FALL:
            self._up[position] = UP if ok else UNKNOWN if blind else DOWN
        self._suspect[position] = 0 < failed < FAILURES_TO_FALL and before != DOWN
        return bool(self._up[position] != before)

    def verdict(self) -> Verdict:
        """The arrays for one judgement."""
        maintenance = np.zeros(len(self._up), dtype=np.bool_)
        return Verdict(self._up.copy(), self._down_since, self._suspect.copy(), maintenance)

    def count_blip(self, target: str, now_s: float) -> None:
        """Count a failure that was over before its rule's `for` (`now_s` monotonic)."""
        self._blips.add(np.array([self._graph.index[target]]), now_s)

    def publish(self, reach: Reachability, now: float, now_s: float) -> None:
        """Put verdicts and what follows from them on the board."""
        self._release(reach, now_s)
        silent = reach.excused | (reach.up == DOWN)
        self._blips.add(self._gaps.due(self._graph, self._anchors, silent, now_s), now_s)
        changed = (reach.up != self._shown) & (reach.up != UNKNOWN) & (self._shown != UNKNOWN)
        self._changes.add(np.flatnonzero(changed), now_s)
        self._shown = np.where(reach.up == UNKNOWN, self._shown, reach.up)
        known = reach.up != UNKNOWN
        self._fill("linkwatch_up", reach.up.astype(np.float64), known, self._measured_at)
        covered = (reach.root != NOT_COVERED) & ~reach.settling
        self._fill("linkwatch_upstream_down", covered.astype(np.float64), np.ones_like(known), now)
        self._fill("linkwatch_in_maintenance", reach.maintenance.astype(np.float64), np.ones_like(known), now)
        self._publish_paths(reach, now)

    def _release(self, reach: Reachability, now_s: float) -> None:
        """Who is judged for itself again begins anew: the failures so far were the upstream's or our own."""
        released = self._excused & ~reach.excused
        self._excused = reach.excused
        self._judged_from_s[released] = now_s
        fallible = released & (self._failed > 0) & (self._up != DOWN)
        self._failed[fallible], self._suspect[fallible] = 0, False

    def publish_events(self, now: float, now_s: float) -> None:
        """Put the counts of the long windows on the board."""
        everywhere = np.ones(len(self._up), dtype=np.bool_)
        for name, window_s in EVENT_WINDOWS_S.items():
            for metric, counts in zip(EVENTS, (self._changes, self._blips), strict=True):
                values = counts.total(window_s, now_s)
                self._board.column(metric).fill(self._rows[metric, name], values, everywhere, now)

    def target_of(self, pinger_row: int) -> str | None:
        """Id of the target that a pinger row measures."""
        known = pinger_row < len(self._position_of_pinger)
        position = self._position_of_pinger[pinger_row] if known else -1
        return self._graph.ids[position] if position >= 0 else None

    def by_pinger_row(self, mask: NDArray[np.bool_], size: int) -> NDArray[np.bool_]:
        """A mask by target turned into one by pinger row, of which there are `size`, in use or not."""
        by_row = np.zeros(size, dtype=np.bool_)
        used = np.flatnonzero(self._owner_of_pinger >= 0)
        by_row[used] = mask[self._owner_of_pinger[used]]
        return by_row

    def _publish_paths(self, reach: Reachability, now: float) -> None:
        many, answering, total = self._graph.answering_paths(reach.up)
        for metric, counts in zip(REDUNDANCY, (answering, total), strict=True):
            rows = self._rows[metric, ""]
            values = counts.astype(np.float64)
            self._board.column(metric).fill(rows, values, np.ones(len(many), dtype=np.bool_), now)

    def _fill(self, metric: str, values: Floats, present: NDArray[np.bool_], at: Floats | float) -> None:
        self._board.column(metric).fill(self._rows[metric, ""], values, present, at)

    def _lay_out(self, inventory: Inventory) -> None:
        for metric in (*PER_TARGET, *EVENTS, *REDUNDANCY):
            self._board.column(metric).clear_rows()
        targets = list(inventory.targets.values())
        self.subjects = self._board.labels.subjects.numbers(target.labels() for target in targets)
        for metric in PER_TARGET:
            self._add(metric, self.subjects)
        for metric in EVENTS:
            for window in EVENT_WINDOWS_S:
                self._add(metric, self.subjects, window)
        redundant = self.subjects[[len(target.via) > 1 for target in targets]]
        for metric in REDUNDANCY:
            self._add(metric, redundant)

    def _add(self, metric: str, subjects: Codes, window: str = "") -> None:
        detail = self._board.labels.details.number({"window": window})
        self._rows[metric, window] = self._board.column(metric).extend(subjects, detail)
