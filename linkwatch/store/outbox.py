"""The outbox: rows that say which message is still to be sent, is being sent, or was.

A row is claimed by a conditional UPDATE: who changes one row has it. The number of attempts is part
of the condition, so a claim that has run out and was taken by somebody else cannot be settled.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, case, func, or_, select, update

from linkwatch.core.records import Delivery, Event, Notification, NotificationKind
from linkwatch.store import incidents
from linkwatch.store.dialect import insert_once
from linkwatch.store.tables import outbox

_NOTIFICATION = tuple(outbox.c[field.name] for field in fields(Notification))
_TO_SEND = (Delivery.QUEUED.value, Delivery.LEASED.value)


@dataclass(frozen=True, slots=True)
class Leased:
    """A row that this instance may send now.

    `attempts` counts this one. `repeated`: an earlier attempt may have reached the contact.
    """

    id: int
    notification: Notification
    attempts: int
    repeated: bool


@dataclass(frozen=True, slots=True)
class NotificationRow:
    """A notification and what became of it. `error`: the last failure, without secrets."""

    notification: Notification
    state: Delivery
    attempts: int
    repeated: bool
    delivered_at: float | None
    error: str


@dataclass(frozen=True, slots=True)
class Settlement:
    """What became of one attempt, committed whole.

    `state`: `delivered`, `failed`, `unknown` are final; `queued` is sent again at `next_at`.
    `fallback`: the same message over the contact's next channel.
    """

    state: Delivery
    at: float
    next_at: float = 0.0
    error: str = ""
    fallback: Notification | None = None
    event: Event | None = None


def add(connection: Connection, notifications: Sequence[Notification]) -> None:
    """Queue notifications; a key that is there already is the same message and is ignored."""
    insert_once(connection, outbox, [_to_row(notification) for notification in notifications], "key")


def due(connection: Connection, now: float) -> tuple[tuple[str, str], ...]:
    """Channel and contact of everything that may be sent now."""
    query = select(outbox.c.channel, outbox.c.contact).where(_may_be_sent(now)).distinct()
    return tuple((channel, contact) for channel, contact in connection.execute(query))


def lease(
    connection: Connection,
    owner: str,
    channel: str,
    contact: str | None,
    exclude: Collection[str],
    now: float,
    until: float,
) -> Leased | None:
    """Claim the next row of a channel: what was tried least first, then the oldest."""
    query = select(outbox).where(outbox.c.channel == channel, _may_be_sent(now))
    if contact is not None:
        query = query.where(outbox.c.contact == contact)
    if exclude:
        query = query.where(outbox.c.contact.not_in(exclude))
    query = query.order_by(outbox.c.attempts, outbox.c.next_at, outbox.c.id).limit(1)
    while row := connection.execute(query).first():
        if _claim(connection, row, owner, until):
            repeated = row.repeated or row.state == Delivery.LEASED
            return Leased(row.id, _notification(row), row.attempts + 1, repeated)
    return None


def take_over(connection: Connection, owner: str, now: float) -> int:
    """Queue what this instance was sending when it died; it may have arrived. Returns how many."""
    mine = and_(outbox.c.state == Delivery.LEASED, outbox.c.lease_owner == owner)
    again = {"state": Delivery.QUEUED.value, "next_at": now, "repeated": True, "lease_owner": None}
    return connection.execute(update(outbox).where(mine).values(again)).rowcount


def settle(connection: Connection, owner: str, leased: Leased, settlement: Settlement) -> bool:
    """Record an attempt. False, and nothing done, if the row is no longer this instance's."""
    mine = and_(outbox.c.id == leased.id, outbox.c.lease_owner == owner, outbox.c.attempts == leased.attempts)
    statement = update(outbox).where(mine, outbox.c.state == Delivery.LEASED).values(_settled(settlement))
    if connection.execute(statement).rowcount != 1:
        return False
    if settlement.fallback is not None:
        add(connection, [settlement.fallback])
    if settlement.event is not None:
        incidents.add_events(connection, [settlement.event])
    return True


def move_times(connection: Connection, by_s: float) -> None:
    """The clock was set by so much: what is still to be sent waits as long as it would have."""
    moved = {
        "created_at": outbox.c.created_at + by_s,
        "lease_until": outbox.c.lease_until + by_s,
        "next_at": case((outbox.c.next_at > 0, outbox.c.next_at + by_s), else_=0.0),
    }
    connection.execute(update(outbox).where(outbox.c.state.in_(_TO_SEND)).values(moved))


