"""Relays that write down what a real peer answers while a real probe speaks with it."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from probes.testing import serve_tcp

MOST_BYTES = 12_000
"""So much of a stream is enough to be fuzzed."""


@asynccontextmanager
async def recorded_stream(port: int, heard: list[bytes]) -> AsyncIterator[int]:
    """A relay to a TCP server; `heard` gets what the server said, by connection."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        answers, requests = await asyncio.open_connection("127.0.0.1", port)
        place = len(heard)
        heard.append(b"")

        async def listen() -> None:
            while more := await answers.read(65_536):
                heard[place] = (heard[place] + more)[:MOST_BYTES]
                writer.write(more)

        async def pass_on() -> None:
            while more := await reader.read(65_536):
                requests.write(more)

        both = [asyncio.ensure_future(listen()), asyncio.ensure_future(pass_on())]
        try:
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in both:
                each.cancel()
            requests.transport.abort()

    async with serve_tcp(handle) as own:
        yield own


class _Relay(asyncio.DatagramProtocol):
    def __init__(self, port: int, heard: list[bytes]) -> None:
        self._heard = heard
        self._server = socket.socket(type=socket.SOCK_DGRAM)
        self._server.setblocking(False)
        self._server.connect(("127.0.0.1", port))
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._server, self._answer)

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self._client = addr
        self._server.send(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self._loop.remove_reader(self._server)
        self._server.close()

    def _answer(self) -> None:
        data = self._server.recv(65_535)
        self._heard.append(data)
        self._transport.sendto(data, self._client)


@asynccontextmanager
async def recorded_datagrams(port: int, heard: list[bytes]) -> AsyncIterator[int]:
    """A relay to a UDP server; `heard` gets every datagram of the server."""
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(lambda: _Relay(port, heard), ("127.0.0.1", 0))
    try:
        yield transport.get_extra_info("sockname")[1]
    finally:
        transport.close()
        await asyncio.sleep(0)
