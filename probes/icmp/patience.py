"""How long a reply may take, by row: RFC 6298 over each row's own round trips, with floors. Pure."""

from __future__ import annotations

import numpy as np

from probes.icmp.columns import Floats, Rows, grown

START_S = 1.0
"""Before the first round trip is known (RFC 6298, 2.1)."""
ADAPTIVE_FLOOR_S = 0.1
"""A ping is not overdue this early. Asking again costs an echo and decides nothing, so it need not wait."""
CLOSING_FLOOR_S = 0.05
"""The last confirmation waits at least so long: what is late in replies was seen by those before it."""
ROUND_FLOOR_S = 0.2
"""Where rounds decide none is missed this early: retransmission on the last mile or a busy device take that
long."""


class Patience:
    """Columns by row, in seconds. `adaptive_s`: after which a ping is overdue; `closing_s`: how long the
    last confirmation is waited for; `smooth_s`: the round trip it is used to, nan if none is known."""

    def __init__(self) -> None:
        self.adaptive_s: Floats = np.zeros(0)
        self.closing_s: Floats = np.zeros(0)
        self.smooth_s: Floats = np.zeros(0)
        self._variation_s: Floats = np.zeros(0)

    def resize(self, size: int) -> None:
        """Make room for `size` rows."""
        for name in ("adaptive_s", "closing_s", "smooth_s", "_variation_s"):
            setattr(self, name, grown(getattr(self, name), size))

    def reset(self, rows: Rows) -> None:
        """Know nothing of `rows`."""
        self.adaptive_s[rows] = self.closing_s[rows] = START_S
        self.smooth_s[rows] = np.nan

    def learn(self, rows: Rows, rtt_s: Floats, timeout_s: Floats) -> None:
        """Round-trip estimate and its variation, as RFC 6298 section 2 has it; at most `timeout_s`."""
        smooth, variation = self.smooth_s[rows], self._variation_s[rows]
        first = np.isnan(smooth)
        variation = np.where(first, rtt_s / 2, 0.75 * variation + 0.25 * np.abs(smooth - rtt_s))
        smooth = np.where(first, rtt_s, 0.875 * smooth + 0.125 * rtt_s)
        self.smooth_s[rows], self._variation_s[rows] = smooth, variation
        self.closing_s[rows] = np.clip(smooth + 4 * variation, CLOSING_FLOOR_S, timeout_s)
        self.adaptive_s[rows] = np.clip(self.closing_s[rows], ADAPTIVE_FLOOR_S, timeout_s)

    def round_s(self, rows: Rows) -> Floats:
        """After which a round without reply counts as missed in a verdict."""
        return np.maximum(self.adaptive_s[rows], ROUND_FLOOR_S)
