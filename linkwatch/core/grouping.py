"""Where each alert belongs: to the incident of which root cause, or to none for now.

An alert is not spoken of while an upstream is down, LinkWatch is isolated or maintenance runs; nor,
after that, until its probes had time to measure anew (recheck, then speak): else the recovery of an
upstream would be a storm of alerts that are over already.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from linkwatch.core.blame import Evidence
from linkwatch.core.inventory import Inventory, ProbeSpec, Target
from linkwatch.core.records import Alert, AlertState, Transition
from linkwatch.core.topology import DOWN, NOT_COVERED, UNKNOWN, UP, Reachability

ISOLATED, MAINTENANCE = "isolated", "maintenance"
"""Values of `Incident.covered_by` beside the ids of targets."""

ISOLATION_ALERT = "LinkwatchIsolated"
"""The one alert that speaks while LinkWatch is isolated."""

UNDECIDED_S = 5.0
"""How long a new alert waits while an upstream is under suspicion."""

START_GRACE_S = 60.0
"""How long after a start an alert waits for the first measurement of its upstreams and the anchors."""

REPLIES_TO_RISE = 3
"""Replies in a row that make an ICMP target up again (DESIGN: suspect mode)."""

RECHECK_MARGIN_S = 2.0
RECHECK_DEFAULT_S = 30.0

_REDUNDANCY_METRICS = ("linkwatch_redundancy_paths", "linkwatch_redundancy_paths_configured")
_REACHABILITY_METRICS = ("linkwatch_up", "linkwatch_icmp_")
_SEVERITIES = ("none", "info", "warning", "critical")


@dataclass(frozen=True, slots=True)
class Situation:
    """What one judgement knows.

    `active`: every alert that is pending, firing or held, by id, as of its last transition. `latest`:
    such an alert as of now, which matters for `true_at`.
    """

    now: float
    active: Mapping[str, Alert]
    transitions: Sequence[Transition]
    reachability: Reachability
    inventory: Inventory
    latest: Callable[[str], Alert]
    evidence: Evidence = field(default_factory=Evidence)


@dataclass(frozen=True, slots=True)
class Survey:
    """One look at all alerts, by root cause.

    `fresh`: alerts that need an incident. `under`: firing alerts that the root covers. `impact`: ids of
    the targets that cannot be reached because of it.
    """

    fresh: Mapping[str, Sequence[Alert]]
    under: Mapping[str, Sequence[Alert]]
    impact: Mapping[str, Sequence[str]]


def rank(severity: str) -> int:
    """Severities in order; one that we do not know counts as a warning."""
    return _SEVERITIES.index(severity if severity in _SEVERITIES else "warning")


def calls_for_people(alert: Alert) -> bool:
    """Whether an alert makes or prolongs an incident: `info` and `none` are for boards and the API only."""
    return rank(alert.severity) >= rank("warning")


def worst_first(alerts: Iterable[Alert]) -> tuple[Alert, ...]:
    """By severity, then by age, then by id: a fixed order."""
    return tuple(sorted(alerts, key=lambda alert: (-rank(alert.severity), alert.true_since, alert.id)))


def root_name(alert: Alert) -> str:
    """The root of an alert without a target: its name and what tells it from its siblings."""
    told_apart = {name: text for name, text in alert.labels.items() if name not in ("alertname", "severity")}
    inside = ",".join(f'{name}="{text}"' for name, text in sorted(told_apart.items()))
    return f"{alert.rule}{{{inside}}}" if inside else alert.rule


def speaks_while_isolated(root: str) -> bool:
    """Whether this root cause is the isolation itself."""
    return root.partition("{")[0] == ISOLATION_ALERT


def cover_of(root: str, reachability: Reachability) -> str | None:
    """What keeps a root cause from being spoken of now, if anything does."""
    if speaks_while_isolated(root):
        return None
    if reachability.isolated:
        return ISOLATED
    if reachability.in_maintenance(root):
        return MAINTENANCE
    upstream = reachability.root_of(root)
    if upstream is None and reachability.is_settling(root):
        return ISOLATED
    return upstream


class Grouping:
    """Finds the root cause of alerts, and remembers which of them stood under a cover until when."""

    def __init__(self) -> None:
        self._started_at: float | None = None
        self._covered_at: dict[str, float] = {}
        self._isolated_at: float | None = None

    def survey(self, s: Situation, owned: Container[str]) -> Survey:
        """Look at every active alert once; `owned` are those that have an incident."""
        if self._started_at is None:
            self._start(s)
        if s.reachability.isolated:
            self._isolated_at = s.now
        self._covered_at = {key: at for key, at in self._covered_at.items() if key in s.active}
        fresh: defaultdict[str, list[Alert]] = defaultdict(list)
        under: defaultdict[str, list[Alert]] = defaultdict(list)
        alerts = [alert for alert in s.active.values() if calls_for_people(alert)]
        speaking = {a.target for a in alerts if a.state is not AlertState.HELD or a.id in owned}
        for alert in alerts:
            cover, cause = _cover_and_cause(alert, s)
            silent = _is_silent(cover, cause, speaking, s.reachability)
            if self._is_early(alert, s) or (silent and not s.reachability.is_settling(alert.target)):
                self._covered_at[alert.id] = s.now
            if alert.state is not AlertState.FIRING:
                continue
            if cause is not None and cause in speaking:
                under[cause].append(alert)
            if alert.id not in owned and not silent and (cause or self._may_speak(alert, s)):
                fresh[cause or alert.target or root_name(alert)].append(alert)
        return Survey(fresh, under, _impact(s.reachability))

    def move_times(self, by_s: float) -> None:
        """Go on with a clock that was set by so much."""
        self._covered_at = {key: at + by_s for key, at in self._covered_at.items()}
        self._started_at = None if self._started_at is None else self._started_at + by_s
        self._isolated_at = None if self._isolated_at is None else self._isolated_at + by_s

    def _start(self, s: Situation) -> None:
        """What had fired when the last run ended may have stood under a cover that is gone: recheck it."""
        self._started_at = s.now
        fired = (alert.id for alert in s.active.values() if alert.fired_at is not None)
        self._covered_at = dict.fromkeys(fired, s.now)
        for transition in s.transitions:
            if transition.was in (None, AlertState.PENDING):
                self._covered_at.pop(transition.alert.id, None)

    def rechecked(self, alert: Alert, s: Situation) -> bool:
        """Whether its probes had time to measure anew since it was last covered, and it still stands."""
        covered_at = self._covered_at.get(alert.id, self._isolated_at if alert.target else None)
        if covered_at is None:
            return True
        seen_at = s.latest(alert.id).true_at if alert.state is AlertState.FIRING else s.now
        return seen_at - covered_at >= recheck_s(alert, s.inventory)

    def unmeasured(self, root: str, s: Situation) -> bool:
        """Whether, soon after a start, it cannot be said yet who or what may cover a root cause."""
        if not self._has_just_started(s):
            return False
        watched = {*_upstreams(root, s.inventory), *s.inventory.anchors}
        return any(s.reachability.verdict(target) == UNKNOWN for target in watched)

    def _is_early(self, alert: Alert, s: Situation) -> bool:
        """Whether, soon after a start, it fires for a target that had no time to be measured: what was not
        measured for a moment before a long stop was not silent for long."""
        is_known = alert.target not in s.reachability.index or s.reachability.verdict(alert.target) != UNKNOWN
        return alert.state is AlertState.FIRING and not is_known and self._has_just_started(s)

    def _has_just_started(self, s: Situation) -> bool:
        return self._started_at is not None and s.now - self._started_at < START_GRACE_S

    def _may_speak(self, alert: Alert, s: Situation) -> bool:
        return self.rechecked(alert, s) and not (alert.target and self._undecided(alert, s))

    def _undecided(self, alert: Alert, s: Situation) -> bool:
        since = max(alert.fired_at or s.now, self._started_at or s.now)
        suspected = s.reachability.is_undecided(alert.target) and s.now - since < UNDECIDED_S
        return suspected or self.unmeasured(alert.target, s)


def recheck_s(alert: Alert, inventory: Inventory) -> float:
    """How long the probes behind an alert need to measure its target anew, seconds."""
    target = inventory.targets.get(alert.target)
    needed = [
        (REPLIES_TO_RISE if probe.type == "icmp" else 1) * probe.interval_s + probe.timeout_s
        for probe in (_probes_behind(alert, target) if target else ())
    ]
    return max(needed) + RECHECK_MARGIN_S if needed else RECHECK_DEFAULT_S


def _probes_behind(alert: Alert, target: Target) -> Sequence[ProbeSpec]:
    """The probes whose measurements an alert rests on; all of them where that cannot be told."""
    named = {value for _, labels in alert.series for name, value in labels if name == "probe"}
    named.add(alert.labels.get("probe", ""))
    found = [probe for probe in target.probes if probe.name in named]
    if not found and alert.series and all(name.startswith(_REACHABILITY_METRICS) for name, _ in alert.series):
        found = [probe for probe in target.probes if probe.type == "icmp"] or list(target.probes[:1])
    return found or target.probes


def _cover_and_cause(alert: Alert, s: Situation) -> tuple[str | None, str | None]:
    """What covers an alert, and the target that is its cause, where that is another than its own."""
    if not alert.target:
        return cover_of(root_name(alert), s.reachability), None
    cover, upstream = cover_of(alert.target, s.reachability), s.reachability.root_of(alert.target)
    if upstream is None and alert.series and all(name in _REDUNDANCY_METRICS for name, _ in alert.series):
        upstream = _dead_upstream(alert.target, s)
    return cover, upstream


def _is_silent(
    cover: str | None, cause: str | None, speaking: Container[str], reachability: Reachability
) -> bool:
    """Whether an alert is not spoken of now.

    Nobody would ever speak of a dead upstream that no rule watches: then its children do, as one.
    """
    if cause is None or cover in (ISOLATED, MAINTENANCE):
        return cover is not None
    return cause in speaking or reachability.verdict(cause) != DOWN


def _dead_upstream(target: str, s: Situation) -> str | None:
    """The root cause of lost redundancy: the first upstream that does not answer, or what covers that."""
    known = s.inventory.targets.get(target)
    for via in known.via if known else ():
        root = s.reachability.root_of(via)
        if root is not None or s.reachability.verdict(via) == DOWN:
            return root or via
    return None


def _upstreams(root: str, inventory: Inventory) -> set[str]:
    found: set[str] = set()
    waiting = [root]
    while waiting:
        target = inventory.targets.get(waiting.pop())
        fresh = [via for via in target.via if via not in found] if target else []
        found.update(fresh)
        waiting.extend(fresh)
    return found


def _impact(reachability: Reachability) -> Mapping[str, Sequence[str]]:
    ids, found = reachability.ids, defaultdict[str, list[str]](list)
    for i in np.flatnonzero((reachability.root != NOT_COVERED) & (reachability.up != UP)):
        found[ids[reachability.root[i]]].append(ids[i])
    return found
