"""Step 3 for ICMP: results of the pinger enter the counters, the windows and the board."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from linkwatch.core.board import Board, Column, Rows
from linkwatch.core.catalog import ROLLUPS_S, WINDOWS_S
from linkwatch.core.coverage import Coverage
from linkwatch.core.inventory import Target
from linkwatch.core.labelsets import Codes
from linkwatch.core.quality import estimate_mos
from linkwatch.core.windows import PERCENTILES, Counts, MinuteCounts, RttRing, Statistics
from probes.icmp import Outcome, Results, RowCounters

Floats = NDArray[np.float64]

STATS = ("mean", *PERCENTILES, "max")
JUDGED_SAMPLES = 60
"""In the window on which loss is judged, fewer samples say nothing: one of sixty is already 1.7 %."""
JUDGED_MARGIN = 1.1
"""A window that holds hardly more samples than that would come and go with each of them, and interrupt the
`for` of every rule that reads it; who is pinged so seldom is judged on the next longer one."""

JUDGED_WINDOW = "5m"
USUAL_WINDOWS = ("1m", JUDGED_WINDOW)
"""What says how much loss is usual: the shorter one, too, for a link that has just become bad."""

PER_MINUTE = np.uint16
"""What holds the echoes to one target in a minute."""

PROBE = "icmp"
COUNTERS = {
    "linkwatch_icmp_sent_total": "sent",
    "linkwatch_icmp_received_total": "received",
    "linkwatch_icmp_duplicates_total": "duplicates",
    "linkwatch_icmp_late_total": "late",
    "linkwatch_icmp_confirmations_total": "confirmations",
    "linkwatch_icmp_consecutive_losses": "consecutive_losses",
}
SELDOM = {
    "linkwatch_icmp_too_big_total": "too_big",
    "linkwatch_icmp_reply_ttl": "ttl",
    "linkwatch_icmp_reply_ttl_changes_total": "ttl_changes",
}
"""What is not there while it is 0: it never happens to most targets, or is not known."""
WINDOWED = (
    "linkwatch_icmp_loss_ratio",
    "linkwatch_icmp_rtt_seconds",
    "linkwatch_icmp_jitter_seconds",
    "linkwatch_call_quality_mos",
)


@dataclass(frozen=True, slots=True)
class EchoTarget:
    """One pinged target: its position in the inventory, its row in the pinger, the number of its labels."""

    target: Target
    position: int
    pinger_row: int
    interval_s: float
    subject: int


@dataclass(frozen=True, slots=True)
class _RingGroup:
    """The targets of one interval: their ring, and the row here that is the first of the ring's."""

    ring: RttRing
    first: int


