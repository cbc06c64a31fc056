"""The store as asyncio sees it: one thread writes, others read; a cancelled await aborts no commit."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from sqlalchemy import URL, Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from linkwatch.core.records import Alert, Changes, Delivery, Event, Incident, IncidentState
from linkwatch.store import alerts, incidents, keys, outbox
from linkwatch.store.claim import Release, claim
from linkwatch.store.dialect import open_reader, open_writer, parse_url, place
from linkwatch.store.errors import StoreError, explain
from linkwatch.store.keys import Key, Role
from linkwatch.store.migrate import migrate
from linkwatch.store.outbox import Leased, NotificationRow, Settlement
from linkwatch.store.threads import Threads

_T = TypeVar("_T")

READERS = 2
LEASE_MARGIN_S = 2.0
"""How much longer than the channel's deadline a lease lasts."""

WRITE_DEADLINE_S = 5.0
"""How long anybody waits for a write other than a decision. A disk or server that hangs must not hold up
people; the write may still happen later, and is harmless then."""

CLAIM_DEADLINE_S = 2.0
"""How long a page waits for the outbox before it is sent from memory."""

KEY_USE_RESOLUTION_S = 60.0


@dataclass(frozen=True, slots=True)
class Stored:
    """What a start needs: alerts that are not gone, incidents that are not resolved.

    `last_at`: the newest time in the rows of what goes on; if that lies ahead, the clock was set back
    meanwhile. What is over is no witness: its times are never moved, and would tell it at every start.
    """

    alerts: tuple[Alert, ...]
    incidents: tuple[Incident, ...]
    next_incident_id: int
    last_at: float = 0.0


