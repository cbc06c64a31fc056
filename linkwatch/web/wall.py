"""What the wall shows: incidents with who was told and who answered, carriers, the unknown, the age."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from linkwatch.core.inventory import Target
from linkwatch.core.records import Delivery, Incident, IncidentState, NotificationKind
from linkwatch.core.status import CauseKind, Status, TargetStatus, count, overall
from linkwatch.store.outbox import NotificationRow
from linkwatch.web.api.incidents import open_incidents
from linkwatch.web.carriers import Carrier, carriers
from linkwatch.web.services import Health, Services
from linkwatch.web.view import View

INCIDENTS_MAX = 30
"""A wall is looked at, not scrolled; how many more there are is said."""

QUIET_MAX = 12
FAILING_MAX = 12
UNKNOWN_MAX = 24

_SEVERITY_ORDER = {"critical": 0, "warning": 1}
_FAILING_ORDER = (Status.MAJOR_OUTAGE, Status.PARTIAL_OUTAGE, Status.DEGRADED_PERFORMANCE)


@dataclass(frozen=True, slots=True)
class Told:
    """What became of the messages to one contact over one channel: the newest row's state."""

    name: str
    channel: str
    state: Delivery
    at: float | None


@dataclass(frozen=True, slots=True)
class IncidentCard:
    """An incident in words for people: names instead of ids."""

    incident: Incident
    title: str
    summary: str
    place: str
    fault_owner: str
    impact: int
    covered_by: str
    told: tuple[Told, ...]


@dataclass(frozen=True, slots=True)
class Failing:
    """A target that fails and that no incident speaks of, because the rule's `for` is not over yet."""

    target: Target
    status: TargetStatus


@dataclass(frozen=True, slots=True)
class Wall:
    """Everything on the wall at one moment; `now` is seconds since the epoch.

    `incidents`: those that call for hands. `quiet`: those that do not, being covered.
    """

    now: float
    status: Status
    isolated: bool
    health: Health
    total: int
    counts: Mapping[Status, int]
    incidents: tuple[IncidentCard, ...]
    more_incidents: int
    quiet: tuple[IncidentCard, ...]
    more_quiet: int
    failing: tuple[Failing, ...]
    more_failing: int
    carriers: tuple[Carrier, ...]
    unknown: tuple[Target, ...]
    more_unknown: int


async def build_wall(services: Services, view: View) -> Wall:
    """The wall as this caller sees it."""
    found = sorted(await open_incidents(services.store, view), key=_urgency)
    calling = [incident for incident in found if not is_quiet(incident)]
    quiet = [incident for incident in found if is_quiet(incident)]
    exceptions, reachability = list(view.exceptions.values()), services.reachability()
    failing, unknown = _failing(view, found), _unknown(view)
    return Wall(
        now=services.now(),
        status=overall(exceptions),
        isolated=reachability is not None and reachability.isolated,
        health=services.health(),
        total=len(view.targets),
        counts=count(len(view.targets), exceptions),
        incidents=await _cards(services, view, calling[:INCIDENTS_MAX]),
        more_incidents=max(0, len(calling) - INCIDENTS_MAX),
        quiet=await _cards(services, view, quiet[:QUIET_MAX]),
        more_quiet=max(0, len(quiet) - QUIET_MAX),
        failing=failing[:FAILING_MAX],
        more_failing=max(0, len(failing) - FAILING_MAX),
        carriers=tuple(carriers(view, services.board)),
        unknown=unknown[:UNKNOWN_MAX],
        more_unknown=max(0, len(unknown) - UNKNOWN_MAX),
    )


def is_quiet(incident: Incident) -> bool:
    """Whether an incident calls for nobody, being covered."""
    return incident.covered_since is not None


async def _cards(services: Services, view: View, incidents: Iterable[Incident]) -> tuple[IncidentCard, ...]:
    return tuple(await asyncio.gather(*(incident_card(services, view, i) for i in incidents)))


async def incident_card(services: Services, view: View, incident: Incident) -> IncidentCard:
    """One incident with names, and who was told."""
    rows = await services.store.notifications(incident.id)
    inventory = view.inventory
    tells_root = view.tells_root(incident)
    root = inventory.targets.get(incident.root) if tells_root else None
    site = inventory.sites.get(root.site) if root else None
    owner = inventory.organizations.get(incident.fault_owner or "")
    return IncidentCard(
        incident=incident,
        title=root.name if root else (incident.root if tells_root else ""),
        summary=incident.summary if tells_root else "",
        place=", ".join(part for part in (site.name, site.area) if part) if site else "",
        fault_owner=owner.name if owner else incident.fault_owner or "",
        impact=len(view.within(incident.impact)),
        covered_by=_covered_by(view, incident),
        told=_told(view, rows),
    )


def _covered_by(view: View, incident: Incident) -> str:
    """Name of the covering upstream, `isolated` or `maintenance`; empty if it is out of sight or none."""
    covered_by = view.blank(incident.covered_by or "")
    target = view.targets.get(covered_by)
    return target.name if target else covered_by


def _told(view: View, rows: Iterable[NotificationRow]) -> tuple[Told, ...]:
    """The newest page, repeat or update to each contact and channel."""
    told: dict[tuple[str, str], Told] = {}
    for row in rows:
        sent = row.notification
        if sent.contact in view.hidden or sent.kind in (NotificationKind.ACKNOWLEDGED, NotificationKind.TEST):
            continue
        contact = view.inventory.contacts.get(sent.contact)
        name = contact.name if contact else sent.contact
        at = row.delivered_at or sent.created_at
        told[sent.contact, sent.channel] = Told(name, sent.channel, row.state, at)
    return tuple(told.values())


def _failing(view: View, incidents: Iterable[Incident]) -> tuple[Failing, ...]:
    spoken_of = {target for i in incidents for target in (i.root, *i.targets, *i.impact)}
    found = [
        Failing(view.targets[target_id], status)
        for target_id, status in view.exceptions.items()
        if status.status in _FAILING_ORDER
        and status.cause is not CauseKind.UPSTREAM
        and target_id not in spoken_of
    ]
    return tuple(sorted(found, key=_failing_urgency))


def _failing_urgency(failing: Failing) -> tuple[int, bool, str]:
    order = _FAILING_ORDER.index(failing.status.status)
    return (order, not failing.target.emergency, failing.target.name)


def _unknown(view: View) -> tuple[Target, ...]:
    """Targets that nothing is known of, unless that is so of all because LinkWatch is isolated."""
    found = [
        target
        for target_id, status in view.exceptions.items()
        if status.cause is CauseKind.NOT_MEASURED and (target := view.targets.get(target_id))
    ]
    return tuple(sorted(found, key=lambda target: (not target.emergency, target.name)))


def _urgency(incident: Incident) -> tuple[bool, bool, bool, int, float]:
    """What needs hands first: not quiet, not answered, emergency, severity, then the oldest."""
    return (
        is_quiet(incident),
        incident.state is not IncidentState.OPEN,
        not incident.emergency,
        _SEVERITY_ORDER.get(incident.severity, 2),
        incident.opened_at,
    )