class EchoRecord:
    """Echo results of all targets. Rows are in the order of intervals, so that a ring's lie together."""

    def __init__(self, board: Board) -> None:
        self._board = board
        self._targets: tuple[EchoTarget, ...] = ()
        self._position: Rows = np.zeros(0, dtype=np.intp)
        self.pinger_rows: Rows = np.zeros(0, dtype=np.intp)
        """The pinger's row of each row here."""
        self._row_of_pinger: Rows = np.zeros(0, dtype=np.intp)
        self._groups: list[_RingGroup] = []
        self._seen_at: Floats = np.zeros(0)
        self._interval_s: Floats = np.zeros(0)
        self._sent = MinuteCounts(0, PER_MINUTE)
        self._received = MinuteCounts(0, PER_MINUTE)
        self._judged_sent = MinuteCounts(0, PER_MINUTE)
        self._judged_received = MinuteCounts(0, PER_MINUTE)
        self._first_row: dict[tuple[str, str, str], int] = {}

    def replace(self, targets: Sequence[EchoTarget]) -> None:
        """Take over a new list; targets that stay keep their windows."""
        targets = sorted(targets, key=lambda target: target.interval_s)
        before = {t.target.id: (row, t.interval_s) for row, t in enumerate(self._targets)}
        kept = np.array([before.get(t.target.id, (-1, 0.0))[0] for t in targets], dtype=np.intp)
        self._arrange_rings(targets, before)
        seen_at = np.zeros(len(targets))
        seen_at[kept >= 0] = self._seen_at[kept[kept >= 0]]
        self._seen_at = seen_at
        for counts in (self._sent, self._received, self._judged_sent, self._judged_received):
            counts.resize(kept, len(targets))
        self._targets = tuple(targets)
        self._interval_s = np.array([t.interval_s for t in targets])
        self._position = np.array([t.position for t in targets], dtype=np.intp)
        self.pinger_rows = np.array([t.pinger_row for t in targets], dtype=np.intp)
        self._row_of_pinger = np.full(self.pinger_rows.max(initial=-1) + 1, -1, dtype=np.intp)
        self._row_of_pinger[self.pinger_rows] = np.arange(len(targets))
        self._lay_out_board()

    def take(self, results: Results, coverage: Coverage, now: float, now_s: float) -> None:
        """Record decided echoes at `now` (UTC; `now_s` monotonic)."""
        rows, sent_at, rtt_s = self._decided(results)
        # Where the wall clock was set back meanwhile the difference lies ahead of now; nothing does.
        sent_s = np.minimum(sent_at + (now_s - now), now_s)
        self._sent.add(rows, now_s)
        self._received.add(rows[np.isfinite(rtt_s)], now_s)
        shown = ~coverage.hides(self._position[rows], sent_s)
        rows, sent_s, rtt_s = rows[shown], sent_s[shown], rtt_s[shown]
        self._judged_sent.add(rows, now_s)
        self._judged_received.add(rows[np.isfinite(rtt_s)], now_s)
        self._seen_at[rows] = now
        for group in self._groups:
            ring_rows = rows - group.first
            mine = (ring_rows >= 0) & (ring_rows < len(group.ring))
            group.ring.put(ring_rows[mine], sent_s[mine], rtt_s[mine])
            group.ring.advance_to(now_s)

    def move_times(self, by_s: float) -> None:
        """Go on with a clock that was set by so much."""
        self._seen_at[self._seen_at > 0.0] += by_s

    def publish_counters(self, counters: RowCounters, now: float) -> None:
        """Put the pinger's counters on the board."""
        everyone, everywhere = slice(0, len(self._targets)), np.ones(len(self._targets), dtype=np.bool_)
        for name, attribute in COUNTERS.items():
            values = getattr(counters, attribute)[self.pinger_rows]
            self._column(name).fill(self._on_board(name, "", "", everyone), values, everywhere, now)
        for name, attribute in SELDOM.items():
            values = getattr(counters, attribute)[self.pinger_rows]
            self._column(name).fill(self._on_board(name, "", "", everyone), values, values > 0, now)

    async def publish_windows(self, names: Sequence[str]) -> AsyncIterator[None]:
        """Recompute windows over samples, yielding between blocks so that the loop can breathe.

        Ends early when other targets come meanwhile: their rows are other rows.
        """
        groups = self._groups
        for group in groups:
            blocks = [(name, block) for name in names for block in group.ring.blocks(WINDOWS_S[name])]
            for name, block in blocks:
                rows = slice(group.first + block.start, group.first + block.stop)
                self._put_window(name, rows, group.ring.statistics(WINDOWS_S[name], block))
                yield
                if self._groups is not groups:
                    return

    def publish_rollups(self, now_s: float) -> None:
        """Put loss and availability of the long windows on the board (`now_s` monotonic).

        Loss leaves out what was sent while a target was down or covered; availability counts it.
        """
        everyone = slice(0, len(self._targets))
        for name, window_s in ROLLUPS_S.items():
            sent = self._judged_sent.total(window_s, now_s)
            loss = 1.0 - self._judged_received.total(window_s, now_s) / np.maximum(sent, 1)
            judged = self._is_judged(sent, window_s, everyone)
            self._fill("linkwatch_icmp_loss_ratio", name, "", everyone, loss, judged)
            sent, received = self._sent.total(window_s, now_s), self._received.total(window_s, now_s)
            answered = received / np.maximum(sent, 1)
            # Less than half of the window says nothing of it: an outage of minutes is not 50 % of an hour.
            enough = sent * self._interval_s >= window_s / 2
            self._fill("linkwatch_probe_success_ratio", name, "", everyone, answered, enough)

    def lossless(self) -> NDArray[np.bool_]:
        """Which rows have lost nothing in the judged window."""
        column = self._column("linkwatch_icmp_loss_ratio")
        rows = self._on_board(column.name, JUDGED_WINDOW, "", slice(0, len(self._targets)))
        return np.asarray(~column.present[rows] | (column.values[rows] == 0.0))

    def loss_ratios(self, pinger_rows: Rows) -> Floats:
        """What these rows of the pinger lost in the last minutes, by the worst window; nan: not known."""
        column = self._column("linkwatch_icmp_loss_ratio")
        rows = self._row_of_pinger[pinger_rows]
        worst = np.full(rows.size, np.nan)
        for window in USUAL_WINDOWS:
            on_board = self._first_row[column.name, window, ""] + rows
            worst = np.fmax(worst, np.where(column.present[on_board], column.values[on_board], np.nan))
        return worst

    def _is_judged(self, sent: Counts, window_s: float, rows: slice) -> NDArray[np.bool_]:
        """Whether so many echoes within a window tell how much is lost."""
        fits = self._interval_s[rows] * JUDGED_SAMPLES * JUDGED_MARGIN <= window_s
        return np.asarray(fits & (sent >= JUDGED_SAMPLES))

    def _decided(self, results: Results) -> tuple[Rows, Floats, Floats]:
        known = results.row < len(self._row_of_pinger)
        rows = np.where(known, self._row_of_pinger[np.where(known, results.row, 0)], -1)
        use = (rows >= 0) & (results.outcome != Outcome.VOID)
        rtt_s = np.where(results.outcome == Outcome.REPLY, results.rtt_s, np.inf)
        return rows[use], results.sent_at[use], rtt_s[use]

    def _arrange_rings(self, targets: Sequence[EchoTarget], before: Mapping[str, tuple[int, float]]) -> None:
        old = {group.ring.interval_s: group for group in self._groups}
        self._groups = []
        first = 0
        for interval_s, members in groupby(targets, key=lambda target: target.interval_s):
            group = old.get(interval_s, _RingGroup(RttRing(interval_s), 0))
            rows = [before.get(member.target.id, (-1, 0.0)) for member in members]
            kept = [row - group.first if was_s == interval_s else -1 for row, was_s in rows]
            group.ring.resize(np.array(kept, dtype=np.intp), len(kept))
            self._groups.append(_RingGroup(group.ring, first))
            first += len(kept)

    def _lay_out_board(self) -> None:
        for name in (*COUNTERS, *SELDOM, *WINDOWED):
            self._board.column(name).clear_rows()
        success = self._column("linkwatch_probe_success_ratio")
        success.keep(success.codes("probe") != self._board.texts.code(PROBE))
        subjects = np.array([t.subject for t in self._targets], dtype=np.int32)
        for name in (*COUNTERS, *SELDOM):
            self._add_rows(name, subjects)
        for window in (*WINDOWS_S, *ROLLUPS_S):
            self._add_rows("linkwatch_icmp_loss_ratio", subjects, window)
        for window in ROLLUPS_S:
            self._add_rows("linkwatch_probe_success_ratio", subjects, window, probe=PROBE)
        for window in WINDOWS_S:
            self._add_rows("linkwatch_icmp_jitter_seconds", subjects, window)
            self._add_rows("linkwatch_call_quality_mos", subjects, window)
            for stat in STATS:
                self._add_rows("linkwatch_icmp_rtt_seconds", subjects, window, stat)

    def _add_rows(self, name: str, subjects: Codes, window: str = "", stat: str = "", **more: str) -> None:
        detail = self._board.labels.details.number({**more, "window": window, "stat": stat})
        self._first_row[name, window, stat] = self._column(name).extend(subjects, detail).start

    def _put_window(self, window: str, rows: slice, found: Statistics) -> None:
        measured, answered = found.sent > 0, found.received > 0
        judges = window == JUDGED_WINDOW
        judged = self._is_judged(found.sent, WINDOWS_S[window], rows) if judges else measured
        several = ~np.isnan(found.jitter_s)
        self._fill("linkwatch_icmp_loss_ratio", window, "", rows, found.loss_ratio, judged)
        self._fill("linkwatch_icmp_jitter_seconds", window, "", rows, found.jitter_s, several)
        mos = estimate_mos(found.rtt_s["mean"], found.jitter_s, found.loss_ratio)
        self._fill("linkwatch_call_quality_mos", window, "", rows, mos, several)
        for stat in STATS:
            self._fill("linkwatch_icmp_rtt_seconds", window, stat, rows, found.rtt_s[stat], answered)

    def _fill(
        self, name: str, window: str, stat: str, rows: slice, values: Floats, present: NDArray[np.bool_]
    ) -> None:
        on_board = self._on_board(name, window, stat, rows)
        self._column(name).fill(on_board, values, present, self._seen_at[rows])

    def _on_board(self, name: str, window: str, stat: str, rows: slice) -> slice:
        first = self._first_row[name, window, stat]
        return slice(first + rows.start, first + rows.stop)

    def _column(self, name: str) -> Column:
        return self._board.column(name)