def of_incident(connection: Connection, incident_id: int) -> tuple[NotificationRow, ...]:
    """Everything that was said about one incident, in order."""
    query = select(outbox).where(outbox.c.incident == incident_id).order_by(outbox.c.id)
    return tuple(
        NotificationRow(
            _notification(row), Delivery(row.state), row.attempts, row.repeated, row.delivered_at, row.error
        )
        for row in connection.execute(query)
    )


def depth(connection: Connection) -> Mapping[Delivery, int]:
    """How many rows are in each state; every state is there."""
    query = select(outbox.c.state, func.count().label("rows")).group_by(outbox.c.state)
    counts = {row.state: row.rows for row in connection.execute(query)}
    return {state: counts.get(state.value, 0) for state in Delivery}


def oldest_queued_at(connection: Connection) -> float | None:
    """When the oldest notification that is still to be delivered was created."""
    oldest: ColumnElement[float | None] = func.min(outbox.c.created_at)
    return connection.scalar(select(oldest).where(outbox.c.state.in_(_TO_SEND)))


def newest_queued_at(connection: Connection) -> float:
    """When the newest notification that is still to be delivered was created; 0 if there is none."""
    newest: ColumnElement[float | None] = func.max(outbox.c.created_at)
    return connection.scalar(select(newest).where(outbox.c.state.in_(_TO_SEND))) or 0.0


def _may_be_sent(now: float) -> ColumnElement[bool]:
    """Queued and due, or leased by somebody who has not come back; never ahead of an earlier message
    about the same incident to the same person over the same channel: "resolved" must not overtake."""
    earlier = outbox.alias("earlier")
    overtakes = (
        select(earlier.c.id)
        .where(earlier.c.incident == outbox.c.incident, earlier.c.id < outbox.c.id)
        .where(earlier.c.contact == outbox.c.contact, earlier.c.channel == outbox.c.channel)
        .where(earlier.c.state.in_(_TO_SEND))
        .exists()
    )
    waiting = and_(outbox.c.state == Delivery.QUEUED, outbox.c.next_at <= now)
    abandoned = and_(outbox.c.state == Delivery.LEASED, outbox.c.lease_until < now)
    return and_(or_(waiting, abandoned), ~overtakes)


def _claim(connection: Connection, row: Row[Any], owner: str, until: float) -> bool:
    unchanged = and_(outbox.c.id == row.id, outbox.c.state == row.state, outbox.c.attempts == row.attempts)
    claimed = {
        "state": Delivery.LEASED.value,
        "attempts": row.attempts + 1,
        "lease_owner": owner,
        "lease_until": until,
        "repeated": row.repeated or row.state == Delivery.LEASED,
    }
    return connection.execute(update(outbox).where(unchanged).values(claimed)).rowcount == 1


def _settled(settlement: Settlement) -> dict[str, Any]:
    """New values of the row. Whatever is sent again is marked: even a refusal may have arrived."""
    values: dict[str, Any] = {
        "state": settlement.state.value,
        "error": settlement.error,
        "lease_owner": None,
        "lease_until": None,
    }
    if settlement.state is Delivery.QUEUED:
        values |= {"next_at": settlement.next_at, "repeated": True}
    if settlement.state is Delivery.DELIVERED:
        values["delivered_at"] = settlement.at
    return values


def _to_row(notification: Notification) -> dict[str, Any]:
    """A fresh row: due at once, whatever the clock does between here and its sending."""
    return {
        **{column.name: getattr(notification, column.name) for column in _NOTIFICATION},
        "incident": notification.incident or None,
        "kind": notification.kind.value,
        "state": Delivery.QUEUED.value,
        "attempts": 0,
        "next_at": 0.0,
        "repeated": False,
        "error": "",
    }


def _notification(row: Row[Any]) -> Notification:
    stored = {column.name: row._mapping[column.name] for column in _NOTIFICATION}
    stored |= {"incident": row.incident or 0, "fallback": tuple(row.fallback)}
    return Notification(**{**stored, "kind": NotificationKind(row.kind)})
