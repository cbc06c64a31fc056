"""Traces of a whole process: shared sockets, every answer handed to the trace that asked for it.

All hops are asked at once: a packet for every hop limit, and again for every further query. A trace so takes
as long as its slowest hop, not as long as all of them together.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol
from weakref import WeakValueDictionary

from probes.icmp.clock import Clock, Reading
from probes.path.answer import Answer
from probes.path.flight import Flight
from probes.path.hops import Trace
from probes.path.packet import FIRST_PORT, Flow, Method, compose
from probes.path.sockets import RawSockets, TracePermissionError, source_of
from probes.sample import IPAddress

QUERY_GAP_S = 0.1
"""Between two rounds: routers count how often they answer, and by then most know where the path ends."""


@dataclass(frozen=True, slots=True)
class Route:
    """How to ask. `flow`: of 256; another one may take another of several equal ways. `port`: of the
    destination. `hop_timeout_s`: after which a hop is silent."""

    method: Method = Method.ICMP
    flow: int = 0
    port: int = 33434
    max_hops: int = 30
    queries: int = 3
    hop_timeout_s: float = 1.0


class Listener(Protocol):
    """Takes the answers of one flow."""

    def take(self, answer: Answer, arrived_wall: float, read: Reading) -> bool:
        """An answer, when it arrived and when it was read; false if it is about no packet of this one."""


_Key = tuple[Method, IPAddress, int]


class Tracer:
    """Opens its sockets at once, so that a service may give up its rights afterwards. Raises
    TracePermissionError. To be used within one event loop, which it joins at the first trace.
    """

    def __init__(self) -> None:
        self._clock = Clock()
        self._sockets: dict[int, RawSockets] = {}
        self._listeners: dict[_Key, list[Listener]] = {}
        self._turns: WeakValueDictionary[_Key, asyncio.Lock] = WeakValueDictionary()
        self._loop: asyncio.AbstractEventLoop | None = None
        for version in (4, 6):
            try:
                self._sockets[version] = RawSockets(version)
            except TracePermissionError:
                self.close()
                raise
            except OSError:
                continue  # a machine without IPv6

    def close(self) -> None:
        """Close the sockets."""
        for sockets in self._sockets.values():
            for receiver in sockets.receivers:
                if self._loop is not None and not self._loop.is_closed():
                    self._loop.remove_reader(receiver)
            sockets.close()
        self._sockets = {}

    async def trace(self, destination: IPAddress, route: Route, deadline_s: float = 60.0) -> Trace:
        """The path to `destination`. Ends when nothing more is to be expected, `hop_timeout_s` after the
        last packet, or at the deadline. Raises OSError where this machine cannot send there."""
        flow = self.flow_to(destination, route)
        key = (flow.method, flow.destination, flow.source_port)
        turn = self._turns.setdefault(key, asyncio.Lock())
        async with turn:  # two traces of one flow could not be told apart
            flight = Flight(destination, route.method, route.queries)
            with self.listening(flow, flight), contextlib.suppress(TimeoutError):
                async with asyncio.timeout(deadline_s):
                    await self._fly(flow, route, flight)
            return flight.trace()

    def flow_to(self, destination: IPAddress, route: Route) -> Flow:
        """What all packets have in common. Raises OSError where no route leads there."""
        port = 0 if route.method is Method.ICMP else route.port
        return Flow(route.method, source_of(destination), destination, FIRST_PORT + route.flow, port)

    def send(self, flow: Flow, packet: bytes) -> Reading:
        """Send one packet; the clocks just before. Raises OSError."""
        sockets = self._sockets.get(flow.destination.version)
        if sockets is None:
            raise OSError(f"this machine has no IPv{flow.destination.version}")
        sent = self._clock.read()
        sockets.send(packet, flow.destination)
        return sent

    @contextmanager
    def listening(self, flow: Flow, listener: Listener) -> Iterator[None]:
        """Answers to this flow go to `listener`."""
        self._join_loop()
        key = (flow.method, flow.destination, flow.source_port)
        self._listeners.setdefault(key, []).append(listener)
        try:
            yield
        finally:
            self._listeners[key].remove(listener)
            if not self._listeners[key]:
                del self._listeners[key]

    async def _fly(self, flow: Flow, route: Route, flight: Flight) -> None:
        first = _first_serial(route)
        for query in range(route.queries):
            last_hop = flight.end or route.max_hops
            for hop in range(1, last_hop + 1):
                serial = (first + query * route.max_hops + hop) % _SERIALS[route.method]
                sent = self.send(flow, compose(flow, serial, hop))
                flight.add(serial, hop, sent)
            is_last = query == route.queries - 1
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(route.hop_timeout_s if is_last else QUERY_GAP_S):
                    await flight.ended.wait()
                    return

    def _join_loop(self) -> None:
        if self._loop is not None:
            return
        self._loop = asyncio.get_running_loop()
        for sockets in self._sockets.values():
            for receiver in sockets.receivers:
                self._loop.add_reader(receiver, self._receive, sockets, receiver)

    def _receive(self, sockets: RawSockets, receiver: socket.socket) -> None:
        for arrival in sockets.receive(receiver):
            sent, read = arrival.answer.sent, self._clock.read()
            for listener in self._listeners.get((sent.method, sent.destination, sent.source_port), ()):
                if listener.take(arrival.answer, arrival.at - self._clock.epoch_s, read):
                    break


_SERIALS = {Method.ICMP: 2**16, Method.TCP: 2**32, Method.UDP: 2**16}


def _first_serial(route: Route) -> int:
    """Drawn, so that a late answer to an earlier trace is none to this one; lengths must stay small."""
    return 0 if route.method is Method.UDP else random.randrange(_SERIALS[route.method])
