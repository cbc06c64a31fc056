"""The wire itself, a process of its own so that its timing depends on nothing that is measured.

Run as `python -m linkwatch.demo.carrying NEAR FAR CONTROL SEED` (file descriptors: two TUN interfaces and a
socket of `multiprocessing.connection`; see `linkwatch.demo.wire`). It ends when the control socket is closed.
"""

from __future__ import annotations

import gc
import heapq
import os
import select
import sys
import time
from contextlib import suppress
from multiprocessing.connection import Connection

from linkwatch.demo.lane import Conditions, Counts, Lane, Way

PACKET_BYTES = 65536
READ_AT_ONCE = 16
"""Packets of one direction before what is due is sent."""
OTHERS = b""
"""The address of all who have no conditions of their own."""
MULTICAST_4, MULTICAST_6 = 224, 255
"""First bytes of addresses from which on packets are for many; a wire between two hosts carries none."""


Order = tuple[Way, bytes, Conditions | None]
"""A way, an address of the far side, and what holds for it from now on (None: as before)."""


class Carrier:
    """Carries packets between two TUN interfaces."""

    def __init__(self, near: int, far: int, seed: str) -> None:
        self._seed = seed
        self._sinks = {near: far, far: near}
        self._ways = {near: Way.THERE, far: Way.BACK}
        self._lanes: dict[tuple[Way, bytes], Lane] = {}
        self._others = {way: self._lane(way, OTHERS) for way in Way}
        self._queue: list[tuple[float, int, float, int, bytes, Lane]] = []
        self._number = 0

    def obey(self, order: Order) -> Counts:
        """Carry out an order; what was counted so far."""
        way, address, conditions = order
        lane = self._lane(way, address)
        if conditions is not None:
            lane.conditions = conditions
        return lane.counts

    def next_s(self) -> float | None:
        """When the next packet shall leave."""
        return self._queue[0][0] if self._queue else None

    def read(self, source: int) -> None:
        """Take what waits at one end."""
        for _ in range(READ_AT_ONCE):
            try:
                packet = os.read(source, PACKET_BYTES)
            except BlockingIOError:
                return
            lane = self._lane_of(packet, self._ways[source])
            if lane is not None:
                self._take(lane, packet, self._sinks[source])

    def send(self) -> None:
        """Let go of what is due."""
        while self._queue and self._queue[0][0] <= time.monotonic():
            planned_s, _, taken_s, sink, packet, lane = heapq.heappop(self._queue)
            _send(lane, packet, sink, taken_s, planned_s)

    def _take(self, lane: Lane, packet: bytes, sink: int) -> None:
        now_s = time.monotonic()
        for at in lane.take(now_s):
            if at <= now_s:
                _send(lane, packet, sink, now_s, at)
            else:
                self._number += 1  # of equal times the first comes first
                heapq.heappush(self._queue, (at, self._number, now_s, sink, packet, lane))

    def _lane_of(self, packet: bytes, way: Way) -> Lane | None:
        if packet[0] >> 4 == 4:
            for_many = packet[16] >= MULTICAST_4
            address = packet[16:20] if way is Way.THERE else packet[12:16]
        else:
            for_many = packet[24] >= MULTICAST_6
            address = packet[24:40] if way is Way.THERE else packet[8:24]
        return None if for_many else self._lanes.get((way, address), self._others[way])

    def _lane(self, way: Way, address: bytes) -> Lane:
        if (way, address) not in self._lanes:
            self._lanes[way, address] = Lane(f"{self._seed} {way.name} {address.hex()}")
        return self._lanes[way, address]


def _send(lane: Lane, packet: bytes, sink: int, taken_s: float, planned_s: float) -> None:
    with suppress(OSError):  # an interface that is down, or gone
        os.write(sink, packet)
    lane.leave(taken_s, planned_s, time.monotonic())


def carry(near: int, far: int, control: Connection, seed: str) -> None:
    """Carry until the control socket is closed. (`select`: its timeout counts microseconds, that of epoll
    milliseconds.)"""
    carrier, orders = Carrier(near, far, seed), control.fileno()
    while True:
        due_s = carrier.next_s()
        wait_s = None if due_s is None else max(due_s - time.monotonic(), 0.0)
        ready, _, _ = select.select((near, far, orders), (), (), wait_s)
        for fd in ready:
            if fd == orders:
                control.send(carrier.obey(control.recv()))
            else:
                carrier.read(fd)
        carrier.send()


def main() -> None:
    """Read the arguments, say that all is ready, and carry."""
    near, far, control_fd = map(int, sys.argv[1:4])
    gc.disable()  # nothing here makes cycles
    with suppress(EOFError, BrokenPipeError), Connection(control_fd) as control:
        control.send(None)
        carry(near, far, control, sys.argv[4])


if __name__ == "__main__":
    main()
