"""One ICMP socket of one address family, with its batches: packets out, packets in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from probes.icmp.clock import Clock, Reading
from probes.icmp.columns import Addresses, Floats, Integers, Numbers
from probes.icmp.egress import Group, aim, bind_source
from probes.icmp.errqueue import read_error_queue
from probes.icmp.mmsg import RECEIVE_BATCH, Names, ReceiveBatch, SendBatch
from probes.icmp.packet import (
    ECHO_BYTES,
    HEADER,
    IPV4_TTL_AT,
    MIN_SIZE,
    V4,
    V6,
    Bytes,
    Received,
    Wire,
    compose,
    constant_sum,
    filler,
    read,
)
from probes.icmp.sockets import IcmpSocket, open_socket

SEND_CALL = 16
"""Packets a call when sending. If the thread is interrupted within a call, the send times of all its
packets are off by as much; smaller calls expose fewer packets and cost little more. If there are no more than
these, they go out one a call, each with a send time of its own: the first may wake its receiver on this
processor, and the others then go out later than they seem to."""
SLOW_S = 50e-6
"""Sending a packet takes longer than this only if something came between."""
MAX_BATCHES = 16
"""Batches read in one go: a flood must not keep the thread from sending."""


class Batch(NamedTuple):
    """Packets that came together: `sources`, `ttls` (0: not known) and arrival times `walls` by packet;
    when they were `read`."""

    received: Received
    sources: Addresses
    ttls: Bytes
    walls: Floats
    read: Reading


class Transport:
    """Sends and receives the echo packets of one group. Opens its socket at once (see `open_socket`).

    `ident`: goes into its packets where that is left to us; another one than that of any other socket of the
    same engine, for every raw socket gets a copy of every reply.
    `fault`: errno while it cannot send at all for want of its interface or source address, else 0.
    """

    def __init__(self, group: Group, token: int, ident: int, clock: Clock) -> None:
        self.wire: Wire = V4 if group.version == 4 else V6
        self.group = group
        self._token = token
        self._clock = clock
        self.socket: IcmpSocket = open_socket(self.wire, ident, group.egress)
        self._fd = self.socket.socket.fileno()
        self._is_bound = group.egress.source is None or not self.socket.raw
        self.fault = 0
        self.aim()
        self._receiver = ReceiveBatch(with_ttl=not self.socket.has_ip_header)
        self._sums: dict[int, int] = {}
        self._drops = self.socket.drops()
        self._name_bytes = 16 if self.wire.version == 4 else 28
        self.drained = True
        self.fit(MIN_SIZE)

    def fit(self, size: int) -> None:
        """Make room for packets with `size` bytes of payload."""
        self._sender = SendBatch(ECHO_BYTES + size, filler(size), self._name_bytes)

    def aim(self) -> None:
        """Look for interface and source address again: both may come and go."""
        version, egress = self.group
        self.fault = aim(self.socket.socket, version, egress.interface) if egress.interface else 0
        if not self.fault and not self._is_bound:
            self.fault = bind_source(self.socket.socket, version, egress)
            self._is_bound = not self.fault

    def close(self) -> None:
        """Close the socket."""
        self.socket.socket.close()

    def send(
        self, names: Names, sizes: Integers, serials: Numbers, nonces: Numbers
    ) -> tuple[Floats, Floats, Floats, Integers]:
        """Send up to SEND_BATCH echo requests: `send_times` and errno of each."""
        count, batch = len(serials), self._sender
        if self.fault:
            return not_sent(self._clock.read(), count, self.fault)
        ident, sums = self.socket.ident, self._constant_sums(sizes)
        compose(batch.headers[:count], self.wire, ident, self._token, serials, nonces, sums)
        batch.names[:count] = names
        batch.lengths[:count] = sizes + ECHO_BYTES
        errors: Integers = np.zeros(count, dtype=np.int64)
        marks = [self._clock.read()]
        a_call = 1 if count <= SEND_CALL else SEND_CALL
        for start in range(0, count, a_call):
            batch.send(self._fd, start, min(start + a_call, count), errors)
            marks.append(self._clock.read())
        if errors.any() and self.group.egress.interface:
            self._see_why(errors)
        return *send_times(marks, count, a_call), errors

    def _see_why(self, errors: Integers) -> None:
        """Of an interface that has just gone IPv6 only says that there is no route, as if that were a word on
        the target."""
        self.aim()
        if self.fault:
            errors[errors != 0] = self.fault

    def _constant_sums(self, sizes: Integers) -> Integers:
        if (sizes == sizes[0]).all():
            return np.full(len(sizes), self._constant_sum(int(sizes[0])))
        return np.array([self._constant_sum(size) for size in sizes.tolist()])

    def _constant_sum(self, size: int) -> int:
        if size not in self._sums:
            self._sums[size] = constant_sum(self.wire, self.socket.ident, self._token, size)
        return self._sums[size]

    def new_drops(self) -> int:
        """Packets dropped for lack of buffer since the last call."""
        before, self._drops = self._drops, self.socket.drops()
        return (self._drops - before) % 2**32

    def receive(self) -> Iterator[Batch]:
        """Everything that waits in the socket; at most MAX_BATCHES, then `drained` is false."""
        self.drained = False
        for _ in range(MAX_BATCHES):
            count = self._receiver.receive(self._fd)
            if count:
                yield self._read(count)
            if count < RECEIVE_BATCH:
                self.drained = True
                break
        if not self.socket.raw:
            yield from self._read_refusals()

    def _read(self, count: int) -> Batch:
        now = self._clock.read()
        receiver = self._receiver
        has_ip_header, data = self.socket.has_ip_header, receiver.data[:count]
        received = read(self.wire, data, receiver.lengths(count), has_ip_header)
        sources = receiver.sources(count, self.wire.version)
        walls = receiver.arrivals(count, self._clock.epoch_s)
        ttls = data[:, IPV4_TTL_AT] if has_ip_header else receiver.ttls(count)
        return Batch(received, sources, ttls, walls, now)

    def _read_refusals(self) -> Iterator[Batch]:
        """ICMP errors of a datagram socket: the kernel keeps them apart from the packets."""
        for refusal in read_error_queue(self.socket.socket, self.wire):
            received = Received(self.wire, np.zeros(0, np.intp), np.zeros(0, HEADER), refusal.errors, 0)
            yield Batch(received, refusal.reporters, np.zeros(1, np.uint8), np.zeros(1), self._clock.read())


def not_sent(now: Reading, count: int, fault: int) -> tuple[Floats, Floats, Floats, Integers]:
    """What `Transport.send` says of packets that a fault of this machine keeps from being sent."""
    times, walls = np.full(count, now.monotonic), np.full(count, now.wall)
    return times, walls, np.zeros(count), np.full(count, fault)


def send_times(
    marks: Sequence[Reading], count: int, a_call: int = SEND_CALL
) -> tuple[Floats, Floats, Floats]:
    """Monotonic and wall time of sending of each packet, and how much later it may really have been.

    `marks`: the clocks before, between and after the calls of `a_call` packets each. Packets go out evenly
    between two of them, the first at once, unless the call took longer than any sending does: then the
    thread was interrupted, and nobody knows which packets were sent before that.
    """
    monotonic, wall = (np.array(times) for times in zip(*marks, strict=True))
    place = np.arange(count)
    call, within = place // a_call, place % a_call
    packets = np.minimum(count - call * a_call, a_call)
    lasted_s = np.diff(monotonic)[call]
    busy_s = np.minimum(lasted_s, packets * SLOW_S)
    since_s = busy_s * (within / packets)
    return monotonic[call] + since_s, wall[call] + since_s, lasted_s - busy_s
