"""Sends what the outbox holds: at least once, no channel waits for another, every attempt recorded.

A lane sends one message at a time, so that a crash can repeat at most the one in flight. Each channel
has one lane; a contact whose last send was slow gets a lane of its own until it is quick again, so
that one dead server holds up nobody else of that channel.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import Counter
from collections.abc import Callable, Iterable
from random import Random
from typing import NamedTuple

from linkwatch.core.records import Delivery, Notification
from linkwatch.flow.marks import compose
from linkwatch.flow.settlement import settle
from linkwatch.flow.undurable import UndurableMail
from linkwatch.notify.channel import Delivered, Failed, Outcome
from linkwatch.notify.channels import Channels
from linkwatch.store.errors import StoreError
from linkwatch.store.outbox import Leased, Settlement
from linkwatch.store.store import Store

log = logging.getLogger(__name__)

POLL_S = 1.0
"""How often the outbox is looked at when nobody pokes; also the pause while the store is broken."""

STOP_GRACE_S = 5.0
"""How long a stop waits for messages in flight, which would else be sent again at the next start."""

SLOW_SHARE = 0.2
"""A send that takes more than this share of its deadline is slow."""

RETRIED = "retried"
OUTCOMES = (Delivery.DELIVERED.value, Delivery.FAILED.value, Delivery.UNKNOWN.value, RETRIED)
"""What becomes of an attempt: three ends, or another attempt later."""


class Lane(NamedTuple):
    """A queue that is worked off in order: that of a channel, or of one slow contact of it."""

    channel: str
    contact: str | None = None


class Deliverer:
    """The only one that sends. `outcomes` counts attempts by (channel, outcome)."""

    def __init__(
        self, store: Store, channels: Channels, *, now: Callable[[], float], random: Random | None = None
    ) -> None:
        """`now`: seconds since the epoch. `random` spreads the pauses between attempts."""
        self._store = store
        self._now = now
        self._random = random or Random()
        self._mail = UndurableMail(self._send_undurable, now=now, random=self._random)
        self._poked = asyncio.Event()
        self._lanes: dict[Lane, asyncio.Task[None]] = {}
        self._slow: set[Lane] = set()
        self._awaited: dict[str, Notification] = {}
        self._stopping = False
        self._store_failed = False
        self.outcomes: Counter[tuple[str, str]] = Counter()
        self.use(channels)

    def use(self, channels: Channels) -> None:
        """Send over these from now on, as after a reload."""
        self._channels = channels
        for channel in channels.names:
            self.outcomes.update({(channel, outcome): 0 for outcome in OUTCOMES})

    def poke(self, committed: Iterable[Notification] = ()) -> None:
        """Look at the outbox now: these were committed. They are sent from memory if it cannot be used."""
        self._awaited.update((notification.key, notification) for notification in committed)
        self._poked.set()

    async def run(self) -> None:
        """Send until cancelled; then let what is in flight come to its end."""
        await self._take_over()
        async with asyncio.TaskGroup() as group:
            try:
                while True:
                    self._poked.clear()
                    await self._start_lanes(group)
                    await self._wait()
            finally:
                await self._stop()

    async def deliver_due(self) -> None:
        """Send everything that is due now and return when that is settled."""
        self.poke()
        while self._poked.is_set():
            self._poked.clear()
            async with asyncio.TaskGroup() as group:
                await self._start_lanes(group)

    async def send_undurable(self, notifications: Iterable[Notification]) -> None:
        """Send, marked as not stored, what the store could not take; returns at once.

        Each key is sent once, however often it is handed in; when the outbox has it after all, it is
        settled without being sent again.
        """
        self._mail.start(notifications)

    async def _take_over(self) -> None:
        while True:
            try:
                count = await self._store.take_over(self._now())
            except StoreError as error:
                self._complain(error)
                await asyncio.sleep(POLL_S)
                continue
            if count:
                log.warning("%d messages were being sent when the last run ended; sending them again", count)
            return

    async def _wait(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(POLL_S):
                await self._poked.wait()

    async def _stop(self) -> None:
        self._stopping = True
        if self._lanes:
            await asyncio.wait(self._lanes.values(), timeout=STOP_GRACE_S)
        await self._mail.stop()

    async def _start_lanes(self, group: asyncio.TaskGroup) -> None:
        try:
            recipients = await self._store.due_recipients(self._now())
        except StoreError as error:
            self._send_awaited(error)
            return
        for lane in {self._lane(channel, contact) for channel, contact in recipients} - self._lanes.keys():
            self._lanes[lane] = group.create_task(self._work(lane), name=f"deliver-{lane.channel}")

    def _lane(self, channel: str, contact: str) -> Lane:
        own = Lane(channel, contact)
        return own if own in self._slow else Lane(channel)

    async def _work(self, lane: Lane) -> None:
        """Send what is due in one lane. Pokes at the end: a fallback may be waiting in another."""
        try:
            while not self._stopping and (leased := await self._lease(lane)):
                await self._deliver(leased)
            self.poke()
        except StoreError as error:
            self._send_awaited(error)
        finally:
            del self._lanes[lane]

    async def _lease(self, lane: Lane) -> Leased | None:
        slow = {other.contact for other in self._slow if other.channel == lane.channel and other.contact}
        return await self._store.lease(
            lane.channel,
            now=self._now(),
            deadline_s=self._channels.deadline_s(lane.channel),
            contact=lane.contact,
            exclude=() if lane.contact else slow,
        )

    async def _deliver(self, leased: Leased) -> None:
        told = leased.notification
        self._awaited.pop(told.key, None)
        outcome = await self._mail.recall(told.key) or await self._send(told, repeated=leased.repeated)
        settlement = settle(leased, outcome, now=self._now(), random=self._random)
        again = settlement.state is Delivery.QUEUED
        self._count(told.channel, RETRIED if again else settlement.state.value)
        await self._settle(leased, settlement)
        left = told if again else settlement.fallback
        if left is not None:
            self._awaited[left.key] = left

    async def _send(self, told: Notification, *, repeated: bool = False, durable: bool = True) -> Outcome:
        message = compose(told, self._channels.language(told.contact), repeated=repeated, durable=durable)
        started_s = asyncio.get_running_loop().time()
        outcome = await self._channels.send(told.contact, told.channel, message)
        self._note(told, outcome, asyncio.get_running_loop().time() - started_s)
        return outcome

    async def _send_undurable(self, told: Notification) -> Outcome:
        return await self._send(told, durable=False)

    def _note(self, told: Notification, outcome: Outcome, took_s: float) -> None:
        """Remember who answers slowly; log what went wrong, by ids."""
        own = Lane(told.channel, told.contact)
        if took_s > SLOW_SHARE * self._channels.deadline_s(told.channel):
            self._slow.add(own)
        else:
            self._slow.discard(own)
        if not isinstance(outcome, Delivered):
            word = "failed" if isinstance(outcome, Failed) else "unknown"
            log.warning(
                "%s to %s over %s: %s: %s", told.key, told.contact, told.channel, word, outcome.detail
            )

    async def _settle(self, leased: Leased, settlement: Settlement) -> None:
        """Record an attempt, however long the store needs: an unrecorded one would be made again."""
        while True:
            try:
                kept = await self._store.settle(leased, settlement)
            except StoreError as error:
                self._send_awaited(error)  # nobody else leases in this lane meanwhile
                await asyncio.sleep(POLL_S)
                continue
            if not kept:
                log.warning("%s was taken over by another instance meanwhile", leased.notification.key)
            self._store_failed = False
            return

    def _count(self, channel: str, outcome: str) -> None:
        self.outcomes[channel, outcome] += 1

    def _send_awaited(self, error: StoreError) -> None:
        """What is committed and still to be sent, but cannot be leased, must not wait for the disk."""
        self._complain(error)
        self._mail.start(self._awaited.values())
        self._awaited.clear()

    def _complain(self, error: StoreError) -> None:
        """Say once that the store is broken, not every second."""
        if not self._store_failed:
            log.error("delivery waits: %s", error)
        self._store_failed = True
