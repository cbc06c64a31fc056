"""Commits decisions in order; what cannot be committed is kept and tried again with the next one."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from linkwatch.core.records import Changes
from linkwatch.store.errors import StoreError

log = logging.getLogger(__name__)

PATIENCE_S = 2.0
"""How long decisions wait for a commit before people are told from memory."""

PATIENCE_BROKEN_S = 0.2
"""The same while the store is known not to work: judging must go on."""


class Ledger:
    """At most one commit is under way. A caller that is cancelled disturbs none of it."""

    def __init__(self, commit: Callable[[Changes], Awaitable[None]]) -> None:
        """`commit` does all or nothing and raises StoreError."""
        self.healthy = True
        """Whether everything that was put was committed."""
        self._commit = commit
        self._waiting = Changes()
        self._handed_in = Changes()
        self._task: asyncio.Task[StoreError | None] | None = None
        self._waited_for_until_s = 0.0

    async def put(self, changes: Changes) -> bool:
        """Add a decision; whether it, and all before it, is committed now."""
        self._waiting = merge(self._waiting, changes)
        while self._waiting or self._task is not None:
            task = self._task or self._begin()
            left_s = self._waited_for_until_s - asyncio.get_running_loop().time()
            await asyncio.wait({task}, timeout=max(0.0, left_s))
            if not task.done():
                return self._fail("the store does not answer")
            self._task, error = None, task.result()
            if error is not None:
                self._waiting = merge(self._handed_in, self._waiting)
                return self._fail(str(error))
        if not self.healthy:
            log.warning("the store can be written again; nothing that was decided is lost")
        self.healthy = True
        return True

    def _begin(self) -> asyncio.Task[StoreError | None]:
        patience_s = PATIENCE_S if self.healthy else PATIENCE_BROKEN_S
        self._waited_for_until_s = asyncio.get_running_loop().time() + patience_s
        self._handed_in, self._waiting = self._waiting, Changes()
        self._task = asyncio.create_task(self._try(self._handed_in), name="commit")
        return self._task

    async def _try(self, changes: Changes) -> StoreError | None:
        try:
            await self._commit(changes)
        except StoreError as error:
            return error
        return None

    def _fail(self, why: str) -> bool:
        if self.healthy:
            log.error("%s; pages go out from memory until it can be written again", why)
        self.healthy = False
        return False


def merge(first: Changes, then: Changes) -> Changes:
    """Two decisions as one: of each row its last version; what was only added, in order."""
    if not first or not then:
        return first or then
    alerts = {alert.id: alert for alert in first.alerts}
    gone = dict.fromkeys(first.gone_alerts)
    for alert in then.alerts:
        alerts[alert.id] = alert
        gone.pop(alert.id, None)
    for id_ in then.gone_alerts:
        alerts.pop(id_, None)
        gone[id_] = None
    incidents = {incident.id: incident for incident in (*first.incidents, *then.incidents)}
    return Changes(
        alerts=tuple(alerts.values()),
        gone_alerts=tuple(gone),
        incidents=tuple(incidents.values()),
        events=(*first.events, *then.events),
        notifications=(*first.notifications, *then.notifications),
        moved_s=first.moved_s + then.moved_s,
    )
