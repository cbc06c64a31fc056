"""The largest packet that gets through whole: echo requests that must not be fragmented (RFC 1191, 8201).

A router that cannot pass one on says what would fit; the next one is as big as that. Where the big ones
vanish without a word, sizes between what arrived and what did not are tried, many at once.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from probes.icmp.clock import Reading
from probes.path.answer import Answer, Kind
from probes.path.packet import Flow, Method, compose
from probes.path.sockets import TooBigHereError
from probes.path.tracer import Route, Tracer
from probes.sample import IPAddress

LARGEST_BYTES = 65535
SMALLEST_BYTES = {4: 68, 6: 1280}
"""What every link must pass (RFC 791, RFC 8200)."""

SIZES_AT_ONCE = 16
TRIES = 2
"""Packets of each size where silence is an answer: one may be lost by chance."""
_HOP_LIMIT = 64
_SERIALS = 2**16


@dataclass(frozen=True, slots=True)
class PathMtu:
    """`size`: in bytes of the whole packet. `reporter`: the router that said so; none where the interface of
    this machine is the narrowest. `silent`: whether bigger packets vanish without a word."""

    size: int
    reporter: IPAddress | None = None
    silent: bool = False


@dataclass(slots=True)
class _Round:
    """The packets of one round: what arrived, and what would fit by the word of whom."""

    sizes: dict[int, int] = field(default_factory=dict)
    arrived: set[int] = field(default_factory=set)
    fits: tuple[int, IPAddress | None] | None = None
    settled: asyncio.Event = field(default_factory=asyncio.Event)

    def take(self, answer: Answer, _arrived_wall: float, _read: Reading) -> bool:
        """See `tracer.Listener`."""
        size = self.sizes.get(answer.sent.serial)
        if size is None:
            return False
        if answer.kind is Kind.ARRIVED:
            self.arrived.add(size)
        elif answer.kind is Kind.TOO_BIG and answer.mtu < size:
            self.note(answer.mtu, answer.source)
        if self.arrived >= set(self.sizes.values()):
            self.settled.set()
        return True

    def note(self, size: int, reporter: IPAddress | None) -> None:
        """Somebody on the way said what would fit; the least counts."""
        if self.fits is None or size < self.fits[0]:
            self.fits = size, reporter
        self.settled.set()


async def find_mtu(
    tracer: Tracer, destination: IPAddress, route: Route, deadline_s: float = 60.0
) -> PathMtu | None:
    """The path MTU of an echo request of that flow; None where none is answered in time. Raises OSError."""
    flow = tracer.flow_to(destination, replace(route, method=Method.ICMP))
    search = _Search(tracer, flow, route.hop_timeout_s)
    try:
        async with asyncio.timeout(deadline_s):
            return await search.run()
    except TimeoutError:
        return None


class _Search:
    def __init__(self, tracer: Tracer, flow: Flow, timeout_s: float) -> None:
        self._tracer, self._flow, self._timeout_s = tracer, flow, timeout_s
        self._smallest = SMALLEST_BYTES[flow.destination.version]

    async def run(self) -> PathMtu | None:
        size, reporter = LARGEST_BYTES, None
        while True:
            tried = await self._try([size] * TRIES)
            if size in tried.arrived:
                return PathMtu(size, reporter)
            if tried.fits is None or not self._smallest <= tried.fits[0] < size:
                return await self._narrow(size)
            size, reporter = tried.fits

    async def _narrow(self, too_big: int) -> PathMtu | None:
        """Nobody says what would fit: find it between what arrives and what does not."""
        passes = self._smallest - 1
        while too_big - passes > 1:
            tried = await self._try(_between(passes, too_big) * TRIES)
            if not tried.arrived and passes < self._smallest:
                return None
            passes = max(tried.arrived, default=passes)
            too_big = min((size for size in tried.sizes.values() if size > passes), default=too_big)
        return PathMtu(passes, silent=True)

    async def _try(self, sizes: Sequence[int]) -> _Round:
        tried, first = _Round(), random.randrange(_SERIALS)
        with self._tracer.listening(self._flow, tried), contextlib.suppress(TimeoutError):
            for place, size in enumerate(sizes):
                serial = (first + place) % _SERIALS
                tried.sizes[serial] = size
                try:
                    packet = compose(self._flow, serial, _HOP_LIMIT, size, dont_fragment=True)
                    self._tracer.send(self._flow, packet)
                except TooBigHereError as refused:
                    tried.note(refused.mtu, None)
            async with asyncio.timeout(self._timeout_s):
                await tried.settled.wait()
        return tried


def _between(passes: int, too_big: int) -> list[int]:
    """Sizes spread evenly, the one that must pass among them while nothing has."""
    count = min(SIZES_AT_ONCE, too_big - passes - 1)
    return sorted({passes + 1 + place * (too_big - passes - 1) // count for place in range(count)})