class Store:
    """The database. Every method raises StoreError, with a text for people, if it cannot do its work."""

    def __init__(self, url: URL, *, instance: str) -> None:
        self.healthy = True
        """Whether the last attempt to write succeeded."""
        self._instance = instance
        self._url, self._place = url, place(url)
        self._release: Release = _hold_nothing
        self._writer, self._reader = open_writer(url), open_reader(url, READERS)
        self._writing, self._reading = Threads("store-writer"), Threads("store-reader", READERS)

    @classmethod
    async def open(cls, url: str, *, instance: str) -> Store:
        """Connect and bring the tables up to date. `instance` names the owner of leases."""
        store = cls(parse_url(url), instance=instance)
        try:
            await store._write(partial(migrate, place=store._place), deadline_s=None)
            await store._read(incidents.next_id)
        except BaseException:
            await store.close()
            raise
        return store

    async def claim(self) -> None:
        """Be the only running service of this instance's name until `close`."""
        self._release = await self._writing.run(partial(claim, self._url, self._instance))

    async def close(self) -> None:
        """Finish what was handed in, then disconnect."""
        await self._writing.close()
        self._release()
        await self._reading.close()
        self._writer.dispose()
        self._reader.dispose()

    async def commit(self, changes: Changes) -> None:
        """Commit one decision whole, or nothing of it, however long that takes: a commit that was given
        up may still happen, and made again it would write its timeline twice."""
        await self._write(partial(_apply, changes=changes), deadline_s=None)

    async def load(self) -> Stored:
        """What was going on when the process ended."""
        return await self._read(_load)

    async def incidents(
        self,
        *,
        states: Collection[IncidentState] | None = None,
        limit: int = 50,
        before_id: int | None = None,
    ) -> tuple[Incident, ...]:
        """Incidents, newest first; a page continues before the last id of the one before."""
        return await self._read(partial(incidents.find, states=states, limit=limit, before_id=before_id))

    async def incident(self, incident_id: int) -> Incident | None:
        """One incident."""
        return await self._read(partial(incidents.get, incident_id=incident_id))

    async def timeline(self, incident_id: int) -> tuple[Event, ...]:
        """The events of an incident, in order."""
        return await self._read(partial(incidents.timeline, incident_id=incident_id))

    async def notifications(self, incident_id: int) -> tuple[NotificationRow, ...]:
        """Who was told about an incident, and whether it arrived."""
        return await self._read(partial(outbox.of_incident, incident_id=incident_id))

    async def due_incidents(self, now: float) -> tuple[int, ...]:
        """Ids of the incidents whose next escalation step is due."""
        return await self._read(partial(incidents.due, now=now))

    async def due_recipients(self, now: float) -> tuple[tuple[str, str], ...]:
        """(channel, contact) of every message that may be sent now."""
        return await self._read(partial(outbox.due, now=now), CLAIM_DEADLINE_S)

    async def lease(
        self,
        channel: str,
        *,
        now: float,
        deadline_s: float,
        contact: str | None = None,
        exclude: Collection[str] = (),
    ) -> Leased | None:
        """Claim the next message of a channel, of one contact or of all but some."""
        until = now + deadline_s + LEASE_MARGIN_S
        claim = partial(outbox.lease, owner=self._instance, channel=channel, contact=contact)
        return await self._write(partial(claim, exclude=exclude, now=now, until=until), CLAIM_DEADLINE_S)

    async def take_over(self, now: float) -> int:
        """At start: queue what this instance was sending when it died, marked as repeated."""
        return await self._write(partial(outbox.take_over, owner=self._instance, now=now))

    async def settle(self, leased: Leased, settlement: Settlement) -> bool:
        """Record an attempt with its event and fallback; False if the lease was lost meanwhile."""
        return await self._write(
            partial(outbox.settle, owner=self._instance, leased=leased, settlement=settlement)
        )

    async def outbox_depth(self) -> Mapping[Delivery, int]:
        """Notifications by state; every state is there."""
        return await self._read(outbox.depth)

    async def oldest_queued_at(self) -> float | None:
        """When the oldest notification still to be delivered was created."""
        return await self._read(outbox.oldest_queued_at)

    async def create_key(
        self,
        *,
        name: str,
        role: Role,
        now: float,
        organization: str | None = None,
        expires_at: float | None = None,
    ) -> tuple[str, Key]:
        """A new API key: the secret, which is shown once, and what is kept of it."""
        token = keys.new_token()
        key = keys.new_key(
            token, name=name, role=role, organization=organization, now=now, expires_at=expires_at
        )
        await self._write(partial(keys.add, token=token, key=key))
        return token, key

    async def keys(self) -> tuple[Key, ...]:
        """Every key ever made, oldest first."""
        return await self._read(keys.all_keys)

    async def revoke_key(self, prefix: str, now: float) -> bool:
        """End a key; False if there is no such key or it has ended before."""
        return await self._write(partial(keys.revoke, prefix=prefix, now=now))

    async def find_key(self, token: str, now: float) -> Key | None:
        """The usable key behind a bearer token. Works, too, while nothing can be written."""
        return await self._read(partial(keys.find, token=token, now=now))

    async def touch_key(self, key: Key, now: float) -> None:
        """Note, at most once a minute, that a key was used."""
        if key.last_used_at is None or now - key.last_used_at >= KEY_USE_RESOLUTION_S:
            await self._write(partial(keys.touch, prefix=key.prefix, now=now))

    async def _write(
        self, job: Callable[[Connection], _T], deadline_s: float | None = WRITE_DEADLINE_S
    ) -> _T:
        try:
            async with asyncio.timeout(deadline_s):
                return await self._writing.run(partial(self._write_now, job))
        except TimeoutError:
            self.healthy = False
            raise StoreError(f"the store {self._place} does not answer") from None

    async def _read(self, job: Callable[[Connection], _T], deadline_s: float | None = None) -> _T:
        try:
            async with asyncio.timeout(deadline_s):
                return await self._reading.run(partial(self._transact, self._reader, job))
        except TimeoutError:
            raise StoreError(f"the store {self._place} does not answer") from None

    def _write_now(self, job: Callable[[Connection], _T]) -> _T:
        try:
            result = self._transact(self._writer, job)
        except StoreError:
            self.healthy = False
            raise
        self.healthy = True
        return result

    def _transact(self, engine: Engine, job: Callable[[Connection], _T]) -> _T:
        try:
            with engine.begin() as connection:
                return job(connection)
        except SQLAlchemyError as error:
            raise explain(error, self._place) from error
        except UnicodeError:
            raise StoreError(f"the store {self._place} was given a text that is not valid Unicode") from None


def _hold_nothing() -> None:
    """The release of a store that was not claimed."""


def _apply(connection: Connection, changes: Changes) -> None:
    """Incidents first: events and notifications refer to them."""
    if changes.moved_s:
        outbox.move_times(connection, changes.moved_s)
    alerts.put(connection, changes.alerts)
    alerts.drop(connection, changes.gone_alerts)
    incidents.put(connection, changes.incidents)
    incidents.add_events(connection, changes.events)
    outbox.add(connection, changes.notifications)


def _load(connection: Connection) -> Stored:
    open_incidents = incidents.find(connection, states=incidents.NOT_RESOLVED, limit=None, before_id=None)
    active = alerts.load(connection)
    written_at = incidents.last_event_at(connection), outbox.newest_queued_at(connection)
    last_at = max([*written_at, *(alert.true_at for alert in active)])
    return Stored(active, open_incidents, incidents.next_id(connection), last_at)
