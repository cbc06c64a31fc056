"""The packets of one trace that are on their way, and what has come of them so far."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass

import numpy as np

from probes.icmp.clock import Reading, round_trips
from probes.path.answer import Answer, Kind
from probes.path.hops import Hop, Trace
from probes.path.packet import Method
from probes.sample import IPAddress


@dataclass(slots=True)
class _Packet:
    hop: int
    sent: Reading
    answer: Answer | None = None
    rtt_s: float | None = None


class Flight:
    """Packets by serial. `ended` is set as soon as nothing more is to be expected.

    `queries`: packets to each hop. A destination that answers UDP or TCP limits how often it does: there
    one answer is enough.
    """

    def __init__(self, destination: IPAddress, method: Method, queries: int) -> None:
        self._destination = destination
        self._wanted = queries
        self._wanted_at_end = queries if method is Method.ICMP else 1
        self._packets: dict[int, _Packet] = {}
        self._answered: Counter[int] = Counter()
        self.end: int | None = None
        """The nearest hop known to be the last: the destination, or a router that refuses."""
        self.ended = asyncio.Event()

    def add(self, serial: int, hop: int, sent: Reading) -> None:
        """A packet has been sent."""
        self._packets[serial] = _Packet(hop, sent)

    def take(self, answer: Answer, arrived_wall: float, read: Reading) -> bool:
        """An answer has come; false if it is about none of these packets. The first one counts."""
        packet = self._packets.get(answer.sent.serial)
        if packet is None:
            return False
        if packet.answer is None and answer.kind is not Kind.TOO_BIG:
            packet.answer, packet.rtt_s = answer, _round_trip_s(packet.sent, arrived_wall, read)
            self._answered[packet.hop] += 1
            if answer.kind is not Kind.HOP:
                self.end = packet.hop if self.end is None else min(self.end, packet.hop)
            if self._is_complete():
                self.ended.set()
        return True

    def trace(self) -> Trace:
        """The path as far as it is known now."""
        length = self.end if self.end is not None else max(self._answered, default=0)
        hops = tuple(self._hop(number) for number in range(1, length + 1))
        last = [p.answer for p in self._packets.values() if p.answer and p.hop == self.end]
        reached = any(answer.kind is Kind.ARRIVED for answer in last)
        refusal = "" if reached else next((answer.why for answer in last if answer.why), "")
        return Trace(self._destination, hops, reached, refusal)

    def _hop(self, number: int) -> Hop:
        packets = [packet for packet in self._packets.values() if packet.hop == number]
        addresses = dict.fromkeys(packet.answer.source for packet in packets if packet.answer)
        return Hop(tuple(addresses), tuple(packet.rtt_s for packet in packets))

    def _is_complete(self) -> bool:
        if self.end is None or self._answered[self.end] < self._wanted_at_end:
            return False
        return all(self._answered[hop] >= self._wanted for hop in range(1, self.end))


def _round_trip_s(sent: Reading, arrived_wall: float, read: Reading) -> float:
    left, left_wall, arrived = (np.array([at]) for at in (sent.monotonic, sent.wall, arrived_wall))
    return float(round_trips(left, left_wall, arrived, read)[0])
