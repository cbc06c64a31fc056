"""The socket that notifications come to: bounded, whatever comes.

Reading a datagram costs some 5 us a byte, so bytes are what is limited: of each sender, and of all. What
comes from an unknown address is counted and never looked at. Nothing is kept of what is refused.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections import Counter
from collections.abc import Callable, Mapping
from ipaddress import IPv6Address, ip_address

from probes.sample import IPAddress
from probes.snmp.traps.codec import VERSION_3, read_community, version_of
from probes.snmp.traps.engine import Engine
from probes.snmp.traps.limits import Bucket
from probes.snmp.traps.usm import MESSAGE_BYTES_MAX
from probes.snmp.traps.verdict import OnTrap, Refused, Result, Sender, Verdict

SENDER_BYTES, SENDER_BYTES_PER_S = 32_768, 4_096
"""Some 150 traps at once, then some 20 a second."""
TOTAL_BYTES, TOTAL_BYTES_PER_S = 262_144, 32_768
"""Some 1,300 traps at once, when half a province loses power; then a sixth of one core."""
LEAST_BYTES = 128
"""What the smallest datagram counts as."""

TURN_S = 0.005
"""How long the event loop is held up at a stretch."""

_SO_MEMINFO = 55
_MEMINFO_DROPS = 8

Senders = Mapping[IPAddress, tuple[Sender, ...]]


class TrapReceiver:
    """Calls `on_trap` for every notification that a known sender proves to be its own; answers informs.

    `results` counts every datagram. `last` has the address from which one of each result came last, for
    people who wonder why a device is not heard.
    """

    def __init__(
        self, opened: socket.socket, engine: Engine, on_trap: OnTrap, *, monotonic: Callable[[], float]
    ) -> None:
        self.results: Counter[Result] = Counter(dict.fromkeys(Result, 0))
        self.last: dict[Result, IPAddress] = {}
        self._socket, self._engine, self._on_trap = opened, engine, on_trap
        self._monotonic = monotonic
        self._senders: Senders = {}
        self._shares: dict[IPAddress, Bucket] = {}
        self._total = Bucket.full(TOTAL_BYTES, TOTAL_BYTES_PER_S, monotonic())

    def use(self, senders: Senders) -> None:
        """Hear these from now on."""
        self._senders = senders
        self._shares = {address: share for address, share in self._shares.items() if address in senders}

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Receive from now on, within this loop."""
        loop.add_reader(self._socket, self.read)

    def close(self, loop: asyncio.AbstractEventLoop) -> None:
        """Receive no longer."""
        loop.remove_reader(self._socket)
        self._socket.close()

    def read(self) -> None:
        """Take what has arrived, for a short while; the loop calls again if more is there."""
        until = self._monotonic() + TURN_S
        while True:
            try:
                data, place = self._socket.recvfrom(MESSAGE_BYTES_MAX + 1)
            except OSError:
                break  # nothing is left, or an earlier answer of ours did not arrive
            self._take(data, place)
            if self._monotonic() >= until:
                break
        self.results[Result.NOT_READ] = self._dropped()

    def _take(self, data: bytes, place: tuple[str, int]) -> None:
        origin = _plain(ip_address(place[0].partition("%")[0]))
        try:
            verdict = self._judge(data, origin)
        except Refused as refused:
            verdict = refused.verdict
        self.results[verdict.result] += 1
        self.last[verdict.result] = origin
        if verdict.answer is not None:
            self._answer(verdict.answer, place)
        if verdict.meaning is not None:
            for key in dict.fromkeys(sender.key for sender in verdict.senders):
                self._on_trap(key, verdict.meaning)

    def _judge(self, data: bytes, origin: IPAddress) -> Verdict:
        senders = self._senders.get(origin)
        if senders is None:
            raise Refused(Result.UNKNOWN_SENDER)
        if len(data) > MESSAGE_BYTES_MAX:
            raise Refused(Result.MALFORMED)
        self._spend(max(len(data), LEAST_BYTES), origin)
        version = version_of(data)
        if version == VERSION_3:
            return self._engine.read(data, origin, senders)
        return read_community(data, version, senders)

    def _spend(self, size: int, origin: IPAddress) -> None:
        now = self._monotonic()
        share = self._shares.get(origin)
        if share is None:
            share = self._shares[origin] = Bucket.full(SENDER_BYTES, SENDER_BYTES_PER_S, now)
        if not share.take(size, now):
            raise Refused(Result.SENDER_LIMIT)
        if not self._total.take(size, now):
            raise Refused(Result.TOTAL_LIMIT)

    def _answer(self, data: bytes, place: tuple[str, int]) -> None:
        try:
            self._socket.sendto(data, place)
        except OSError:
            return  # the sender of an inform asks again

    def _dropped(self) -> int:
        """By the kernel, since the socket was opened."""
        counters = self._socket.getsockopt(socket.SOL_SOCKET, _SO_MEMINFO, 36)
        dropped: int = struct.unpack("9I", counters)[_MEMINFO_DROPS]
        return dropped


def _plain(address: IPAddress) -> IPAddress:
    """An IPv4 address that came through a socket for both as what it is."""
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address
