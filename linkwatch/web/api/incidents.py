"""`/api/v1/incidents`, `/api/v1/incidents/{id}` and what people may do there."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from typing import Any

from aiohttp import web

from linkwatch.core.records import Event, Incident, IncidentState
from linkwatch.store.outbox import NotificationRow
from linkwatch.store.store import Store
from linkwatch.web.answer import (
    json_answer,
    page_size,
    parameters,
    plain_text,
    read_cursor,
    rfc3339,
    write_cursor,
)
from linkwatch.web.auth import current_caller
from linkwatch.web.problem import bad_request, not_found
from linkwatch.web.services import SERVICES, Services
from linkwatch.web.view import View, view_of

UNRESOLVED = (IncidentState.OPEN, IncidentState.ACKNOWLEDGED)
NOTE_LENGTH_MAX = 1000

_BATCH = 200


async def list_incidents(request: web.Request) -> web.Response:
    """Incidents, newest first; `state` takes several, separated by commas."""
    services = request.app[SERVICES]
    query = parameters(request, "state", "limit", "cursor")
    limit, before_id, states = page_size(query), _before_id(query), _states(query)
    view = view_of(services, current_caller(request))
    found = await _page(services.store, view, states, limit + 1, before_id)
    page = found[:limit]
    items = await asyncio.gather(*(incident_json(services, view, incident) for incident in page))
    more = write_cursor(str(page[-1].id)) if len(found) > limit else None
    return json_answer(request, {"items": items, "next_cursor": more})


async def show_incident(request: web.Request) -> web.Response:
    """One incident with its timeline and who was told."""
    parameters(request)
    return await _answer(request, await find_incident(request))


async def acknowledge(request: web.Request) -> web.Response:
    """Somebody takes the incident on; escalation stops."""
    body = await _body(request, {"note"})
    incident = await find_incident(request)
    await request.app[SERVICES].actions.ack(incident.id, current_caller(request).name, body.get("note", ""))
    return await _answer(request, await find_incident(request))


async def note(request: web.Request) -> web.Response:
    """A line in the timeline."""
    body = await _body(request, {"text"})
    if not body.get("text"):
        raise bad_request("text is missing or empty.")
    incident = await find_incident(request)
    await request.app[SERVICES].actions.note(incident.id, current_caller(request).name, body["text"])
    return await _answer(request, await find_incident(request))


async def resolve(request: web.Request) -> web.Response:
    """An operator ends the incident by hand."""
    body = await _body(request, {"note"})
    incident = await find_incident(request)
    await request.app[SERVICES].actions.resolve(
        incident.id, current_caller(request).name, body.get("note", "")
    )
    return await _answer(request, await find_incident(request))


async def find_incident(request: web.Request) -> Incident:
    """The incident of the path, if the caller sees it."""
    services = request.app[SERVICES]
    incident = await services.store.incident(int(request.match_info["id"]))
    if incident is None or not view_of(services, current_caller(request)).sees(incident):
        raise not_found()
    return incident


async def open_incidents(store: Store, view: View) -> list[Incident]:
    """All incidents in sight that are not resolved, newest first."""
    found: list[Incident] = []
    before_id: int | None = None
    while True:
        batch = await store.incidents(states=UNRESOLVED, limit=_BATCH, before_id=before_id)
        found.extend(incident for incident in batch if view.sees(incident))
        if len(batch) < _BATCH:
            return found
        before_id = batch[-1].id


async def incident_json(services: Services, view: View, incident: Incident) -> dict[str, Any]:
    """An incident as the API shows it, within the caller's sight."""
    timeline = await services.store.timeline(incident.id)
    notifications = await services.store.notifications(incident.id)
    return {
        "id": incident.id,
        "state": incident.state,
        "severity": incident.severity,
        "emergency": incident.emergency,
        "summary": incident.summary if view.tells_root(incident) else "",
        "root": incident.root if view.tells_root(incident) else None,
        "targets": view.within(incident.targets),
        "impact": view.within(incident.impact),
        "alerts": [_alert_json(view, alert_id) for alert_id in incident.alerts],
        "fault_owner": incident.fault_owner,
        "blame_reason": view.blank(incident.blame_reason) or None,
        "held": incident.held,
        "covered_by": None if incident.covered_by is None else view.blank(incident.covered_by),
        "covered_since": rfc3339(incident.covered_since),
        "opened_at": rfc3339(incident.opened_at),
        "acknowledged_at": rfc3339(incident.acknowledged_at),
        "acknowledged_by": incident.acknowledged_by,
        "resolved_at": rfc3339(incident.resolved_at),
        "timeline": [_event_json(event) for event in timeline if view.shows(event)],
        "notifications": notifications_json(view, notifications),
    }


