"""Web servers of our own on 127.0.0.1, and short ways to look at a sample."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from ssl import SSLContext

from aiohttp import web

from probes.http import Settings
from probes.http.sampling import probe
from probes.sample import Sample, Target
from probes.testing import Handler

Handle = Callable[[web.Request], Awaitable[web.StreamResponse]]
PHASE = "linkwatch_http_phase_seconds"


@asynccontextmanager
async def serve(routes: Mapping[str, Handle], tls: SSLContext | None = None) -> AsyncIterator[str]:
    app = web.Application()
    for path, handle in routes.items():
        app.router.add_route("*", path, handle)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
    await site.start()
    try:
        yield f"{'https' if tls else 'http'}://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def measure(url: str, settings: Settings | None = None, deadline_s: float = 5.0) -> Sample:
    return await probe(Target("t", url), settings or Settings(), deadline_s)


def phases(sample: Sample) -> set[str]:
    return {dict(labels)["phase"] for metric, labels in sample.values if metric == PHASE}


def value(sample: Sample, metric: str) -> float:
    return sample.values[f"linkwatch_{metric}", ()]


def text(body: str, **more: object) -> Handle:
    async def handle(_request: web.Request) -> web.Response:
        return web.Response(text=body, **more)  # type: ignore[arg-type]

    return handle


def redirect_to(location: str, status: int = 302) -> Handle:
    async def handle(_request: web.Request) -> web.Response:
        return web.Response(status=status, headers={"Location": location})

    return handle


def raw(answer: bytes) -> Handler:
    """A peer that answers every request with these bytes."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        await writer.drain()
        await reader.read()

    return handle
