"""How many come in at once, and what becomes of those who only hold a place."""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest
from aiohttp import web

from linkwatch.config.settings import ServerSettings
from linkwatch.web import door as module
from linkwatch.web.door import Door, bounded
from linkwatch.web.exposition import Exposition
from linkwatch.web.problem import problem_middleware
from linkwatch.web.server import listen, serving
from tests.web.world import World

GET = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
SCRAPE = b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n"
Pair = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Street:
    """A served world, and connections to it."""

    def __init__(self, door: Door, port: int) -> None:
        self.door, self._port = door, port
        self._opened: list[asyncio.StreamWriter] = []

    async def connect(self, source: str = "127.0.0.1") -> Pair:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port, local_addr=(source, 0))
        self._opened.append(writer)
        return reader, writer

    async def ask(self, what: bytes = GET, source: str = "127.0.0.1") -> bytes:
        reader, writer = await self.connect(source)
        try:
            writer.write(what)
            return await asyncio.wait_for(reader.readline(), 5.0)
        except ConnectionResetError:
            return b""

    async def leave(self) -> None:
        for writer in self._opened:
            writer.close()
        await asyncio.gather(*(w.wait_closed() for w in self._opened), return_exceptions=True)
        self._opened.clear()
        await asyncio.sleep(0.05)


@pytest.fixture
async def street(world: World) -> AsyncIterator[Street]:
    settings = ServerSettings(port=0)
    door, listener = Door(connections=3), listen(settings)
    async with serving(world.services(), settings, listener, door):
        made = Street(door, listener.getsockname()[1])
        yield made
        await made.leave()


@asynccontextmanager
async def opened(door: Door, context: ssl.SSLContext | None) -> AsyncIterator[Street]:
    """A server behind the door that answers 200 to everything, to clients that speak for themselves alone."""

    async def answer(_request: web.BaseRequest) -> web.StreamResponse:
        return web.Response()

    with listen(ServerSettings(port=0)) as listener:
        server = await door.open(web.Server(answer), listener, context)
        street = Street(door, listener.getsockname()[1])
        yield street
        await street.leave()
        server.close()


async def test_one_connection_too_many_is_closed_and_counted_and_later_there_is_room_again(
    street: Street,
) -> None:
    for _ in range(3):
        assert b"200" in await street.ask()
    assert [await street.ask() for _ in range(5)] == [b""] * 5
    assert street.door.refused == 5
    await street.leave()
    assert b"200" in await street.ask()


async def test_whoever_is_amid_a_handshake_counts_and_is_shown_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Under TLS nobody is a connection of the server before that: a flood would take every file."""
    monkeypatch.setattr(module, "REQUEST_S", 0.3)
    door = Door(connections=3)
    async with opened(door, ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)) as street:
        silent = [await street.connect() for _ in range(10)]
        await asyncio.sleep(0.1)
        assert door.refused == 7
        for reader, _ in silent:
            with suppress(ConnectionResetError):
                assert await asyncio.wait_for(reader.read(), 2.0) == b""
        await street.connect()
        await asyncio.sleep(0.1)
        assert door.refused == 7


async def test_one_address_does_not_keep_all_others_out() -> None:
    door = Door(connections=4, share=2)
    async with opened(door, None) as street:
        answers = [await street.ask(source=f"127.0.0.{host}") for host in (2, 2, 2, 3, 3, 4)]
    assert [b"200" in answer for answer in answers] == [True, True, False, True, True, False]
    assert door.refused == 2


async def test_who_asks_for_nothing_is_shown_out(street: Street, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "REQUEST_S", 0.1)
    silent = [await street.connect() for _ in range(2)]
    silent[1][1].write(b"GET /healthz HTTP/1.1\r\nHo")  # and never an end
    reader, writer = await street.connect()
    writer.write(GET)
    assert b"200" in await reader.readline()
    for reader_of_silent, _ in silent:
        assert await asyncio.wait_for(reader_of_silent.read(), 2.0) == b""
    await asyncio.sleep(0.2)
    writer.write(GET)  # who has asked before keeps its connection
    assert b"200" in await asyncio.wait_for(reader.readuntil(b"200 OK"), 2.0)


async def test_a_client_that_goes_away_amid_its_answer_is_no_failure_of_ours(
    street: Street, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    gone = asyncio.Event()

    async def endless(_self: Exposition) -> AsyncIterator[bytes]:
        try:
            while True:
                yield b"# x\n" * 50_000
                await asyncio.sleep(0)
        finally:
            gone.set()

    monkeypatch.setattr(Exposition, "blocks", endless)
    assert b"200" in await street.ask(SCRAPE)
    with caplog.at_level(logging.WARNING):
        await street.leave()
        await asyncio.wait_for(gone.wait(), 5.0)
        await asyncio.sleep(0.1)
    assert caplog.text == ""


async def test_so_many_at_once_and_no_longer_than_the_deadline(caplog: pytest.LogCaptureFixture) -> None:
    let_go = asyncio.Event()

    async def slow(_request: web.Request) -> web.StreamResponse:
        await let_go.wait()
        return web.Response(text="done")

    app = web.Application(middlewares=[module.door_middleware, problem_middleware])
    app[module.DOOR] = Door()
    app.router.add_get("/", bounded(slow, at_once=2, deadline_s=0.3))
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    street = Street(app[module.DOOR], runner.addresses[0][1])
    asked = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
    waiting = [asyncio.create_task(street.ask(asked)) for _ in range(2)]
    await asyncio.sleep(0.1)
    assert b"429" in await street.ask(asked)
    assert await asyncio.gather(*waiting) == [b"", b""]  # cut off
    let_go.set()
    assert b"200" in await street.ask(asked)
    await street.leave()
    await runner.cleanup()
    assert caplog.text == ""
