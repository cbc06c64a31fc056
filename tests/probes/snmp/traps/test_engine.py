"""Version 3: clocks on both sides, so that what was recorded cannot be played again."""

from __future__ import annotations

import asyncio
import socket

from probes.snmp import Settings
from probes.snmp.traps import Result, engine, engine_id
from tests.probes.snmp.traps.captures import DISCOVERY, V3
from tests.probes.snmp.traps.devices import (
    AS_BOB,
    BOB,
    LINK_DOWN,
    Station,
    heard,
    idle_station,
    send,
    station,
)


def arrive(here: Station, data: bytes) -> Result:
    """What became of a datagram."""
    before = here.receiver.results.copy()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(data, ("127.0.0.1", here.port))
    here.receiver.read()
    return next(iter(here.receiver.results - before))


def test_a_recorded_trap_cannot_be_played_again_once_its_time_is_over() -> None:
    with idle_station(router=Settings(**BOB)) as here:
        assert arrive(here, V3) is Result.ACCEPTED
        here.now_s += engine.TIME_WINDOW_S - 1
        assert arrive(here, V3) is Result.ACCEPTED
        here.now_s += 2
        assert arrive(here, V3) is Result.UNTIMELY
        here.now_s += engine.CLOCK_KEPT_S
        assert arrive(here, V3) is Result.ACCEPTED, "a device that forgets its starts is met anew"


async def test_a_trap_from_before_the_last_start_of_its_sender_is_untimely() -> None:
    with station(router=Settings(**BOB)) as here:
        for boots, result in (("9,100", "heard"), ("10,5", "heard"), ("9,101", "untimely")):
            words = ("-e", "0x8000000001020304", "-Z", boots, *AS_BOB, "@", "1", LINK_DOWN)
            await send(here.port, *words)
            if result == "heard":
                await heard(here, 1 if boots == "9,100" else 2)
        async with asyncio.timeout(5):
            while not here.receiver.results[Result.UNTIMELY]:  # noqa: ASYNC110 - another process sends
                await asyncio.sleep(0.01)
        assert len(here.heard) == 2


async def test_informs_are_acknowledged_after_our_own_clock_went_on_and_after_a_restart() -> None:
    words = (*AS_BOB, "@", "1", LINK_DOWN)
    for _ in range(2):
        with station(router=Settings(**BOB)) as here:
            here.now_s += 100_000
            assert await send(here.port, *words, tool="snmpinform") == 0


def test_discovery_is_answered_with_our_engine() -> None:
    with idle_station(router=Settings(**BOB)) as here:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.settimeout(5)
            sender.sendto(DISCOVERY, ("127.0.0.1", here.port))
            here.receiver.read()
            answer = sender.recv(1500)
        assert engine_id("here") in answer
        assert len(answer) < 2 * len(DISCOVERY)
        assert here.results() == {Result.DISCOVERY: 1}


def test_clocks_of_senders_are_bounded() -> None:
    assert len(engine_id("x" * 100)) == 32
    with idle_station(router=Settings(**BOB)) as here:
        assert arrive(here, V3) is Result.ACCEPTED
        assert len(here.engine._clocks) == 1
        assert arrive(here, V3[:40] + b"\x09" + V3[41:]) is not Result.ACCEPTED
        assert len(here.engine._clocks) == 1, "only the clocks of proven senders are kept"
