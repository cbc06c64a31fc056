"""The STUN and TURN servers that the platform announces to its clients (XEP-0215), each asked in turn.

The asking itself is that of the stun and turn probes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from xml.etree.ElementTree import Element

from probes.attempt import Attempt
from probes.bytestream import quote
from probes.endpoint import bracketed
from probes.failure import ProbeError
from probes.jitsi.finding import Finding, Part, Reading, State
from probes.jitsi.settings import Settings
from probes.jitsi.stanza import SERVICES
from probes.jitsi.stream import StanzaError, StanzaStream, request
from probes.resolve import parse_address, resolve
from probes.sample import Reason, Sample, Target
from probes.stun import sampling as stun
from probes.stun.settings import Settings as StunSettings
from probes.turn import sampling as turn
from probes.turn.settings import LONGEST_USER_BYTES
from probes.turn.settings import Settings as TurnSettings

_TRANSPORTS = {
    ("stun", "udp"): "udp",
    ("stun", "tcp"): "tcp",
    ("stuns", "tcp"): "tls",
    ("turn", "udp"): "udp",
    ("turn", "tcp"): "tcp",
    ("turns", "tcp"): "tls",
}
_MOST_RELAYS = 16
_USUAL_PORTS = {"stun": 3478, "turn": 3478, "stuns": 5349, "turns": 5349}
_LONGEST_NAME = 255


@dataclass(frozen=True, slots=True)
class Relay:
    """One that is announced; `user` and `password` are good for a while, empty where none are given."""

    scheme: str
    transport: str
    host: str
    port: int
    user: str = ""
    password: str = field(default="", repr=False)

    def __str__(self) -> str:
        address = parse_address(self.host)
        host = bracketed(address) if address else self.host
        return f"{self.scheme}:{host}:{self.port}?transport={self.transport}"


async def ask_relays(stream: StanzaStream, domain: str, attempt: Attempt) -> tuple[Relay, ...]:
    """What `domain` announces, nothing where it announces nothing; raises ProbeError, OSError."""
    attempt.step = f"the relays of {domain}"
    try:
        answer = await request(stream, "get", domain, f"<services xmlns='{SERVICES}'/>")
    except StanzaError:
        return ()
    return tuple(read_relays(answer))


def read_relays(answer: Element) -> Iterable[Relay]:
    """The STUN and TURN servers in an answer, each once, as far as they make sense."""
    found = answer.iterfind(f"{{{SERVICES}}}services/{{{SERVICES}}}service")
    relays = (_relay(service) for service in found)
    return list(dict.fromkeys(relay for relay in relays if relay is not None))[:_MOST_RELAYS]


def _relay(service: Element) -> Relay | None:
    scheme, host = service.get("type", "").lower(), service.get("host", "").strip("[]")
    usual = "tcp" if scheme.endswith("s") else "udp"
    port = service.get("port", str(_USUAL_PORTS.get(scheme, 0)))
    if scheme not in _USUAL_PORTS or not (host.isprintable() and 0 < len(host) <= _LONGEST_NAME):
        return None
    if not (port.isascii() and port.isdigit() and 0 < int(port[:6]) <= 65535):
        return None
    transport = service.get("transport", usual).lower()
    user, password = service.get("username", ""), service.get("password", "")
    if len(user.encode()) > LONGEST_USER_BYTES:
        return None
    return Relay(scheme, quote(transport, 10), host, int(port), user, password)


async def read_turn(
    target: Target, settings: Settings, relays: tuple[Relay, ...], deadline_s: float
) -> Reading:
    """Ask every relay at once; returns within `deadline_s`, raises nothing."""
    looks = await asyncio.gather(*(_look_at(target, settings, relay, deadline_s) for relay in relays))
    facts = {}
    if relays:
        facts["relays"] = ", ".join(map(str, relays))
    if skipped := [text for text in looks if isinstance(text, str)]:
        facts["relays_not_asked"] = ", ".join(skipped)
    return Reading(tuple(each for each in looks if isinstance(each, Finding)), facts=facts)


async def _look_at(target: Target, settings: Settings, relay: Relay, deadline_s: float) -> Finding | str:
    """What was found, or why nobody asked."""
    transport = _TRANSPORTS.get((relay.scheme, relay.transport))
    if transport is None:
        return f"{relay} (a transport that is not spoken here)"
    if relay.scheme.startswith("turn") and not (relay.user and relay.password):
        # Their RTCPeerConnection throws an InvalidAccessError, and lib-jitsi-meet passes on all that it gets.
        # mod_turn_external of Prosody 0.12.3 announces `turns` like that.
        what = "announced without user and password: browsers refuse every list that has such a server"
        return _failed(relay, Reason.PROTOCOL, what)
    try:
        async with asyncio.timeout(deadline_s):
            await resolve(target, relay.host)
    except TimeoutError:
        return _failed(relay, Reason.TIMEOUT, f"no end of its resolution within {deadline_s:g} s")
    except ProbeError as error:
        if error.reason is Reason.PERMISSION:
            return f"{relay} ({error.detail})"
        return _failed(relay, error.reason, error.detail)
    sample = await _ask(target, settings, relay, transport, deadline_s)
    if sample.reason is not None:
        return _failed(relay, sample.reason, sample.detail)
    return Finding(Part.TURN, State.GOOD, None, str(relay))


async def _ask(target: Target, settings: Settings, relay: Relay, transport: str, deadline_s: float) -> Sample:
    there = Target(target.id, relay.host, target.allows)
    how: dict[str, Any] = {"transport": transport, "port": relay.port}
    how |= {"verify": settings.verify, "ca_file": settings.ca_file}
    if relay.scheme.startswith("stun"):
        return await stun.probe(there, StunSettings(**how), deadline_s)
    how |= {"user": relay.user, "password": relay.password}
    return await turn.probe(there, TurnSettings(**how), deadline_s)


def _failed(relay: Relay, reason: Reason, detail: str) -> Finding:
    return Finding(Part.TURN, State.FAILED, reason, f"{relay}: {detail}")
