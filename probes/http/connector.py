"""Connections of one run: to allowed addresses only, each phase timed, the certificate kept.

Every host, that of a redirect too, is resolved here and checked against the scope before a packet is
sent, and the connection goes to the very address that was checked.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from typing import TYPE_CHECKING, Any

import aiohttp
from aiohttp.client_proto import ResponseHandler
from yarl import URL

from probes.attempt import Attempt
from probes.connection import connect, connect_any
from probes.failure import ProbeError
from probes.http.access import FAMILIES, AccessSettings
from probes.http.certificate import earliest_expiry
from probes.http.context import tls_context, tls_words, unverified_context
from probes.http.proxy import open_tunnel
from probes.http.receiver import Receiver
from probes.phases import Phases
from probes.resolve import resolve, resolve_all
from probes.sample import IPAddress, Reason, Target

if TYPE_CHECKING:
    from aiohttp.client_reqrep import ClientRequest


class CheckedConnector(aiohttp.BaseConnector):
    """Opens a fresh connection for every request."""

    def __init__(self, target: Target, access: AccessSettings, phases: Phases, attempt: Attempt) -> None:
        super().__init__(force_close=True)
        self.facts: dict[str, str] = {}
        self.certificate_expiry: float | None = None
        self._target = target
        self._access = access
        self._proxy = URL(access.proxy) if access.proxy else None
        self._phases = phases
        self._attempt = attempt
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
        context = tls_context(self._access) if req.is_ssl() else None
        connected = await self._reach(req.url)
        protocol = Receiver(asyncio.get_running_loop(), self._phases)
        if context is not None:
            self._phases.enter("tls")
            await self._shake_hands(protocol, connected, req.url, context)
        else:
            await self._wrap(protocol, connected)
        self._phases.enter("first_byte")
        return protocol

    async def _reach(self, url: URL) -> socket.socket:
        """A connection to the server of `url`, or to the proxy that leads there."""
        self._phases.enter("resolve")
        if self._proxy is None:
            host, port = _host_port(url)
            addresses = _of_family(await resolve(self._target, host), self._access.family, host)
            self._phases.enter("connect")
            connected, facts = await connect_any(addresses, port)
            self.facts.update(facts)
            return connected
        # The proxy looks the name up again and chooses: every address that it may choose must be allowed.
        await resolve_all(self._target, _host_port(url)[0])
        return await self._reach_proxy(self._proxy, url)

    async def _reach_proxy(self, proxy: URL, url: URL) -> socket.socket:
        host, port = _host_port(proxy)
        try:
            addresses = await resolve(self._target, host)
        except ProbeError as error:
            raise ProbeError(error.reason, f"proxy {error.detail}") from None
        self._phases.enter("proxy")
        try:
            async with self._attempt.inspection():
                connected, facts = await connect_any(addresses, port)
        except ProbeError as error:
            raise ProbeError(_laid_to_proxy(error.reason), f"proxy {error.detail}") from None
        except TimeoutError:
            raise ProbeError(Reason.PROXY, f"proxy {host}: no answer") from None
        self.facts["proxy"] = facts["address"]
        return await self._tunnel(connected, url)

    async def _tunnel(self, connected: socket.socket, url: URL) -> socket.socket:
        if self._proxy is None or url.scheme != "https":
            return connected
        try:
            await open_tunnel(connected, self._proxy, *_host_port(url))
        except BaseException:
            connected.close()
            raise
        return connected

    async def _shake_hands(
        self, protocol: ResponseHandler, connected: socket.socket, url: URL, context: ssl.SSLContext
    ) -> None:
        address, (host, _) = connected.getpeername(), _host_port(url)
        try:
            await self._wrap(protocol, connected, ssl=context, server_hostname=host)
        except ssl.SSLCertVerificationError as error:
            await self._inspect_refused(address, url)
            raise ProbeError(Reason.TLS, f"certificate of {host}: {error.verify_message}") from None
        except ssl.SSLError as error:
            raise ProbeError(Reason.TLS, f"handshake with {host} failed: {tls_words(error)}") from None
        except OSError as error:
            what = error.strerror or "the connection was closed"
            raise ProbeError(Reason.TLS, f"handshake with {host} failed: {what}") from None

    async def _inspect_refused(self, address: tuple[Any, ...], url: URL) -> None:
        """Shake hands once more without verifying, for the date of the certificate that was refused."""
        context, (host, _) = unverified_context(self._access), _host_port(url)
        try:
            async with self._attempt.inspection():
                connected = await self._tunnel(await connect(address[0], address[1]), url)
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


def _laid_to_proxy(reason: Reason) -> Reason:
    """This machine's own troubles keep their names."""
    return reason if reason in (Reason.PERMISSION, Reason.EXHAUSTED, Reason.ERROR) else Reason.PROXY


def _host_port(url: URL) -> tuple[str, int]:
    return (url.raw_host or "").rstrip("."), url.port or 80


def _of_family(addresses: tuple[IPAddress, ...], family: str, host: str) -> tuple[IPAddress, ...]:
    wanted = FAMILIES[family]
    chosen = tuple(address for address in addresses if not wanted or address.version == wanted)
    if not chosen:
        raise ProbeError(Reason.RESOLVE, f"{host} has no IPv{wanted} address in the scope")
    return chosen
