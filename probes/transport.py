"""UDP, TCP or TLS to a target, for the protocols that are spoken over all of them."""

from __future__ import annotations

from dataclasses import dataclass, field

from probes.attempt import Attempt
from probes.bytestream import PlainStream
from probes.connection import connect_any
from probes.conversation import Conversation, Datagrams, LengthOf, Stream
from probes.endpoint import Endpoint
from probes.requirements import require
from probes.resolve import resolve, split_host_port
from probes.sample import Target

TRANSPORTS = ("udp", "tcp")


@dataclass(frozen=True, slots=True)
class TransportSettings:
    """How to reach the server: the part of the settings that these protocols share."""

    transport: str = field(default="udp", metadata={"help": f"one of {', '.join(TRANSPORTS)}"})
    port: int = field(default=0, metadata={"help": "port, if the address has none; 0 = the protocol's own"})

    def __post_init__(self) -> None:
        require(self.transport in TRANSPORTS, "transport", f"one of {', '.join(TRANSPORTS)}")
        require(0 <= self.port <= 65535, "port", "1 to 65535, or 0 for the protocol's own")


@dataclass(frozen=True, slots=True)
class Dialect:
    """What differs from one of these protocols to another: ports, pauses before each repetition over UDP
    (the last one goes on), and where a message in a stream ends."""

    port: int
    tls_port: int
    pauses_s: tuple[float, ...]
    length_of: LengthOf


async def open_conversation(
    target: Target, settings: TransportSettings, dialect: Dialect, attempt: Attempt
) -> Conversation:
    """A way to the target, whose address must lie in the scope; raises ProbeError, OSError."""
    host, port = split_host_port(target.host, settings.port or dialect.port)
    attempt.step = "resolve"
    addresses = await resolve(target, host)
    attempt.step = "connect"
    if settings.transport == "udp":
        attempt.facts["address"] = str(addresses[0])
        return Datagrams(addresses[0], port, attempt, dialect.pauses_s)
    connected, facts = await connect_any(addresses, port)
    attempt.facts.update(facts)
    local = Endpoint.of(connected.getsockname())
    return Stream(await PlainStream.over(connected), local, dialect.length_of)
