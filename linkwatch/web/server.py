"""The web server: metrics, status API and pages over one read-only view of the running service."""

from __future__ import annotations

import errno
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from aiohttp import web

from linkwatch.config.settings import ServerSettings
from linkwatch.web.auth import GATE, Gate, auth_middleware
from linkwatch.web.door import DOOR, Door, door_middleware
from linkwatch.web.exposition import Exposition
from linkwatch.web.openapi import describe
from linkwatch.web.peer import speaks_for_many
from linkwatch.web.problem import problem_middleware
from linkwatch.web.routes import ROUTES, add_routes
from linkwatch.web.scrape import DESCRIPTION, EXPOSITION
from linkwatch.web.services import SERVICES, Services

BODY_SIZE_MAX = 64 * 1024
SHUTDOWN_S = 2.0
KEEPALIVE_S = 75.0


def listen(settings: ServerSettings) -> socket.socket:
    """A socket bound to the address in `settings`, on which `serving` listens. Raises OSError, with a text
    for people, if this machine does not have that address or does not give it away."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        bound.bind((settings.host, settings.port))
    except OSError as error:
        bound.close()
        raise _not_bound(error, settings) from None
    return bound


def _not_bound(error: OSError, settings: ServerSettings) -> OSError:
    why = (error.strerror or type(error).__name__).lower()
    text = f"cannot listen on {settings.host} port {settings.port}: {why}"
    if error.errno == errno.EACCES:
        text += (
            "; start as root (the right is given up at once), let the service have CAP_NET_BIND_SERVICE, or "
            f"allow it to everyone: sudo sysctl -w net.ipv4.ip_unprivileged_port_start={settings.port}"
        )
    return OSError(error.errno, text)


def build_app(services: Services, settings: ServerSettings, door: Door) -> web.Application:
    """The application: errors outermost, then who may do what, then the routes."""
    app = web.Application(
        middlewares=[door_middleware, problem_middleware, auth_middleware], client_max_size=BODY_SIZE_MAX
    )
    app[DOOR] = door
    app[SERVICES] = services
    app[EXPOSITION] = Exposition(services.board, services.catalog, services.process_metrics)
    app[DESCRIPTION] = describe(ROUTES)
    app[GATE] = Gate(settings, add_routes(app.router))
    return app


@asynccontextmanager
async def serving(
    services: Services, settings: ServerSettings, listener: socket.socket, door: Door
) -> AsyncIterator[str]:
    """Answer on `listener` while the block runs, to whom the door lets in; gives the URL.

    Raises OSError if another program listens there, ssl.SSLError for a certificate that is none.
    """
    runner = web.AppRunner(
        build_app(services, settings, door),
        access_log=None,
        shutdown_timeout=SHUTDOWN_S,
        keepalive_timeout=KEEPALIVE_S,
    )
    await runner.setup()
    assert runner.server is not None, "the runner is set up"
    try:
        context = tls_context(settings)
        opened = await door.open(
            runner.server, listener, context, partial(speaks_for_many, settings=settings)
        )
        try:
            host, port = listener.getsockname()[:2]
            name = f"[{host}]" if ":" in host else host
            yield f"{'https' if context else 'http'}://{name}:{port}"
        finally:
            opened.close()
            listener.close()
    finally:
        await runner.cleanup()


def tls_context(settings: ServerSettings) -> ssl.SSLContext | None:
    """None where plain HTTP is spoken. Raises OSError if certificate and key do not serve."""
    if settings.tls is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    certificate, key = settings.tls.certificate, settings.tls.key
    try:
        context.load_cert_chain(certificate, key, password="")  # else OpenSSL would ask the terminal for it
    except ssl.SSLError as error:
        why = (error.reason or "not PEM").replace("_", " ").lower()
        raise OSError(
            f"server.tls: {certificate} and {key} are no certificate with its key, both as PEM and the key "
            f"without a password ({why})"
        ) from error
    return context
