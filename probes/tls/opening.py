"""From a target to a stream: resolve, connect, STARTTLS and TLS, each step timed; for tcp and tls alike."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from OpenSSL import SSL

from probes.attempt import Attempt
from probes.bytestream import PlainStream
from probes.connection import connect_any
from probes.failure import ProbeError
from probes.phases import Phases
from probes.resolve import port_of_url, resolve, split_host_port
from probes.sample import Metric, Reason, Target
from probes.starttls import UPGRADES
from probes.tls.handshake import SecureStream


@dataclass(slots=True)
class Opening:
    """Where to, and how far it has come. `name`: what the server is called in TLS and STARTTLS."""

    target: Target
    attempt: Attempt
    host: str
    port: int
    name: str
    starttls: str
    phases: Phases = field(default_factory=Phases)

    async def connect(self) -> socket.socket:
        """A connected socket, nothing said yet; raises ProbeError."""
        self.enter("resolve")
        addresses = await resolve(self.target, self.host)
        self.enter("connect")
        connected, facts = await connect_any(addresses, self.port)
        self.attempt.facts.update(facts)
        self.enter("")
        return connected

    @asynccontextmanager
    async def plain(self) -> AsyncIterator[PlainStream]:
        """A connection in plain text, STARTTLS (if any) already granted; raises ProbeError, OSError."""
        stream = await PlainStream.over(await self.connect())
        try:
            if self.starttls:
                self.enter("starttls")
                await UPGRADES[self.starttls].ask(stream, self.name)
            self.enter("")
            yield stream
        finally:
            stream.close()

    async def secure(self, stream: PlainStream, context: SSL.Context) -> SecureStream:
        """Shake hands; raises HandshakeError."""
        self.enter("tls")
        secured = SecureStream(stream, context, self.name)
        await secured.shake_hands()
        self.enter("")
        return secured

    def enter(self, step: str) -> None:
        """Begin a step, which ends the one before; "" begins none."""
        self.attempt.step = step or self.attempt.step
        self.phases.enter(step)

    def report_phases(self, metric: Metric) -> None:
        """How long each finished step took."""
        for phase, seconds in self.phases.finished_s.items():
            self.attempt.values[metric.name, (("phase", phase),)] = seconds


def opening_for(
    target: Target,
    attempt: Attempt,
    *,
    port: int,
    default_port: int = 0,
    starttls: str = "",
    server_name: str = "",
) -> Opening:
    """Where the settings point to: their port, else that of the address, else that of the protocol.

    Raises ProbeError.
    """
    usual = UPGRADES[starttls].port if starttls else port_of_url(target.host) or default_port
    host, written = split_host_port(target.host, usual)
    if not (port or written):
        raise ProbeError(Reason.RESOLVE, "no port, neither in the settings nor behind the address")
    return Opening(target, attempt, host, port or written, server_name or host, starttls)
