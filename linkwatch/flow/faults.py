"""Why pings cannot be sent: an interface that is missing, a right that is gone, a packet that is too big."""

from __future__ import annotations

import logging
from collections.abc import Callable

import numpy as np

from probes.failure import reason_of_errno
from probes.icmp import Egress, Pinger
from probes.sample import Reason

UNKNOWN = -1

log = logging.getLogger(__name__)


class Faults:
    """What keeps this machine from sending pings; each is told once, until it is over."""

    def __init__(self, pinger: Pinger) -> None:
        self._pinger = pinger
        self._told: frozenset[str] = frozenset()

    def tell_new(self) -> None:
        """Log what was not told yet; the pings concerned are not measured, and everything else goes on."""
        found = frozenset(
            f"pings over IPv{version}{_words(egress)} cannot be sent: {why}"
            for (version, egress), why in self._pinger.faults.items()
        )
        for text in sorted(found - self._told):
            log.warning("%s", text)
        self._told = found

    def reasons(self, target_of: Callable[[int], str | None]) -> dict[str, Reason]:
        """Target id -> why it is not measured, of those whose pings could not be sent or were too big.

        `target_of`: the target on which a row of the pinger decides.
        """
        up, trouble = self._pinger.up, self._pinger.trouble
        rows = np.flatnonzero((up == UNKNOWN) & (trouble != 0)).tolist()
        found = {target_of(row): reason_of_errno(int(trouble[row])) for row in rows}
        return {target: reason for target, reason in found.items() if target is not None}


def _words(egress: Egress) -> str:
    named = (
        ("through", egress.interface),
        ("from", str(egress.source or "")),
        ("with mark", str(egress.mark or "")),
    )
    return "".join(f" {word} {value}" for word, value in named if value)
