"""Mutated packets at the sockets that hear everybody: pings, traces, notifications.

Each is counted, or dropped by the kernel's filter; what is watched meanwhile stays what it is.
"""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Iterator
from ipaddress import ip_address
from itertools import islice
from select import select

from probes.icmp import Pinger
from probes.icmp.packet import HEADER
from probes.icmp.targets import PingTarget
from probes.path.tracer import Route, Tracer
from probes.snmp import Settings as SnmpSettings
from tests.fuzz.corpus import captures
from tests.fuzz.harness import Outcome, resident_mb
from tests.fuzz.mutation import Mutator
from tests.network import Namespace
from tests.probes.snmp.traps.captures import ALL as NOTIFICATIONS
from tests.probes.snmp.traps.devices import BOB, idle_station

BURST = 100
LARGEST = 1400
_ICMP = {4: (socket.AF_INET, socket.IPPROTO_ICMP), 6: (socket.AF_INET6, socket.IPPROTO_ICMPV6)}
_CAPTURED = {4: ip_address("10.99.100.1").packed, 6: ip_address("fd99:100::1").packed}
_HERE = {4: ip_address("10.50.1.1"), 6: ip_address("fd50::1")}
_REQUEST = {4: 8, 6: 128}
_REPLIES = (0, 129)


def pour_pings(namespace: Namespace, version: int, count: int, seed: int = 1) -> Outcome:
    """Replies and errors at a pinger, with its own ident and token in them."""
    outcome, here = Outcome(f"icmp socket v{version}"), _HERE[version]
    pinger = Pinger()
    with namespace.entered(), socket.socket(*_raw(version)) as ear, socket.socket(*_raw(version)) as mouth:
        pinger.replace([PingTarget("t", here, interval_s=0.02)])
        pinger.start()
        try:
            own = _own_ping(ear, version)
            garbage = [_as_answer_to(own, each, version) for each in captures("icmp", f"v{version}")]
            warm_mb = 0.0
            for number, burst in enumerate(_bursts(garbage, count, seed)):
                _send(mouth, burst, str(here))
                outcome.inputs += len(burst)
                time.sleep(0.002)  # as long as the pinger needs: what its buffer has no room for is no test
                warm_mb = warm_mb or (resident_mb() if number * BURST > count / 5 else 0.0)
            _judge(pinger, outcome)
            outcome.growth_mb = max(0.0, resident_mb() - warm_mb)
        finally:
            pinger.close()
    return outcome


def _judge(pinger: Pinger, outcome: Outcome) -> None:
    """It still measures, and has called nothing down."""
    before = int(pinger.row_counters().received[0])
    time.sleep(0.3)
    counters = pinger.counters()
    if not pinger.is_alive or int(pinger.row_counters().received[0]) == before:
        outcome.crash(b"", "the pinger hears nothing any more")
    if pinger.up.tolist() != [1] or any(not verdict.up for verdict in pinger.drain().verdicts):
        outcome.crash(b"", "a target was called down")
    told = {"malformed": counters.malformed_packets, "foreign": counters.foreign_replies}
    told |= {"dropped": counters.receive_drops}
    outcome.results.update(told)
    outcome.results["filtered or about others"] = outcome.inputs - sum(told.values())


def pour_traces(namespace: Namespace, version: int, count: int, seed: int = 1) -> Outcome:
    """Errors and replies at a tracer that is at work, about the very flow that it traces."""
    outcome, here = Outcome(f"path socket v{version}"), _HERE[version]
    garbage = [_icmp_of(each, version) for each in captures("path", f"v{version}") if len(each) > 48]
    garbage = [each.replace(_CAPTURED[version], here.packed) for each in garbage]

    async def trace() -> None:
        tracer, warm_mb = Tracer(), 0.0
        try:
            for number, burst in enumerate(_bursts(garbage, count, seed)):
                _send(mouth, burst, str(here))
                outcome.inputs += len(burst)
                found = await tracer.trace(here, Route(queries=1, hop_timeout_s=0.5, max_hops=4))
                outcome.results["reached" if found.reached else "not reached"] += 1
                warm_mb = warm_mb or (resident_mb() if number * BURST > count / 5 else 0.0)
            quiet = await tracer.trace(here, Route(queries=1, hop_timeout_s=0.5, max_hops=4))
            if [hop.addresses for hop in quiet.hops] != [(here,)]:
                outcome.crash(b"", f"the path is wrong: {quiet}")
            outcome.growth_mb = max(0.0, resident_mb() - warm_mb)
        finally:
            tracer.close()

    with namespace.entered(), socket.socket(*_raw(version)) as mouth:
        asyncio.run(trace())
    return outcome


def pour_notifications(count: int, seed: int = 1) -> Outcome:
    """Traps and informs of all versions at the receiver, from a device that it knows."""
    outcome, warm_mb = Outcome("trap socket"), 0.0
    with (
        idle_station(router=SnmpSettings(), core=SnmpSettings(**BOB)) as here,
        socket.socket(type=socket.SOCK_DGRAM) as mouth,
    ):
        for number, burst in enumerate(_bursts(NOTIFICATIONS, count, seed)):
            for data in burst:
                mouth.sendto(data, ("127.0.0.1", here.port))
            while select([here.socket], [], [], 0)[0]:
                began_s = time.thread_time()
                here.receiver.read()
                outcome.slowest_s = max(outcome.slowest_s, time.thread_time() - began_s)
            here.now_s += 10.0  # so that a share of them is read, not only counted
            outcome.inputs += len(burst)
            warm_mb = warm_mb or (resident_mb() if number * BURST > count / 5 else 0.0)
        outcome.results.update({result.value: number for result, number in here.results().items()})
        outcome.growth_mb = max(0.0, resident_mb() - warm_mb)
    if outcome.results.total() != outcome.inputs:
        outcome.crash(b"", f"{outcome.inputs - outcome.results.total()} were not counted")
    return outcome


def _raw(version: int) -> tuple[int, int, int]:
    family, protocol = _ICMP[version]
    return family, socket.SOCK_RAW, protocol


def _icmp_of(capture: bytes, version: int) -> bytes:
    """Without the IP header that raw sockets of IPv4 get before it."""
    return capture[20:] if version == 4 else capture


def _as_answer_to(own: bytes, capture: bytes, version: int) -> bytes:
    """The same about our ping: with its ident and token, and the address that it went to."""
    message = _icmp_of(capture, version)
    echo = 0 if message[0] in _REPLIES else 8 + (20 if version == 4 else 40)
    message = message[: echo + 4] + own[4:16] + message[echo + 16 :]
    return message.replace(_CAPTURED[version], _HERE[version].packed)


def _own_ping(ear: socket.socket, version: int) -> bytes:
    """A ping of ours, of which a stranger on the way would learn ident and token."""
    ear.settimeout(5.0)
    while True:
        message = _icmp_of(ear.recv(2000), version)
        if message[0] == _REQUEST[version]:
            return message[: HEADER.itemsize]


def _bursts(known: tuple[bytes, ...] | list[bytes], count: int, seed: int) -> Iterator[list[bytes]]:
    inputs = islice(Mutator(known, seed, LARGEST), count)
    while burst := list(islice(inputs, BURST)):
        yield burst


def _send(mouth: socket.socket, burst: list[bytes], here: str) -> None:
    for data in burst:
        mouth.sendto(data.ljust(8, b"\0"), (here, 0))
