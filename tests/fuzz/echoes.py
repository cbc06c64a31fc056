"""Parsers of ICMP: replies and errors as raw sockets give them, and the error queue of the others.

They go into the engine, which has sent the very ping of the capture: only what it knows may count.
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable
from ipaddress import ip_address
from typing import Any

import numpy as np

from probes.icmp.budget import ConfirmationBudget
from probes.icmp.clock import Reading
from probes.icmp.columns import Addresses
from probes.icmp.engine import Engine
from probes.icmp.errqueue import read_error_queue
from probes.icmp.flight import State
from probes.icmp.packet import CAPTURE_BYTES, HEADER, V4, V6, Received, Wire, addresses, read
from probes.icmp.targets import PingTarget
from tests.fuzz.corpus import captures
from tests.fuzz.harness import Case

DESTINATIONS = {4: ip_address("10.99.100.1"), 6: ip_address("fd99:100::1")}
_RECVERR = {4: (socket.IPPROTO_IP, 11), 6: (socket.IPPROTO_IPV6, 25)}
_NOW = Reading(1000.5, 1000.5)


def cases() -> tuple[Case, ...]:
    """All of them."""
    wires = (("v4", V4), ("v6", V6))
    return (
        *(
            Case(f"icmp {name}", captures("icmp", name), icmp_reader(wire), CAPTURE_BYTES)
            for name, wire in wires
        ),
        *(Case(f"icmp queue {name}", _quoted(name, wire), queue_reader(wire), 256) for name, wire in wires),
    )


class _Ear:
    """An engine with one ping under way, the one that the captures are about."""

    def __init__(self, wire: Wire, request: bytes) -> None:
        self.wire = wire
        self._sent = np.frombuffer(request[: HEADER.itemsize], HEADER)[0]
        self._start()

    def _start(self) -> None:
        self.engine = Engine(ConfirmationBudget(), epoch_s=0)
        self.engine.token = int(self._sent["token"])
        self.engine.replace([PingTarget("t", DESTINATIONS[self.wire.version], 1.0)], 1000.0)

    def hear(self, batch: Received, source: Addresses) -> str:
        engine = self.engine
        slots = engine.flight.launch(np.zeros(1, np.intp), np.zeros(1, np.bool_), 1000.0)
        slot = int(self._sent["serial"]) % len(engine.flight.row)
        for column in ("serial", "nonce"):
            getattr(engine.flight, column)[slot] = self._sent[column]
        engine.flight.state[slots] = State.CANCELLED
        engine.flight.state[slot], engine.flight.row[slot] = State.WAITING, 0
        before = engine.counters.malformed_packets, engine.counters.foreign_replies
        at = np.array([1000.1])
        engine.receive(batch, source, np.full(1, 60, np.uint8), at, _NOW)
        malformed, foreign = engine.counters.malformed_packets, engine.counters.foreign_replies
        state = State(int(engine.flight.state[slot])).name.lower()
        engine.flight.open_slots()  # forgets those that are closed, as the engine's own review does
        results = engine.log.drain()
        assert np.isfinite(results.rtt_s).sum() <= 1
        if (malformed, foreign) != before:
            assert state == "waiting", "what is not ours is no answer"
            return "malformed" if malformed > before[0] else "foreign"
        return state


def _request(name: str, wire: Wire) -> bytes:
    """The echo request that was answered: that of the reply, which repeats all but its type."""
    reply = captures("icmp", f"{name}-reply")[0]
    return reply[20:] if wire is V4 else reply


def icmp_reader(wire: Wire) -> Callable[[bytes], str]:
    name = f"v{wire.version}"
    ear, stale = _Ear(wire, _request(name, wire)), captures("icmp", f"{name}-reply")[0]
    source = _packed(DESTINATIONS[wire.version].packed)

    def parse(data: bytes) -> str:
        # What lies behind a short packet in the buffer is what came before it: here a reply of ours.
        buffer = (data + stale[len(data) :])[:CAPTURE_BYTES].ljust(CAPTURE_BYTES, b"\0")
        rows = np.frombuffer(buffer, np.uint8)[None, :]
        batch = read(wire, rows, np.array([len(data)]), has_ip_header=wire is V4)
        return ear.hear(batch, source)

    return parse


def _quoted(name: str, wire: Wire) -> tuple[bytes, ...]:
    """With the sender's address and the kernel's words before it: the request that an error is about."""
    error = captures("icmp", f"{name}-error")[0]
    header = error[20:22] if wire is V4 else error[:2]
    return (header + error[56 if wire is V4 else 48 :],)


class _Queue:
    """A socket with one error in its queue, whose type, code and quote a stranger has chosen."""

    def __init__(self, wire: Wire, data: bytes) -> None:
        self._wire, self._waiting = wire, [data]

    def recvmsg(self, size: int, _room: int, _flags: int) -> tuple[bytes, list[Any], int, tuple[str, int]]:
        if not self._waiting:
            raise OSError(errno.EAGAIN, "empty")
        data, version = self._waiting.pop().ljust(2, b"\0"), self._wire.version
        origin = 2 if version == 4 else 3
        offender = (b"\2\0\0\0" if version == 4 else b"\x0a\0" + bytes(6)) + bytes(4 if version == 4 else 20)
        told = bytes([113, 0, 0, 0, origin, data[0], data[1], 0]) + bytes(8) + offender.ljust(16, b"\0")
        destination = str(DESTINATIONS[version])
        return data[2:][:size], [(*_RECVERR[version], told)], 0, (destination, 0)


def queue_reader(wire: Wire) -> Callable[[bytes], str]:
    ear = _Ear(wire, _request(f"v{wire.version}", wire))

    def parse(data: bytes) -> str:
        opened: Any = _Queue(wire, data)
        said = "nothing"
        for refusal in read_error_queue(opened, wire):
            batch = Received(wire, np.zeros(0, np.intp), np.zeros(0, HEADER), refusal.errors, 0)
            said = ear.hear(batch, refusal.reporters)
        return said

    return parse


def _packed(address: bytes) -> Addresses:
    return addresses(np.frombuffer(address, np.uint8)[None, :])
