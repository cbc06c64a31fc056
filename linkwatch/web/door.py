"""How many may come in at once, and how long one may keep others waiting.

Files are few and shared with what matters more, the probes and the pages: beyond its bound a connection is
closed at once and counted, one that never asks for anything is closed after a while, and one that does not
read its answer is given up by the kernel.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from functools import partial, wraps
from http import HTTPStatus

from aiohttp import web
from aiohttp.typedefs import Handler

from linkwatch.web.problem import Problem

REQUEST_S = 10.0
"""How long a new connection may take to ask its first question."""

UNREAD_MS = 30_000
"""How long a client may leave what we sent unread or unacknowledged (TCP_USER_TIMEOUT)."""

ACCEPTED_A_TURN, WAITING = 8, 128
"""asyncio accepts its whole backlog before it asks whom to admit: a flood would take every file there is for
a moment. What is not accepted yet waits in the kernel."""


class Door:
    """Bounds the connections of a server. `refused`: how many were one too many."""

    def __init__(self, connections: int = 256) -> None:
        self.refused = 0
        self._bound = connections
        self._silent: set[asyncio.BaseProtocol] = set()

    async def open(
        self, server: web.Server, listener: socket.socket, context: ssl.SSLContext | None
    ) -> asyncio.Server:
        """Let connections in, from now on."""
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNREAD_MS)
        admit, loop = partial(self._admit, server), asyncio.get_running_loop()
        opened = await loop.create_server(admit, sock=listener, ssl=context, backlog=ACCEPTED_A_TURN)
        listener.listen(WAITING)
        return opened

    def greet(self, visitor: asyncio.BaseProtocol) -> None:
        """Note that a connection has asked for something."""
        self._silent.discard(visitor)

    def _admit(self, server: web.Server) -> asyncio.BaseProtocol:
        if len(server.connections) >= self._bound:
            self.refused += 1
            return _Refusal()
        visitor = server()
        self._silent.add(visitor)
        asyncio.get_running_loop().call_later(REQUEST_S, self._show_out, visitor)
        return visitor

    def _show_out(self, visitor: web.RequestHandler) -> None:
        if visitor in self._silent:
            self._silent.discard(visitor)
            visitor.force_close()


class _Refusal(asyncio.Protocol):
    """Closes the connection that it is given."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport.abort()  # type: ignore[attr-defined]


def bounded(handler: Handler, *, at_once: int, deadline_s: float) -> Handler:
    """The handler, for so many requests at once; one that has not read it all in time is cut off."""
    running = 0

    @wraps(handler)
    async def handle(request: web.Request) -> web.StreamResponse:
        nonlocal running
        if running >= at_once:
            detail = "Too many ask for this at once; try again soon."
            raise Problem(HTTPStatus.TOO_MANY_REQUESTS, detail, {"Retry-After": "5"})
        running += 1
        try:
            async with asyncio.timeout(deadline_s):
                return await handler(request)
        except TimeoutError:
            if request.transport is not None:
                request.transport.abort()
            raise ConnectionResetError("the client is too slow") from None
        finally:
            running -= 1

    return handle


DOOR = web.AppKey("door", Door)


@web.middleware
async def door_middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Tells the door who has asked for something."""
    request.app[DOOR].greet(request.protocol)
    return await handler(request)
