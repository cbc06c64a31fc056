"""Watches the watchers, from the store's own rows: steps that are overdue, messages that are stuck."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Protocol

from linkwatch.flow.incidents import Incidents
from linkwatch.store.errors import StoreError
from linkwatch.store.store import Store

log = logging.getLogger(__name__)

EVERY_S = 5.0
OVERDUE_S = 60.0
"""How late a step may be before something must be wrong."""


class Put(Protocol):
    """Puts one value on the board."""

    def __call__(self, metric: str, value: float, now: float, **labels: str) -> None:
        """`now`: seconds since the epoch."""


class Auditor:
    """Reads what should have happened by now and says when it did not."""

    def __init__(self, store: Store, incidents: Incidents, put: Put, *, now: Callable[[], float]) -> None:
        """`now`: seconds since the epoch."""
        self._store, self._incidents, self._put, self._now = store, incidents, put, now
        self._reported: tuple[int, ...] = ()

    async def run(self) -> None:
        """Audit, for ever."""
        while True:
            await self.audit()
            await asyncio.sleep(EVERY_S)

    async def audit(self) -> None:
        """Audit once. What cannot be read keeps its last value; the store's health says why."""
        now = self._now()
        try:
            await self._audit_steps(now)
            await self._audit_outbox(now)
        except StoreError as error:
            log.error("the audit cannot read the store: %s", error)
        healthy = self._store.healthy and self._incidents.store_healthy
        self._put("linkwatch_store_healthy", float(healthy), now)

    async def _audit_steps(self, now: float) -> None:
        overdue = await self._store.due_incidents(now - OVERDUE_S)
        self._put("linkwatch_audit_overdue_steps", float(len(overdue)), now)
        if set(overdue) - set(self._reported):
            log.error("escalation steps are overdue: %s", ", ".join(f"#{id_}" for id_ in overdue))
        self._reported = overdue

    async def _audit_outbox(self, now: float) -> None:
        for state, count in (await self._store.outbox_depth()).items():
            self._put("linkwatch_outbox_depth", float(count), now, state=state.value)
        oldest = await self._store.oldest_queued_at()
        self._put("linkwatch_outbox_oldest_seconds", 0.0 if oldest is None else now - oldest, now)
