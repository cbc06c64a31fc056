"""How many may come in at once, and how long one may keep others waiting.

Files are few and shared with what matters more, the probes and the pages: beyond its bound a connection is
closed at once and counted, one that never asks for anything is closed after a while, and one that does not
read its answer is given up by the kernel. No address takes so many that nobody else comes in.
"""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from collections.abc import Callable
from functools import partial, wraps
from http import HTTPStatus
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler

from linkwatch.web.problem import Problem

REQUEST_S = 10.0
"""How long a new connection may take to shake hands, and then to ask its first question."""

UNREAD_MS = 30_000
"""How long a client may leave what we sent unread or unacknowledged (TCP_USER_TIMEOUT)."""

ACCEPTED_A_TURN, WAITING = 8, 128
"""asyncio accepts its whole backlog before it asks whom to admit: a flood would take every file there is for
a moment. What is not accepted yet waits in the kernel."""


SHARE_LEAST = 32
"""How many connections one address may always have: some browsers, or a few behind one translated address."""


class Door:
    """Bounds the connections of a server. `refused`: how many were one too many."""

    def __init__(self, connections: int = 256, share: int | None = None) -> None:
        """`share`: how many of them one address may have (a quarter, if not said)."""
        self.refused = 0
        self._bound = connections
        self._share = max(connections // 4, SHARE_LEAST) if share is None else share
        self._inside: dict[socket.socket, str] = {}
        self._silent: set[asyncio.BaseProtocol] = set()

    async def open(
        self,
        server: web.Server,
        listener: socket.socket,
        context: ssl.SSLContext | None,
        speaks_for_many: Callable[[str], bool] = lambda _address: False,
    ) -> asyncio.Server:
        """Let connections in, from now on. An address that `speaks_for_many` may have all of them."""
        entrance = _Entrance(listener, partial(self._admits, speaks_for_many))
        entrance.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNREAD_MS)
        opened = await asyncio.get_running_loop().create_server(
            partial(self._receive, server),
            sock=entrance,
            ssl=context,
            backlog=ACCEPTED_A_TURN,
            ssl_handshake_timeout=REQUEST_S if context else None,
        )
        entrance.listen(WAITING)
        return opened

    def greet(self, visitor: asyncio.BaseProtocol) -> None:
        """Note that a connection has asked for something."""
        self._silent.discard(visitor)

    def _admits(
        self, speaks_for_many: Callable[[str], bool], connection: socket.socket, address: str
    ) -> bool:
        """asyncio closes the socket of whoever leaves, also of one that never ended its TLS handshake."""
        self._inside = {other: of for other, of in self._inside.items() if other.fileno() >= 0}
        has = sum(of == address for of in self._inside.values())
        if len(self._inside) >= self._bound or (has >= self._share and not speaks_for_many(address)):
            self.refused += 1
            return False
        self._inside[connection] = address
        return True

    def _receive(self, server: web.Server) -> asyncio.BaseProtocol:
        visitor = server()
        self._silent.add(visitor)
        asyncio.get_running_loop().call_later(REQUEST_S, self._show_out, visitor)
        return visitor

    def _show_out(self, visitor: web.RequestHandler) -> None:
        if visitor in self._silent:
            self._silent.discard(visitor)
            visitor.force_close()


class _Entrance(socket.socket):
    """The listening socket; whom the door does not admit is closed before anything is spent on it.

    Only here is every connection seen: one that is amid its TLS handshake is no connection of the server yet.
    """

    def __init__(self, listener: socket.socket, admits: Callable[[socket.socket, str], bool]) -> None:
        super().__init__(listener.family, listener.type, listener.proto, os.dup(listener.fileno()))
        self._admits = admits

    def accept(self) -> tuple[socket.socket, Any]:
        """Raises ConnectionAbortedError, which asyncio takes for a client that has left again."""
        connection, address = super().accept()
        if self._admits(connection, address[0]):
            return connection, address
        connection.close()
        raise ConnectionAbortedError


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
