"""Step 2 hurried on: a trap is a hint that its sender is worth a look, and a line in its story."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from linkwatch.config.settings import Config, TrapSettings
from linkwatch.core.eventlog import EventLog
from linkwatch.core.inventory import Inventory, IPAddress, Target
from linkwatch.core.records import TargetEvent
from linkwatch.flow.audit import Put
from linkwatch.flow.clock import Clock
from linkwatch.flow.incidents import Incidents
from linkwatch.flow.measure import Measurer, literal_address
from probes.snmp.traps import Meaning, Result, Sender, TrapKind, open_receiver, open_socket

if TYPE_CHECKING:
    from probes.snmp.traps.receiver import TrapReceiver

SNMP = "snmp"
EVERY_S = 1.0

POLL_PAUSE_S = 5.0
"""However often a device sends, it is not polled for it more often than this."""

STORY_S = 60.0
"""So long an event waits for the incident that it announces."""

UNTOLD_MAX = 1000
TELL_EVERY_S = 600.0

_WHY = {
    Result.UNKNOWN_SENDER: "no target with an snmp probe has this address",
    Result.UNAUTHENTICATED: "community, user, password or security level are not those of its snmp probe",
    Result.UNTIMELY: "its engine's clock went back, or what somebody recorded was sent again",
    Result.SENDER_LIMIT: "it sends more than its share",
    Result.TOTAL_LIMIT: "all devices together send more than can be read",
    Result.MALFORMED: "it is no SNMP notification",
}
"""Why a trap is not heard, for the log."""

log = logging.getLogger(__name__)


def open_trap_socket(settings: TrapSettings | None) -> socket.socket | None:
    """The socket that traps come to, if any are wanted. Raises OSError, with a text for people."""
    return None if settings is None else open_socket(settings.host, settings.port)


class Traps:
    """Counts what devices say, polls them, and puts it into the timelines of incidents about them.

    `log`: what each said lately.
    """

    def __init__(
        self,
        opened: socket.socket | None,
        config: Config,
        *,
        addresses: Callable[[], Mapping[str, IPAddress]],
        measurer: Measurer,
        incidents: Incidents,
        put: Put,
        clock: Clock,
    ) -> None:
        """`addresses`: those of targets whose names were looked up."""
        self.log = EventLog()
        self._addresses = addresses
        self._measurer, self._incidents, self._put, self._clock = measurer, incidents, put, clock
        self._counts: Counter[tuple[str, TrapKind]] = Counter()
        self._polled_at: dict[str, float] = {}
        self._told: dict[Result, float] = {}
        self._untold: list[TargetEvent] = []
        self._news = asyncio.Event()
        self._receiver: TrapReceiver | None = None
        if opened is not None:
            self._receiver = open_receiver(
                opened, config.instance, self._hear, started_at=clock.utc(), monotonic=clock.monotonic
            )
        self.use(config.inventory)

    def use(self, inventory: Inventory) -> None:
        """Hear the devices of this inventory from now on."""
        self._inventory = inventory
        self.log.keep(inventory.targets)
        kept = [key for key in self._counts if key[0] in inventory.targets]
        self._counts = Counter({key: self._counts[key] for key in kept})
        self._polled_at = {key: at for key, at in self._polled_at.items() if key in inventory.targets}
        self._hear_addresses()

    async def run(self) -> None:
        """Receive, for ever."""
        if self._receiver is None:
            return
        loop = asyncio.get_running_loop()
        self._receiver.start(loop)
        try:
            while True:
                await self._turn(self._receiver)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(EVERY_S):
                        await self._news.wait()
        finally:
            self._receiver.close(loop)

    async def _turn(self, receiver: TrapReceiver) -> None:
        self._news.clear()
        if self._addresses() is not self._known:
            self._hear_addresses()
        self._publish(receiver, self._clock.utc())
        await self._tell(self._clock.utc())

    def _hear_addresses(self) -> None:
        self._known = self._addresses()
        if self._receiver is not None:
            self._receiver.use(senders(self._inventory, self._known))

    def _hear(self, key: str, meaning: Meaning) -> None:
        now, target = self._clock.utc(), self._inventory.targets[key]
        self._counts[key, meaning.kind] += 1
        labels = {**target.labels(), "trap": meaning.kind.value}
        self._put("linkwatch_traps_total", self._counts[key, meaning.kind], now, **labels)
        self._poll(target, self._clock.monotonic())
        event = TargetEvent(key, now, meaning.kind.value, meaning.detail)
        if meaning.kind is not TrapKind.OTHER and self.log.add(event) and len(self._untold) < UNTOLD_MAX:
            self._untold.append(event)
            self._news.set()

    def _poll(self, target: Target, now_s: float) -> None:
        polled_at = self._polled_at.get(target.id, float("-inf"))
        if polled_at <= now_s:  # else a poll is planned that will see this, too
            at = self._polled_at[target.id] = max(now_s, polled_at + POLL_PAUSE_S)
            self._measurer.hasten(target, SNMP, at)

    async def _tell(self, now: float) -> None:
        """An event may come before its incident: the interface is down at once, the alert has its `for`."""
        waiting = [event for event in self._untold if abs(now - event.at) < STORY_S]
        self._untold = []
        if waiting:
            told = await self._incidents.report(waiting)
            self._untold[:0] = [event for event in waiting if event.target not in told]

    def _publish(self, receiver: TrapReceiver, now: float) -> None:
        for result, count in receiver.results.items():
            self._put("linkwatch_trap_datagrams_total", count, now, result=result.value)
        for result in _WHY.keys() & receiver.last.keys():
            origin = receiver.last.pop(result)
            if now - self._told.get(result, float("-inf")) >= TELL_EVERY_S:
                self._told[result] = now
                log.warning("what %s sends to the trap port is not heard: %s", origin, _WHY[result])


def senders(inventory: Inventory, addresses: Mapping[str, IPAddress]) -> dict[IPAddress, tuple[Sender, ...]]:
    """Who may send, by address: targets with an SNMP probe, each with the secrets that it is polled with."""
    found: defaultdict[IPAddress, list[Sender]] = defaultdict(list)
    for target in inventory.targets.values():
        specs = [spec for spec in target.probes if spec.type == SNMP]
        address = (addresses.get(target.id) or literal_address(target)) if specs else None
        if address is not None and inventory.scope.allows(address):
            found[address] += [Sender(target.id, spec.settings) for spec in specs]
    return {address: tuple(those) for address, those in found.items()}
