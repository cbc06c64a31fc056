"""A small HTTP server of the test's own that takes messages and misbehaves on request."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from linkwatch.core.inventory import Contact


@dataclass
class Sink:
    """Where messages arrive. The first part of the path says how it answers; the rest is a token."""

    port: int = 0
    received: list[dict[str, Any]] = field(default_factory=list)
    hanging: int = 0
    released: asyncio.Event = field(default_factory=asyncio.Event)

    def url(self, behaviour: str = "ok", token: str = "s3cr3t-t0ken-42") -> str:
        return f"json://127.0.0.1:{self.port}/{behaviour}/{token}"

    async def handle(self, request: web.Request) -> web.Response:
        behaviour = request.match_info["behaviour"]
        if behaviour == "hang":
            self.hanging += 1
            await self.released.wait()
        if behaviour == "slow":
            await asyncio.sleep(0.2)
        if behaviour.isdigit():
            return web.Response(status=int(behaviour), text="no")
        self.received.append(await request.json())
        if behaviour == "late":
            await asyncio.sleep(0.005)
        return web.json_response({"ok": True})

    @property
    def texts(self) -> list[str]:
        return [message["message"] for message in self.received]


@asynccontextmanager
async def running_sink() -> AsyncIterator[Sink]:
    sink, app = Sink(), web.Application()
    app.router.add_post("/{behaviour}/{token}", sink.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    sink.port = runner.addresses[0][1]
    yield sink
    sink.released.set()
    await runner.cleanup()


async def eventually(condition: Callable[[], bool], within_s: float = 5.0) -> None:
    """Wait until a real thread or server has come so far."""
    async with asyncio.timeout(within_s):
        while not condition():  # noqa: ASYNC110 - what changes it is in another thread
            await asyncio.sleep(0.005)


def contact(contact_id: str, language: str = "vi", **channels: str) -> Contact:
    return Contact(contact_id, contact_id, language=language, channels=channels)
