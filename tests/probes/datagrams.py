"""A peer over UDP that says what a test wants."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Any

Reply = Callable[[bytes], Iterable[bytes]]


class _Peer(asyncio.DatagramProtocol):
    def __init__(self, reply: Reply) -> None:
        self._reply = reply

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, addr: Any) -> None:
        for packet in self._reply(data):
            self._transport.sendto(packet, addr)


@asynccontextmanager
async def serve_udp(reply: Reply) -> AsyncIterator[int]:
    """Answers every datagram with those of `reply`; yields the port."""
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(lambda: _Peer(reply), ("127.0.0.1", 0))
    try:
        yield transport.get_extra_info("sockname")[1]
    finally:
        transport.close()


def silence(_request: bytes) -> Iterable[bytes]:
    return ()
