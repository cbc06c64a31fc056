"""The web server: metrics, status API and pages over one read-only view of the running service."""

from __future__ import annotations

import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

from linkwatch.config.settings import ServerSettings
from linkwatch.web.auth import GATE, Gate, auth_middleware
from linkwatch.web.exposition import Exposition
from linkwatch.web.openapi import describe
from linkwatch.web.problem import problem_middleware
from linkwatch.web.routes import ROUTES, add_routes
from linkwatch.web.scrape import DESCRIPTION, EXPOSITION
from linkwatch.web.services import SERVICES, Services

BODY_SIZE_MAX = 64 * 1024
SHUTDOWN_S = 2.0


def build_app(services: Services, settings: ServerSettings) -> web.Application:
    """The application: errors outermost, then who may do what, then the routes."""
    app = web.Application(middlewares=[problem_middleware, auth_middleware], client_max_size=BODY_SIZE_MAX)
    app[SERVICES] = services
    app[EXPOSITION] = Exposition(services.board, services.catalog, services.process_metrics)
    app[DESCRIPTION] = describe(ROUTES)
    app[GATE] = Gate(settings, add_routes(app.router))
    return app


@asynccontextmanager
async def serving(
    services: Services, settings: ServerSettings, listener: socket.socket | None = None
) -> AsyncIterator[str]:
    """Listen while the block runs; gives the URL (the port is the one the system chose, if it was 0).

    `listener`: a socket that listens already, used instead of the address in `settings`. Raises OSError if
    the address cannot be listened on, ssl.SSLError for a certificate that is none.
    """
    runner = web.AppRunner(build_app(services, settings), access_log=None, shutdown_timeout=SHUTDOWN_S)
    await runner.setup()
    try:
        context = _tls_context(settings)
        await _site(runner, settings, context, listener).start()
        host, port = runner.addresses[0][:2]
        name = f"[{host}]" if ":" in host else host
        yield f"{'https' if context else 'http'}://{name}:{port}"
    finally:
        await runner.cleanup()


def _site(
    runner: web.AppRunner,
    settings: ServerSettings,
    context: ssl.SSLContext | None,
    listener: socket.socket | None,
) -> web.BaseSite:
    if listener is not None:
        return web.SockSite(runner, listener, ssl_context=context)
    return web.TCPSite(runner, settings.host, settings.port, ssl_context=context, reuse_address=True)


def _tls_context(settings: ServerSettings) -> ssl.SSLContext | None:
    if settings.tls is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(settings.tls.certificate, settings.tls.key)
    return context