def notifications_json(view: View, rows: Sequence[NotificationRow]) -> list[dict[str, Any]]:
    """Who was told, and whether it arrived: contacts by name, never by address."""
    contacts = view.inventory.contacts
    return [
        {
            "contact": row.notification.contact,
            "name": contacts[row.notification.contact].name if row.notification.contact in contacts else None,
            "channel": row.notification.channel,
            "kind": row.notification.kind,
            "state": row.state,
            "attempts": row.attempts,
            "created_at": rfc3339(row.notification.created_at),
            "delivered_at": rfc3339(row.delivered_at),
            "repeated": row.repeated,
        }
        for row in rows
        if row.notification.contact not in view.hidden
    ]


def _alert_json(view: View, alert_id: str) -> dict[str, Any]:
    """An alert by id; those that have ended are known by id alone."""
    alert = view.alerts.get(alert_id)
    if alert is None:
        return {"id": alert_id, "rule": None, "state": "gone", "severity": None, "target": None}
    return {
        "id": alert_id,
        "rule": alert.rule,
        "state": alert.state,
        "severity": alert.severity,
        "target": alert.target or None,
    }


def _event_json(event: Event) -> dict[str, Any]:
    return {"at": rfc3339(event.at), "kind": event.kind, "detail": dict(event.detail)}


async def _answer(request: web.Request, incident: Incident) -> web.Response:
    services = request.app[SERVICES]
    view = view_of(services, current_caller(request))
    return json_answer(request, await incident_json(services, view, incident))


async def _page(
    store: Store, view: View, states: Sequence[IncidentState], limit: int, before_id: int | None
) -> list[Incident]:
    """The newest `limit` incidents in sight: a scope may pass over many that others see."""
    found: list[Incident] = []
    while len(found) < limit:
        batch = await store.incidents(states=states, limit=_BATCH, before_id=before_id)
        found.extend(incident for incident in batch if view.sees(incident))
        if len(batch) < _BATCH:
            break
        before_id = batch[-1].id
    return found[:limit]


def _states(query: Mapping[str, str]) -> list[IncidentState]:
    names = [name for name in query.get("state", "").split(",") if name] or list(IncidentState)
    try:
        return [IncidentState(name) for name in names]
    except ValueError:
        raise bad_request(f"state is one or more of {', '.join(IncidentState)}.") from None


def _before_id(query: Mapping[str, str]) -> int | None:
    if "cursor" not in query:
        return None
    position = read_cursor(query["cursor"])
    if not (position.isascii() and position.isdigit()):
        raise bad_request("cursor is not one that this server gave out.")
    return int(position)


async def _body(request: web.Request, allowed: set[str]) -> dict[str, str]:
    """The JSON object of a request, texts only; no body is an empty object."""
    content = await request.read()
    try:
        body = json.loads(content) if content.strip() else {}
    except ValueError:
        raise bad_request("The body is not JSON.") from None
    if not isinstance(body, dict) or not all(isinstance(value, str) for value in body.values()):
        raise bad_request("The body is an object of texts.")
    if unknown := sorted(set(body) - allowed):
        raise bad_request(f"Unknown fields: {', '.join(unknown)}; allowed: {', '.join(sorted(allowed))}.")
    return {name: plain_text(name, text, NOTE_LENGTH_MAX) for name, text in body.items()}
