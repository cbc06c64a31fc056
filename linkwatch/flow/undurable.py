"""Sending from memory while the store cannot commit: better a page that a crash would lose than none.

What was sent is remembered by key until the outbox holds the same message after all; then it is only
recorded, not sent again.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from random import Random

from linkwatch.core.records import Notification
from linkwatch.flow.settlement import FAILURES_BEFORE_FALLBACK, over, pause_s
from linkwatch.notify.channel import Failed, Outcome

IN_FLIGHT = 4
"""Messages of one channel that are sent from memory at the same time."""

Send = Callable[[Notification], Awaitable[Outcome]]


class UndurableMail:
    """Messages on their way without a row in the outbox."""

    def __init__(self, send: Send, *, now: Callable[[], float], random: Random) -> None:
        self._send = send
        self._now = now
        self._random = random
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._taken: dict[str, Outcome] = {}
        self._gates: defaultdict[str, asyncio.Semaphore] = defaultdict(partial(asyncio.Semaphore, IN_FLIGHT))

    def start(self, notifications: Iterable[Notification]) -> None:
        """Begin to send those that were not begun before; returns at once."""
        for notification in notifications:
            if notification.key not in self._tasks:
                self._tasks[notification.key] = asyncio.create_task(self._deliver(notification))

    async def recall(self, key: str) -> Outcome | None:
        """What became of a message that was sent from memory; None if it was not, or was refused."""
        task = self._tasks.pop(key, None)
        if task is not None:
            await task
        return self._taken.pop(key, None)

    async def stop(self) -> None:
        """Give up what is still on its way."""
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    async def _deliver(self, notification: Notification) -> None:
        outcome = await self._try(notification)
        while isinstance(outcome, Failed) and notification.fallback:
            notification = over(notification, notification.fallback[0], self._now())
            outcome = await self._try(notification)
        if not isinstance(outcome, Failed):
            self._taken[notification.key] = outcome

    async def _try(self, notification: Notification) -> Outcome:
        """One channel, several times."""
        for attempt in range(1, FAILURES_BEFORE_FALLBACK):
            outcome = await self._send_once(notification)
            if not isinstance(outcome, Failed) or outcome.permanent:
                return outcome
            await asyncio.sleep(pause_s(attempt, self._random.uniform))
        return await self._send_once(notification)

    async def _send_once(self, notification: Notification) -> Outcome:
        async with self._gates[notification.channel]:
            return await self._send(notification)
