"""Conversations over UDP, TCP or TLS with a target, for the protocols that are spoken over all of them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass

from probes.attempt import Attempt
from probes.bytestream import ByteStream, PlainStream
from probes.candidates import datagrams_to
from probes.conversation import Conversation, LengthOf, Stream
from probes.failure import ProbeError
from probes.resolve import resolve, split_host_port
from probes.sample import Reason, Target
from probes.tls.opening import Opening, opening_for
from probes.tls.sampling import report_certificates
from probes.tls.trust import strict_context
from probes.transport import TransportSettings

_OLDEST_TLS = "1.2"


@dataclass(frozen=True, slots=True)
class Dialect:
    """What differs from one of these protocols to another: ports, pauses before each repetition over UDP
    (the last one goes on), and where a message in a stream ends."""

    port: int
    tls_port: int
    pauses_s: tuple[float, ...]
    length_of: LengthOf

    def usual_port(self, transport: str) -> int:
        """Where such servers listen unless something else is said."""
        return self.tls_port if transport == "tls" else self.port


@asynccontextmanager
async def conversation_with(
    target: Target, settings: TransportSettings, dialect: Dialect, attempt: Attempt
) -> AsyncIterator[Conversation]:
    """A way to the target, whose address must lie in the scope; raises ProbeError, OSError."""
    is_tls = settings.transport == "tls"
    _, written = split_host_port(target.host, dialect.usual_port(settings.transport))
    port = settings.port or written  # that of a URL is the web's alone
    opening = opening_for(target, attempt, port=port, server_name=settings.server_name)
    if settings.transport == "udp":
        opening.enter("resolve")
        addresses = await resolve(target, opening.host)
        with closing(datagrams_to(addresses, opening.port, attempt, dialect.pauses_s)) as datagrams:
            yield datagrams
        return
    async with opening.plain() as plain:
        stream = await _secure(opening, plain, settings) if is_tls else plain
        yield Stream(stream, plain.local, dialect.length_of)


async def _secure(opening: Opening, plain: PlainStream, settings: TransportSettings) -> ByteStream:
    secured = await opening.secure(plain, strict_context(settings.ca_file, _OLDEST_TLS))
    flaws = report_certificates(secured, opening.name, opening.attempt)
    if flaws and settings.verify:
        raise ProbeError(Reason.TLS, f"certificate of {opening.name}: {flaws}")
    return secured
