"""What the store keeps, as frozen data: alerts, incidents, their timeline, notifications.

A decision returns `Changes`; the store commits all of it in one transaction.
All times are seconds since the epoch (UTC).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

SeriesKey = tuple[str, tuple[tuple[str, str], ...]]
"""Metric name and label pairs sorted by name."""

FAULT_OWNER = "fault-owner"
"""In a step: the duty contacts of the organization found responsible, resolved when the step is due."""


class AlertState(StrEnum):
    """`held`: it fired, the expression is empty, but the recovery cannot be measured now."""

    PENDING = "pending"
    FIRING = "firing"
    HELD = "held"
    GONE = "gone"


class GoneReason(StrEnum):
    """Why an alert ended."""

    RECOVERED = "recovered"
    WITHDRAWN = "withdrawn"
    RULE_REMOVED = "rule-removed"
    NEVER_FIRED = "never-fired"


@dataclass(frozen=True, slots=True)
class Alert:
    """A rule that holds for one label set.

    `id`: identity that does not depend on labels the inventory can change (rule name, and the
    labels without site, kind, owner, emergency). `labels` include `alertname` and `severity`.
    `series`: what its expression selected for its target while it fired: the evidence that a
    recovery needs. `true_at`: when the expression last held. `true_since`: since when without gap.
    """

    id: str
    rule: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    value: float
    state: AlertState
    true_since: float
    true_at: float
    fired_at: float | None = None
    series: tuple[SeriesKey, ...] = ()

    @property
    def target(self) -> str:
        """Id of its target, or empty."""
        return self.labels.get("target", "")

    @property
    def severity(self) -> str:
        """`critical`, `warning`, `info` or `none`."""
        return self.labels.get("severity", "warning")

    def moved(self, by_s: float) -> Alert:
        """The same on a clock that was set by so much."""
        fired_at = None if self.fired_at is None else self.fired_at + by_s
        return replace(
            self, true_since=self.true_since + by_s, true_at=self.true_at + by_s, fired_at=fired_at
        )


@dataclass(frozen=True, slots=True)
class Transition:
    """An alert changed state. `reason` names why and goes to timeline, logs and counters.

    `detail` says more where there is more to say (which series was not measured), for people.
    """

    alert: Alert
    was: AlertState | None
    reason: str
    detail: str = ""


class IncidentState(StrEnum):
    """The life of an incident."""

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """One step of a frozen plan. `done_at` is set once everybody in it has been told."""

    after_s: float
    notify: tuple[str, ...]
    channels: tuple[str, ...] = ()
    done_at: float | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """The escalation of one incident, frozen against edits of the configuration.

    `told`: (contact, channel) pairs that a step has told already. `repeats`: how many repeats are over
    since the last step.
    """

    steps: tuple[PlannedStep, ...] = ()
    repeat_s: float | None = None
    told: tuple[tuple[str, str], ...] = ()
    repeats: int = 0


@dataclass(frozen=True, slots=True)
class Incident:
    """What people handle: one or more alerts with one root cause.

    `root`: the target (or, for alerts without one, the alert name) that is the cause; `impact`: ids
    of targets covered by it. `due_at`: when the next escalation step is due (stored, indexed);
    None = nothing is due (acknowledged, resolved, plan used up). `covered_since`: it is not spoken
    of since then, and `covered_by` says why (a target id, `isolated` or `maintenance`); escalation
    time stands still meanwhile. `clock_shift_s`: how long it has stood still in all.
    """

    id: int
    root: str
    state: IncidentState
    severity: str
    emergency: bool
    opened_at: float
    alerts: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()
    impact: tuple[str, ...] = ()
    fault_owner: str | None = None
    blame_reason: str = ""
    summary: str = ""
    acknowledged_at: float | None = None
    acknowledged_by: str | None = None
    resolved_at: float | None = None
    covered_since: float | None = None
    covered_by: str | None = None
    clock_shift_s: float = 0.0
    held: bool = False
    plan: Plan = Plan()
    due_at: float | None = None

    def moved(self, by_s: float) -> Incident:
        """The same on a clock that was set by so much; `due_at` is not moved but follows from the rest."""
        return replace(
            self,
            opened_at=self.opened_at + by_s,
            acknowledged_at=None if self.acknowledged_at is None else self.acknowledged_at + by_s,
            covered_since=None if self.covered_since is None else self.covered_since + by_s,
        )


@dataclass(frozen=True, slots=True)
class Event:
    """One line of an incident's timeline. `kind` is machine-readable, `detail` holds plain texts."""

    incident: int
    at: float
    kind: str
    detail: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TargetEvent:
    """What a device said of itself, unasked, or what was noticed of the way to it. `kind` and `detail` as in
    a timeline's line."""

    target: str
    at: float
    kind: str
    detail: Mapping[str, str] = field(default_factory=dict)


class NotificationKind(StrEnum):
    """Why somebody is told."""

    PAGE = "page"
    REPEAT = "repeat"
    UPDATE = "update"
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"
    TEST = "test"


class Delivery(StrEnum):
    """The state of an outbox row. `failed` and `delivered` are final; `unknown` may be sent again."""

    QUEUED = "queued"
    LEASED = "leased"
    DELIVERED = "delivered"
    FAILED = "failed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Notification:
    """One message to one contact over one channel: a row of the outbox.

    `key` makes it idempotent: `incident/kind/step/contact/channel`. `fallback`: channels of the
    contact to try after this one has failed for good.
    """

    key: str
    incident: int
    contact: str
    channel: str
    kind: NotificationKind
    subject: str
    body: str
    created_at: float
    fallback: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Changes:
    """One decision: committed whole or not at all.

    `moved_s`: the wall clock was set by so much, and what waits in the outbox moves along.
    """

    alerts: tuple[Alert, ...] = ()
    gone_alerts: tuple[str, ...] = ()
    incidents: tuple[Incident, ...] = ()
    events: tuple[Event, ...] = ()
    notifications: tuple[Notification, ...] = ()
    moved_s: float = 0.0

    def __bool__(self) -> bool:
        rows = self.alerts or self.gone_alerts or self.incidents or self.events or self.notifications
        return bool(rows or self.moved_s)
