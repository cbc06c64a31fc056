"""Rows of incidents and their timeline."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, func, insert, select

from linkwatch.core.records import Event, Incident, IncidentState, Plan, PlannedStep
from linkwatch.store.dialect import upsert
from linkwatch.store.tables import events, incidents

NOT_RESOLVED = (IncidentState.OPEN, IncidentState.ACKNOWLEDGED)


def put(connection: Connection, changed: Sequence[Incident]) -> None:
    """Insert or overwrite by id."""
    upsert(connection, incidents, [_to_row(incident) for incident in changed])


def add_events(connection: Connection, added: Sequence[Event]) -> None:
    """Append to timelines."""
    if added:
        connection.execute(insert(events), [_event_row(event) for event in added])


def find(
    connection: Connection, states: Collection[IncidentState] | None, limit: int | None, before_id: int | None
) -> tuple[Incident, ...]:
    """Incidents, newest first; older than `before_id` if that is given."""
    query = select(incidents).order_by(incidents.c.id.desc()).limit(limit)
    if states is not None:
        query = query.where(incidents.c.state.in_([state.value for state in states]))
    if before_id is not None:
        query = query.where(incidents.c.id < before_id)
    return tuple(_from_row(row._mapping) for row in connection.execute(query))


def get(connection: Connection, incident_id: int) -> Incident | None:
    """One incident, if it is known."""
    row = connection.execute(select(incidents).where(incidents.c.id == incident_id)).first()
    return _from_row(row._mapping) if row else None


def due(connection: Connection, now: float) -> tuple[int, ...]:
    """Ids whose next escalation step is due, the longest overdue first."""
    query = select(incidents.c.id).where(incidents.c.due_at <= now).order_by(incidents.c.due_at)
    return tuple(connection.scalars(query))


def timeline(connection: Connection, incident_id: int) -> tuple[Event, ...]:
    """The events of one incident in the order in which they were written."""
    columns = (events.c.incident, events.c.at, events.c.kind, events.c.detail)
    query = select(*columns).where(events.c.incident == incident_id).order_by(events.c.id)
    return tuple(Event(*row) for row in connection.execute(query))


def next_id(connection: Connection) -> int:
    """The id of the next incident."""
    return (connection.scalar(select(func.max(incidents.c.id))) or 0) + 1


def last_event_at(connection: Connection) -> float:
    """When the last line of what is not resolved was written; 0 if there is none."""
    going_on = select(incidents.c.id).where(incidents.c.state.in_([state.value for state in NOT_RESOLVED]))
    last = select(func.max(events.c.id)).where(events.c.incident.in_(going_on)).scalar_subquery()
    return connection.scalar(select(events.c.at).where(events.c.id == last)) or 0.0


def _event_row(event: Event) -> dict[str, Any]:
    return {"incident": event.incident, "at": event.at, "kind": event.kind, "detail": dict(event.detail)}


def _to_row(incident: Incident) -> dict[str, Any]:
    return {**asdict(incident), "state": incident.state.value}


def _from_row(row: Any) -> Incident:
    lists = {name: tuple(row[name]) for name in ("alerts", "targets", "impact")}
    return Incident(**{**row, **lists, "state": IncidentState(row["state"]), "plan": _plan(row["plan"])})


def _plan(stored: dict[str, Any]) -> Plan:
    steps = tuple(
        PlannedStep(**{**step, "notify": tuple(step["notify"]), "channels": tuple(step["channels"])})
        for step in stored["steps"]
    )
    told = tuple((contact, channel) for contact, channel in stored["told"])
    return Plan(**{**stored, "steps": steps, "told": told})
