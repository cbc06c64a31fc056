"""A trap hastens the poll of its sender, no more often than is polite, and waits for its incident."""

from __future__ import annotations

import asyncio
import socket
from collections import Counter
from collections.abc import Iterator, Sequence
from ipaddress import ip_address, ip_network
from typing import Any, cast

import pytest

from linkwatch.config.settings import Config, TrapSettings
from linkwatch.core.inventory import Inventory, Kind, ProbeSpec, Scope, Target
from linkwatch.core.records import TargetEvent
from linkwatch.flow import traps
from linkwatch.flow.clock import Clock
from linkwatch.flow.traps import Traps, open_trap_socket, senders
from probes.snmp import Settings
from probes.snmp.traps import Result
from tests.probes.snmp.traps.captures import V1, V2C

SNMP = ProbeSpec("snmp", "snmp", 30.0, 5.0, Settings())
HTTP = ProbeSpec("http", "http", 30.0, 5.0, None)
LOOPBACK = Scope((ip_network("127.0.0.0/8"),))


def target(name: str, address: str = "127.0.0.1:161", *probes: ProbeSpec) -> Target:
    return Target(name, name, Kind.ROUTER, address, probes=probes or (SNMP,))


def inventory(*targets: Target) -> Inventory:
    return Inventory(LOOPBACK, {one.id: one for one in targets})


class Desk:
    """Traps on a free port, with a clock that a test sets, and what they asked others to do."""

    def __init__(self, watched: Inventory) -> None:
        self.now_s = 1000.0
        self.polls: list[tuple[str, float]] = []
        self.told: list[TargetEvent] = []
        self.has_incident = False
        self.board: dict[tuple[str, ...], float] = {}
        self._known: dict[str, Any] = {}
        opened = open_trap_socket(TrapSettings("127.0.0.1", 0))
        assert opened is not None
        self.socket = opened
        self.traps = Traps(
            opened,
            Config(watched),
            addresses=self._addresses,
            measurer=cast(Any, self),
            incidents=cast(Any, self),
            put=self._put,
            clock=Clock(wall=lambda: self.now_s, monotonic=lambda: self.now_s),
        )

    def hasten(self, one: Target, kind: str, at: float) -> None:
        assert kind == "snmp"
        self.polls.append((one.id, at))

    async def report(self, said: Sequence[TargetEvent]) -> frozenset[str]:
        if not self.has_incident:
            return frozenset()
        self.told += said
        return frozenset(event.target for event in said)

    async def arrive(self, *datagrams: bytes) -> None:
        """Send these, and let one turn pass."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            for data in datagrams:
                sender.sendto(data, self.socket.getsockname())
        await self.turn()

    async def turn(self) -> None:
        receiver = self.traps._receiver
        assert receiver is not None
        receiver.read()
        await self.traps._turn(receiver)

    def _addresses(self) -> dict[str, Any]:
        return self._known

    def _put(self, metric: str, value: float, now: float, **labels: str) -> None:
        self.board[metric, *labels.values()] = value


@pytest.fixture
def desk() -> Iterator[Desk]:
    made = Desk(inventory(target("router")))
    yield made
    made.socket.close()


async def test_a_flapping_port_does_not_poll_its_router_to_death(desk: Desk) -> None:
    for _ in range(100):
        await desk.arrive(V1, V2C)
        desk.now_s += 0.1
    assert desk.polls[:2] == [("router", 1000.0), ("router", 1000.0 + traps.POLL_PAUSE_S)]
    assert len(desk.polls) == 3
    assert desk.board["linkwatch_traps_total", "router", "", "router", "", "false", "link-down"] > 50


async def test_an_event_waits_for_its_incident_for_a_minute(desk: Desk) -> None:
    await desk.arrive(V2C)
    desk.now_s += traps.STORY_S - 1
    desk.has_incident = True
    await desk.turn()
    await desk.turn()
    assert [(event.target, event.kind, event.at) for event in desk.told] == [("router", "link-down", 1000.0)]


async def test_an_event_without_an_incident_is_forgotten_there_and_kept_with_its_target(desk: Desk) -> None:
    await desk.arrive(V2C)
    desk.now_s += traps.STORY_S + 1
    desk.has_incident = True
    await desk.turn()
    assert desk.told == []
    assert [event.kind for event in desk.traps.log.of("router")] == ["link-down"]


async def test_a_device_taken_out_of_the_inventory_is_a_stranger(desk: Desk) -> None:
    await desk.arrive(V2C)
    desk.traps.use(inventory(target("other", "127.0.0.2")))
    await desk.arrive(V2C)
    assert len(desk.polls) == 1
    assert desk.board["linkwatch_trap_datagrams_total", "unknown_sender"] == 1
    assert desk.traps.log.of("router") == ()


async def test_every_result_is_on_the_board_from_the_start(desk: Desk) -> None:
    await desk.turn()
    assert {key[1] for key in desk.board} == {result.value for result in Result}
    assert set(desk.board.values()) == {0}


async def test_why_a_device_is_not_heard_is_told_once_in_a_while(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(5):
        await desk.arrive(V2C.replace(b"public", b"privat"))
        desk.now_s += 1
    assert Counter(caplog.messages) == {
        "what 127.0.0.1 sends to the trap port is not heard: community, user, password or security level are "
        "not those of its snmp probe": 1
    }


async def test_without_a_port_nothing_is_received() -> None:
    assert open_trap_socket(None) is None
    idle = Traps(
        None,
        Config(inventory(target("router"))),
        addresses=dict,
        measurer=cast(Any, None),
        incidents=cast(Any, None),
        put=cast(Any, None),
        clock=Clock(),
    )
    async with asyncio.timeout(1):
        await idle.run()


def test_senders_are_devices_with_an_snmp_probe_inside_the_scope() -> None:
    watched = inventory(
        target("a"), target("b", "127.0.0.1"), target("web", "127.0.0.3", HTTP), target("far", "10.0.0.1"),
        target("named", "core.example"), target("unnamed", "edge.example"),
    )  # fmt: skip
    found = senders(watched, {"named": ip_address("127.0.0.9")})
    assert {str(address): [one.key for one in those] for address, those in found.items()} == {
        "127.0.0.1": ["a", "b"],
        "127.0.0.9": ["named"],
    }


def test_a_port_that_is_taken_is_told_with_what_mends_it(desk: Desk) -> None:
    with pytest.raises(
        OSError, match=r"cannot receive traps on 127.0.0.1 port \d+: address already in use; end"
    ):
        open_trap_socket(TrapSettings("127.0.0.1", desk.socket.getsockname()[1]))
