"""How many more participants fit: what every bridge has left until Jicofo calls it overloaded."""

from __future__ import annotations

import math
from collections.abc import Iterable

from probes.jitsi.finding import Finding, State
from probes.jitsi.inside.told import Told

FULL_STRESS = 0.8
"""Jicofo puts no more on a bridge from here on (jicofo.bridge.stress-threshold, its default)."""


def seats_free(bridges: Iterable[tuple[Told, Finding]]) -> float | None:
    """Whole seats on all bridges: (0.8 - stress) / average_participant_stress, the bridge's own figure.

    A bridge that drains or has failed has none. None where one that may be well does not tell both
    figures, as without `/colibri/stats`: a sum without it would be too small.
    """
    seats = [_seats_of(told, finding) for told, finding in bridges]
    if not seats or None in seats:
        return None
    return sum(each for each in seats if each is not None)


def _seats_of(told: Told, finding: Finding) -> float | None:
    if finding.state in (State.MAINTENANCE, State.FAILED):
        return 0.0
    if finding.state is State.UNSEEN:
        return None
    stress, each = told.figures.get("stress"), told.figures.get("participant_stress")
    if stress is None or not each:
        return None
    # 1e-9: (0.8 - 0.2) / 0.01 must not come out as 59.999…
    return float(max(0, math.floor((FULL_STRESS - stress) / each + 1e-9)))
