"""Confirmation pings by row: who may be asked how often, when the next is due, which are all sent. Pure.

They are spread over a span, for loss comes in runs, and paid for out of the budget. Rows on which much
depends are also asked on after their fall. What the answers mean is decided in `suspect`.
"""

from __future__ import annotations

import numpy as np

from probes.icmp.budget import Allowance, ConfirmationBudget
from probes.icmp.columns import Floats, Integers, Mask, Rows, grown
from probes.icmp.targets import TargetTable

CLEAN_CONFIRMATIONS, LOSSY_CONFIRMATIONS = 8, 10
CLEAN_SPAN_S, LOSSY_SPAN_S = 0.65, 2.6
"""Confirmations are spread over the first span on a clean link, over the second from ten on."""
RECHECK_PAUSE_S = 0.07
"""Pause between two pings to a row that is asked on."""
RETRY_S = 0.05
"""Pause after a confirmation that could not be sent."""


def span_s(confirmations: Integers) -> Floats:
    """Over how long so many confirmations are spread."""
    return np.where(confirmations >= LOSSY_CONFIRMATIONS, LOSSY_SPAN_S, CLEAN_SPAN_S)


class Confirmations:
    """Columns by row. `granted`: how many this suspicion may send, 0 if none. Times are monotonic seconds."""

    def __init__(self, table: TargetTable, budget: ConfirmationBudget) -> None:
        self._table = table
        self._allowance = Allowance(budget)
        self.granted: Integers = np.zeros(0, dtype=np.int64)
        self._sent: Integers = np.zeros(0, dtype=np.int64)
        self._next_at: Floats = np.zeros(0)
        self._asked_on_until: Floats = np.zeros(0)
        self._longest_until = -np.inf

    def resize(self, size: int) -> None:
        """Make room for `size` rows, and take the organizations and addresses of the table."""
        for name in ("granted", "_sent", "_next_at", "_asked_on_until"):
            setattr(self, name, grown(getattr(self, name), size))
        rate_hz = np.divide(1.0, self._table.interval_s, where=self._table.active, out=np.zeros(size))
        self._allowance.resize(self._table.organizations, self._table.address_group, rate_hz)

    def grant(self, rows: Rows, wanted: Integers, now: float) -> None:
        """Reserve so many for these rows, who comes first is served first; as far as the budget goes."""
        self._allowance.refill(now)
        granted = self._allowance.reserve(self._table.organization[rows], wanted)
        self.granted[rows[granted]] = wanted[granted]
        self._next_at[rows[granted]] = now

    def release(self, rows: Rows) -> None:
        """Give back what was granted to these rows and not sent."""
        unused = np.maximum(self.granted[rows] - self._sent[rows], 0)
        self._allowance.refund(self._table.organization[rows], unused)

    def end(self, rows: Rows) -> None:
        """The suspicions of these rows are over."""
        self.granted[rows] = self._sent[rows] = 0

    def ask_on(self, rows: Rows, until: float) -> None:
        """Ask these rows until then, suspected or not."""
        self._asked_on_until[rows] = np.maximum(self._asked_on_until[rows], until)
        if rows.size:
            self._longest_until = max(self._longest_until, until)

    def rest(self, rows: Rows) -> None:
        """Ask these rows on no more."""
        self._asked_on_until[rows] = -np.inf

    def any_asked_on(self, now: float) -> bool:
        """Whether any row may be asked on."""
        return now < self._longest_until

    def due(self, suspect: Mask, covered: Mask, now: float) -> Rows:
        """Rows that get a ping now, at most one to each address."""
        waiting = suspect & (self._sent < self.granted)
        waiting |= now < self._asked_on_until
        rows = np.flatnonzero(waiting & ~covered & (self._next_at <= now))
        if not rows.size:
            return rows
        rows = rows[np.argsort(self._table.priority[rows], kind="stable")]
        self._allowance.refill(now)
        needless = ~suspect[rows]
        if needless.any():
            needless[needless] = ~self._allowance.spare(self._table.organization[rows[needless]])
            rows = rows[~needless]
        rows = rows[self._allowance.admit(self._table.address_group[rows])]
        self._next_at[rows] += RETRY_S
        return rows

    def repeat(self, rows: Rows, now: float) -> None:
        """A ping went out to each of these rows that are asked on."""
        self._next_at[rows] = now + RECHECK_PAUSE_S

    def count(self, rows: Rows, closing_s: Floats, now: float) -> None:
        """A confirmation went out to each of these rows; its last one is waited for `closing_s`."""
        self._sent[rows] += 1
        granted = self.granted[rows]
        pause_s = span_s(granted) / np.maximum(granted - 1, 1)
        # Counted from when it was due: the turns of the thread do not stretch the span.
        due_at = np.maximum(self._next_at[rows] - RETRY_S, now - pause_s / 2)
        self._next_at[rows] = due_at + pause_s
        over = self._sent[rows] >= granted
        self._next_at[rows[over]] = now + closing_s[over]

    def are_over(self, now: float) -> Mask:
        """Which rows were sent all that they were granted, and had the time to answer."""
        over: Mask = (self.granted > 0) & (self._sent >= self.granted) & (now >= self._next_at)
        return over
