"""What strangers send: counted, bounded, never looked at for long; nothing of it is kept."""

from __future__ import annotations

import gc
import socket
import sys
import time
from itertools import islice

import pytest

from probes.snmp import Settings
from probes.snmp.traps import Result
from probes.snmp.traps.receiver import SENDER_BYTES, SENDER_BYTES_PER_S
from tests.probes.snmp.traps.captures import ALL, V1, V2C, V3, damaged
from tests.probes.snmp.traps.devices import BOB, Station, counted, idle_station, station

DATAGRAMS = 50_000
BURST = 200
DEVICES = {"router": Settings(), "core": Settings(**BOB)}


def pour(here: Station, datagrams: list[bytes], *, pause_s: float) -> None:
    """Let them arrive in bursts that the socket's buffer holds; `pause_s` passes between two of them."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.connect(("127.0.0.1", here.port))
        rest = iter(datagrams)
        while burst := list(islice(rest, BURST)):
            for data in burst:
                sender.send(data)
            here.receiver.read()
            here.now_s += pause_s


def test_fifty_thousand_garbage_datagrams_are_counted_and_leave_nothing_behind() -> None:
    garbage = list(damaged(DATAGRAMS))
    with idle_station(**DEVICES) as here:
        pour(here, [*ALL, *garbage[:5000]], pause_s=1.0)  # what is loaded at first use is loaded then
        gc.collect()
        before = sys.getallocatedblocks()
        pour(here, garbage[5000:], pause_s=1.0)
        gc.collect()
        growth = sys.getallocatedblocks() - before
        assert sum(here.receiver.results.values()) == len(ALL) + DATAGRAMS
        assert here.receiver.results[Result.MALFORMED] > 4000, "as many as the sender's share allowed"
        assert growth < 1000, "the test keeps what it heard, some dozens"


def test_a_flood_of_one_sender_costs_little_and_is_over_when_it_ends() -> None:
    with idle_station(**DEVICES) as here:
        started_s = time.process_time()
        pour(here, [V2C] * DATAGRAMS, pause_s=0.001)
        spent_s = time.process_time() - started_s
        results = here.receiver.results
        allowed = (SENDER_BYTES + DATAGRAMS / BURST * 0.001 * SENDER_BYTES_PER_S) / len(V2C)
        assert results[Result.ACCEPTED] == len(here.heard) == pytest.approx(allowed, abs=1)
        assert results[Result.SENDER_LIMIT] + results[Result.ACCEPTED] == DATAGRAMS
        assert spent_s < 5.0
        here.now_s += 10.0
        pour(here, [V2C], pause_s=0.0)
        assert here.receiver.results[Result.ACCEPTED] == len(here.heard) > allowed


def test_a_flood_of_strangers_is_not_read() -> None:
    with idle_station() as here:
        here.receiver.use({})
        pour(here, list(damaged(DATAGRAMS)), pause_s=0.0)
        assert here.results() == {Result.UNKNOWN_SENDER: DATAGRAMS}


async def test_what_the_kernel_drops_is_counted_too() -> None:
    with station() as here, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sent = 0
        for _ in range(30_000):  # more than any buffer holds while nobody reads
            sent += sender.sendto(V2C, ("127.0.0.1", here.port)) == len(V2C)
        await counted(here, Result.NOT_READ)
        while sum(here.receiver.results.values()) < sent:
            here.receiver.read()
        assert sum(here.receiver.results.values()) == sent


@pytest.mark.parametrize("capture", ALL, ids=["v1", "v2c", "v3", "discovery"])
def test_every_cut_and_every_flipped_bit_is_survived(capture: bytes) -> None:
    with idle_station(**DEVICES) as here:
        cut = [capture[:size] for size in range(len(capture))]
        flipped = [
            capture[:place] + bytes([capture[place] ^ 1 << bit]) + capture[place + 1 :]
            for place in range(len(capture))
            for bit in range(8)
        ]
        pour(here, cut + flipped, pause_s=100.0)
        assert sum(here.receiver.results.values()) == len(cut) + len(flipped)


@pytest.mark.parametrize(
    "bomb",
    [
        b"\x30\x80" * 4000,
        b"\x30\x82\x1f\x00\x02\x01\x01\x04\x06public" + b"\xa7\x80" * 3000,
        V1 + b"\x00",
        V2C + V2C,
        V3[:-1],
        b"\x30" * 8193,
        b"",
    ],
    ids=["nested", "open", "behind v1", "doubled", "cut", "overlong", "empty"],
)
def test_nested_overlong_and_doubled_packets_are_malformed(bomb: bytes) -> None:
    with idle_station(**DEVICES) as here:
        started_s = time.process_time()
        pour(here, [bomb], pause_s=0.0)
        assert here.results() == {Result.MALFORMED: 1}
        assert time.process_time() - started_s < 0.5


def test_the_heaviest_packet_that_is_read_does_not_hold_up_the_loop() -> None:
    packed = bytes.fromhex("300506012b0500") * 1100
    body = b"\x02\x01\x01\x02\x01\x00\x02\x01\x00\x30\x82" + len(packed).to_bytes(2, "big") + packed
    pdu = b"\xa7\x82" + len(body).to_bytes(2, "big") + body
    inner = b"\x02\x01\x01\x04\x06public" + pdu
    with idle_station(**DEVICES) as here:
        started_s = time.process_time()
        pour(here, [b"\x30\x82" + len(inner).to_bytes(2, "big") + inner], pause_s=0.0)
        assert time.process_time() - started_s < 0.5
        assert here.results() == {Result.MALFORMED: 1}, "it says nothing, but only its end tells that"
