"""One device over time: finds its interfaces, reads their counters, makes one sample of each poll.

Requests go out one after another. What was read before the deadline, or before the agent fell silent,
is kept; the interfaces read longest ago come first, so that a slow device gets its turn in the end.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from gufo.snmp import ValueType

from probes.failure import ProbeError
from probes.resolve import resolve_one, split_host_port
from probes.sample import Reason, Sample, Target
from probes.snmp import metrics, mib
from probes.snmp.client import Client
from probes.snmp.discovery import Discovery
from probes.snmp.engines import ENGINES, Engine
from probes.snmp.interfaces import TICKS_PER_S, Interface, Reading, clean_text, rebooted
from probes.snmp.profile import Profile, choose_profile
from probes.snmp.sensors import Sensor, SensorDiscovery, read_sensors
from probes.snmp.settings import NO_PROFILE, Settings
from probes.snmp.track import InterfaceTrack, Values

_SYSTEM = (mib.SYS_UPTIME, mib.IF_TABLE_LAST_CHANGE, mib.SYS_NAME, mib.SYS_DESCR, mib.SYS_OBJECT_ID)

REWALK_PAUSE_S = 300.0
"""After a walk that an agent asked for and that found nothing new: some agents claim a change with every
answer, and routers with subscribers on their interfaces mean it."""


@dataclass(slots=True)
class _Poll:
    """What one poll has brought so far."""

    answered: bool = False
    uptime: int | None = None
    facts: dict[str, str] = field(default_factory=dict)
    profile: Profile | None = None
    read: list[InterfaceTrack] = field(default_factory=list)
    sensed: Values = field(default_factory=dict)
    complete: bool = False
    failure: ProbeError | None = None


class DeviceSession:
    """The probe of one device; keeps its interfaces and their last counters between polls."""

    def __init__(self, target: Target, settings: Settings) -> None:
        self._target = target
        self._settings = settings
        self._agent: tuple[str, int] | None = None
        self._client: Client | None = None
        self._discovery: Discovery | None = None
        self._tracks: dict[Interface, InterfaceTrack] = {}
        self._sensor_discovery: SensorDiscovery | None = None
        self._sensors: tuple[Sensor, ...] = ()
        self._found = 0
        self._discovered_at: float | None = None
        self._is_changed = False
        self._pause_s = 0.0
        self._table_changed_at: ValueType = None
        self._uptime: tuple[float, int | None] = (0.0, None)

    async def probe(self, deadline_s: float) -> Sample:
        """Poll once; returns within `deadline_s`, raises nothing."""
        at, started = time.time(), time.monotonic()
        poll = _Poll()
        try:
            async with asyncio.timeout(deadline_s):
                await self._poll(poll)
        except TimeoutError:
            poll.failure = ProbeError(Reason.TIMEOUT, f"not finished within {deadline_s:g} s")
        except ProbeError as failure:
            poll.failure = failure
        if not poll.answered:
            self._client = None  # the next poll starts from a fresh socket
        return self._sample(poll, at, time.monotonic() - started)

    async def close(self) -> None:
        """Let go of the socket."""
        self._client = None
        self._discovery = self._sensor_discovery = None
        if self._agent is not None:
            ENGINES.forget(self._agent)

    async def _poll(self, poll: _Poll) -> None:
        client = await self._connect()
        await self._read_system(client, poll)
        if self._discovery is None and self._is_rewalk_due():
            self._discovery = Discovery(client, self._settings)
        if self._discovery is not None:
            await self._discover(self._discovery)
            self._sensor_discovery = self._sensors_of(client, poll.profile)
        await self._read_interfaces(client, poll)
        await self._read_sensors(client, poll)
        poll.complete = True

    async def _connect(self) -> Client:
        host, port = split_host_port(self._target.host, self._settings.port)
        address = str(await resolve_one(self._target, host))
        if (address, port) != self._agent:
            if self._agent is not None:
                ENGINES.forget(self._agent)
            self._agent, self._client = (address, port), None
            self._tracks, self._sensors, self._discovered_at = {}, (), None  # perhaps another device
        if self._client is None:
            self._client, self._discovery = Client(address, port, self._settings), None
            if self._sensor_discovery is not None:
                self._sensor_discovery, self._discovered_at = None, None  # it began with the old client
        return self._client

    async def _read_system(self, client: Client, poll: _Poll) -> None:
        answer = await client.get(_SYSTEM)
        poll.answered = True
        poll.uptime = _integer(answer.get(mib.SYS_UPTIME))
        for fact, oid in (("system_name", mib.SYS_NAME), ("system_description", mib.SYS_DESCR)):
            if answer.get(oid):
                poll.facts[fact] = clean_text(answer[oid])
        poll.profile = self._profile(answer.get(mib.SYS_OBJECT_ID))
        if poll.profile is not None:
            poll.facts["profile"] = poll.profile.vendor
        self._notice_engine(client, poll)
        self._notice_restart(poll.uptime, time.monotonic())
        self._notice_table_change(answer.get(mib.IF_TABLE_LAST_CHANGE))

    def _notice_engine(self, client: Client, poll: _Poll) -> None:
        if client.engine_id is None:
            return
        started_at = None if poll.uptime is None else time.monotonic() - poll.uptime / TICKS_PER_S
        engine = Engine(client.engine_id, poll.facts.get("system_name", ""), started_at)
        others = ENGINES.note((client.address, client.port), engine)
        poll.facts["engine_id"] = engine.id.hex()
        if others:
            poll.facts["engine_id_also_of"] = ", ".join(f"{address} port {port}" for address, port in others)
        poll.sensed[metrics.ENGINE_DUPLICATE.name, ()] = float(bool(others))

    def _notice_restart(self, uptime: int | None, now: float) -> None:
        read_at, before = self._uptime
        if rebooted(before, uptime, now - read_at):
            self._discovered_at = None
        self._uptime = (now, uptime)

    def _notice_table_change(self, changed_at: ValueType) -> None:
        if changed_at != self._table_changed_at:
            self._is_changed = True
        self._table_changed_at = changed_at

    def _is_rewalk_due(self) -> bool:
        if self._discovered_at is None:
            return True
        age_s = time.monotonic() - self._discovered_at
        return age_s >= self._settings.rewalk_s or (self._is_changed and age_s >= self._pause_s)

    async def _discover(self, discovery: Discovery) -> None:
        interfaces = await discovery.run()
        in_vain = self._is_changed and self._discovered_at is not None and {*interfaces} == {*self._tracks}
        self._pause_s, self._is_changed = REWALK_PAUSE_S if in_vain else 0.0, False
        self._tracks = {interface: self._track(interface) for interface in interfaces}
        self._found = discovery.found
        self._discovery = None
        self._discovered_at = time.monotonic()

    def _sensors_of(self, client: Client, profile: Profile | None) -> SensorDiscovery | None:
        return SensorDiscovery(client, profile.items, list(self._tracks)) if profile else None

    def _track(self, interface: Interface) -> InterfaceTrack:
        known = self._tracks.get(interface)
        return known or InterfaceTrack(interface, self._settings.version, self._settings.admin_down)

    async def _read_interfaces(self, client: Client, poll: _Poll) -> None:
        waiting = sorted(self._tracks.values(), key=lambda track: track.last_read_at)
        while waiting:
            batch = self._next_batch(waiting, client.max_oids)
            await self._read_batch(client, batch, poll)
            del waiting[: len(batch)]

    def _next_batch(self, waiting: list[InterfaceTrack], max_oids: int) -> list[InterfaceTrack]:
        """As many interfaces as fit into one request; version 1 fails whole requests, so one."""
        batch, size = [waiting[0]], 1 + len(waiting[0].columns())
        for track in waiting[1:] if self._settings.version != "1" else ():
            size += len(track.columns())
            if size > max_oids:
                break
            batch.append(track)
        return batch

    async def _read_batch(self, client: Client, batch: list[InterfaceTrack], poll: _Poll) -> None:
        """Ask for the agent's clock in the same packet: rates are then free of the network's delays."""
        oids = [] if poll.uptime is None else [mib.SYS_UPTIME]
        oids += [f"{column}.{track.interface.index}" for track in batch for column in track.columns()]
        answer: Mapping[str, ValueType] = await client.get_all(oids)
        uptime, now = _integer(answer.get(mib.SYS_UPTIME)), time.monotonic()
        for track in batch:
            columns = dict(_columns_of(track, answer))
            if columns:
                track.update(Reading(now, uptime, columns))
                poll.read.append(track)
            else:
                self._is_changed = True  # the interface is gone: look again

    async def _read_sensors(self, client: Client, poll: _Poll) -> None:
        if self._sensor_discovery is not None:
            self._sensors = await self._discover_sensors(self._sensor_discovery)
            self._sensor_discovery = None
        oids = dict.fromkeys(oid for sensor in self._sensors for oid in sensor.oids)
        poll.sensed |= read_sensors(self._sensors, await client.get_all(list(oids)))

    async def _discover_sensors(self, discovery: SensorDiscovery) -> tuple[Sensor, ...]:
        try:
            return await discovery.run()
        except ProbeError:
            discovery.skip_item()  # whatever it is in it, the agent will not like it next time either
            raise

    def _profile(self, object_id: ValueType) -> Profile | None:
        if self._settings.profile == NO_PROFILE:
            return None
        return choose_profile(str(object_id or ""), self._settings.profile)

    def _sample(self, poll: _Poll, at: float, duration_s: float) -> Sample:
        if not poll.answered:
            failure = poll.failure or ProbeError(Reason.ERROR, "no answer")
            return Sample(at, duration_s, False, failure.reason, _explain(failure, self._settings))
        detail = "" if poll.complete or poll.failure is None else f"incomplete: {poll.failure.detail}"
        return Sample(at, duration_s, True, None, detail, _values(poll), self._facts(poll))

    def _facts(self, poll: _Poll) -> dict[str, str]:
        facts = {**poll.facts, "interfaces": f"{len(self._tracks)} watched of {self._found}"}
        missing = [track.interface.name for track in self._tracks.values() if track not in poll.read]
        if missing:
            facts["not_answered"] = ", ".join(missing)
        if self._discovery is not None:
            facts["discovery"] = "not finished, goes on with the next poll"
        return facts


def _values(poll: _Poll) -> Values:
    values: Values = {}
    if poll.uptime is not None:
        values[metrics.UPTIME.name, ()] = poll.uptime / TICKS_PER_S
    for track in poll.read:
        values |= track.values()
    return values | poll.sensed


def _columns_of(track: InterfaceTrack, answer: Mapping[str, ValueType]) -> Iterator[tuple[str, int]]:
    for column in track.columns():
        value = _integer(answer.get(f"{column}.{track.interface.index}"))
        if value is not None:
            yield column, value


def _integer(value: ValueType) -> int | None:
    return value if isinstance(value, int) else None


def _explain(failure: ProbeError, settings: Settings) -> str:
    if failure.reason is not Reason.TIMEOUT:
        return failure.detail
    secret = "privacy password" if settings.version == "3" else "community"
    return f"{failure.detail}: the device does not answer, or the {secret} is wrong"
