"""The status of every target in the words of a status page, and what caused it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from linkwatch.core.records import Alert, AlertState
from linkwatch.core.topology import DOWN, NOT_COVERED, UNKNOWN, Reachability


class Status(StrEnum):
    """Component states of Statuspage, and `unknown` for what is not measured."""

    OPERATIONAL = "operational"
    DEGRADED_PERFORMANCE = "degraded_performance"
    PARTIAL_OUTAGE = "partial_outage"
    MAJOR_OUTAGE = "major_outage"
    UNDER_MAINTENANCE = "under_maintenance"
    UNKNOWN = "unknown"


class CauseKind(StrEnum):
    """Why a target has its status."""

    NONE = "none"
    DOWN = "down"
    UPSTREAM = "upstream"
    ALERT = "alert"
    MAINTENANCE = "maintenance"
    ISOLATED = "isolated"
    NOT_MEASURED = "not_measured"


@dataclass(frozen=True, slots=True)
class TargetStatus:
    """`reference`: id of the upstream that covers the target, the name of the alert, or why nothing can be
    measured (`resolve`, `permission`, …); else empty."""

    status: Status
    cause: CauseKind
    reference: str = ""


OPERATIONAL = TargetStatus(Status.OPERATIONAL, CauseKind.NONE)
ISOLATED = TargetStatus(Status.UNKNOWN, CauseKind.ISOLATED)
NOT_MEASURED = TargetStatus(Status.UNKNOWN, CauseKind.NOT_MEASURED)
IN_MAINTENANCE = TargetStatus(Status.UNDER_MAINTENANCE, CauseKind.MAINTENANCE)
IS_DOWN = TargetStatus(Status.MAJOR_OUTAGE, CauseKind.DOWN)

_BY_SEVERITY = {"critical": Status.PARTIAL_OUTAGE, "warning": Status.DEGRADED_PERFORMANCE}
_WORST_FIRST = (
    Status.MAJOR_OUTAGE,
    Status.PARTIAL_OUTAGE,
    Status.DEGRADED_PERFORMANCE,
    Status.UNKNOWN,
    Status.UNDER_MAINTENANCE,
)


def judge_statuses(
    targets: Iterable[str], reachability: Reachability | None, alerts: Iterable[Alert]
) -> Mapping[str, TargetStatus]:
    """The status of every target that is not operational; all others are `OPERATIONAL`.

    While LinkWatch is isolated, and before the first judgement, nothing is known of anything.
    Planned work goes before what it causes; an outage goes before alerts; alerts before silence.
    """
    if reachability is None:
        return dict.fromkeys(targets, NOT_MEASURED)
    if reachability.isolated:
        return dict.fromkeys(targets, ISOLATED)
    found = {target: NOT_MEASURED for target in targets if target not in reachability.index}
    found.update(_unreachable(reachability))
    for target, status in _alerting(alerts).items():
        if found.get(target, NOT_MEASURED) is NOT_MEASURED:
            found[target] = status
    return found


def overall(statuses: Iterable[TargetStatus]) -> Status:
    """The worst status of all; operational when there is nothing."""
    present = {status.status for status in statuses}
    return next((status for status in _WORST_FIRST if status in present), Status.OPERATIONAL)


def count(total: int, exceptions: Iterable[TargetStatus]) -> dict[Status, int]:
    """How many of `total` targets have each status, where all but `exceptions` are operational."""
    counts = Counter(status.status for status in exceptions)
    counts[Status.OPERATIONAL] += total - counts.total()
    return {status: counts[status] for status in Status}


def _unreachable(reachability: Reachability) -> dict[str, TargetStatus]:
    up, root = reachability.up, reachability.root
    notable = (up == DOWN) | (up == UNKNOWN) | (root != NOT_COVERED) | reachability.maintenance
    return {reachability.ids[i]: _of_one(reachability, int(i)) for i in np.flatnonzero(notable)}


def _of_one(reachability: Reachability, i: int) -> TargetStatus:
    if reachability.maintenance[i]:
        return IN_MAINTENANCE
    if reachability.root[i] != NOT_COVERED:
        upstream = reachability.ids[reachability.root[i]]
        return TargetStatus(Status.MAJOR_OUTAGE, CauseKind.UPSTREAM, upstream)
    return IS_DOWN if reachability.up[i] == DOWN else NOT_MEASURED


def _alerting(alerts: Iterable[Alert]) -> dict[str, TargetStatus]:
    found: dict[str, TargetStatus] = {}
    for alert in sorted(alerts, key=lambda alert: alert.rule):
        status = _BY_SEVERITY.get(alert.severity)
        if status is None or not alert.target or alert.state not in (AlertState.FIRING, AlertState.HELD):
            continue
        known = found.get(alert.target)
        if known is None or (known.status, status) == (Status.DEGRADED_PERFORMANCE, Status.PARTIAL_OUTAGE):
            found[alert.target] = TargetStatus(status, CauseKind.ALERT, alert.rule)
    return found
