"""Connections of one run: to allowed addresses only, each phase timed, the certificate kept.

Every host, that of a redirect too, is resolved here and checked against the scope before a packet is
sent, and the connection goes to the very address that was checked.
"""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import aiohttp
from aiohttp.client_proto import ResponseHandler

from probes.connection import connect, connect_any
from probes.failure import ProbeError
from probes.http.certificate import earliest_expiry
from probes.http.settings import Settings
from probes.phases import Phases
from probes.resolve import resolve
from probes.sample import Reason, Target

if TYPE_CHECKING:
    from aiohttp.client_reqrep import ClientRequest


class CheckedConnector(aiohttp.BaseConnector):
    """Opens a fresh connection for every request."""

    def __init__(self, target: Target, settings: Settings, phases: Phases) -> None:
        super().__init__(force_close=True)
        self.facts: dict[str, str] = {}
        self.certificate_expiry: float | None = None
        self._target = target
        self._settings = settings
        self._phases = phases
        self._transports: list[asyncio.BaseTransport] = []

    def abort(self) -> None:
        """Drop every connection at once, without a farewell that a dead peer could draw out."""
        for transport in self._transports:
            if isinstance(transport, asyncio.WriteTransport):
                transport.abort()

    async def _create_connection(
        self, req: ClientRequest, traces: list[Any], timeout: aiohttp.ClientTimeout
    ) -> ResponseHandler:
        """The extension point of aiohttp's BaseConnector (its UnixConnector is built on it)."""
        host, port = (req.url.raw_host or "").rstrip("."), req.port or 80
        context = _context(self._settings) if req.is_ssl() else None
        self._phases.enter("resolve")
        addresses = await resolve(self._target, host)
        self._phases.enter("connect")
        connected, facts = await connect_any(addresses, port)
        self.facts.update(facts)
        protocol = _FirstByteHandler(asyncio.get_running_loop(), self._phases)
        if context is not None:
            self._phases.enter("tls")
            await self._shake_hands(protocol, connected, host, context)
        else:
            await self._wrap(protocol, connected)
        self._phases.enter("first_byte")
        return protocol

    async def _shake_hands(
        self, protocol: ResponseHandler, connected: socket.socket, host: str, context: ssl.SSLContext
    ) -> None:
        address = connected.getpeername()
        try:
            await self._wrap(protocol, connected, ssl=context, server_hostname=host)
        except ssl.SSLCertVerificationError as error:
            await self._inspect_refused(address, host)
            raise ProbeError(Reason.TLS, f"certificate of {host}: {error.verify_message}") from None
        except ssl.SSLError as error:
            what = (error.reason or "unknown error").replace("_", " ").lower()
            raise ProbeError(Reason.TLS, f"handshake with {host} failed: {what}") from None
        except OSError as error:
            what = error.strerror or "the connection was closed"
            raise ProbeError(Reason.TLS, f"handshake with {host} failed: {what}") from None

    async def _inspect_refused(self, address: tuple[Any, ...], host: str) -> None:
        """Shake hands once more without verifying, for the date of the certificate that was refused."""
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        try:
            connected = await connect(address[0], address[1])
            await self._wrap(asyncio.Protocol(), connected, ssl=context, server_hostname=host)
        except (OSError, ProbeError):
            return  # the refusal itself is what counts

    async def _wrap(
        self,
        protocol: asyncio.BaseProtocol,
        connected: socket.socket,
        **tls: Any,
    ) -> None:
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_connection(lambda: protocol, sock=connected, **tls)
        self._transports.append(transport)
        secured = transport.get_extra_info("ssl_object")
        if secured is not None:
            self.facts["tls_version"] = secured.version() or ""
            expiries = (self.certificate_expiry, earliest_expiry(secured))
            self.certificate_expiry = min((at for at in expiries if at is not None), default=None)


class _FirstByteHandler(ResponseHandler):
    """Notes when the first byte of the answer arrives, which is before its headers are complete."""

    def __init__(self, loop: asyncio.AbstractEventLoop, phases: Phases) -> None:
        super().__init__(loop)
        self._phases = phases

    def data_received(self, data: bytes) -> None:
        if self._phases.current == "first_byte":
            self._phases.enter("transfer")
        super().data_received(data)


def _context(settings: Settings) -> ssl.SSLContext:
    """A TLS context; making one reads all the system's CAs, so it is kept until the CA file changes."""
    if not settings.ca_file:
        return _make_context(settings.verify, "", 0)
    try:
        changed_at = os.stat(settings.ca_file).st_mtime_ns
        return _make_context(settings.verify, settings.ca_file, changed_at)
    except OSError as error:  # an ssl.SSLError is one, too
        what = error.strerror or "no certificates in it"
        raise ProbeError(Reason.ERROR, f"ca_file {settings.ca_file}: {what}") from None


@lru_cache(maxsize=64)
def _make_context(verify: bool, ca_file: str, _changed_at: int) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=ca_file or None)
    context.set_alpn_protocols(["http/1.1"])
    if not verify:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context
