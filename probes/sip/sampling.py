"""Sends one OPTIONS and makes a sample of the final response."""

from __future__ import annotations

import secrets
from contextlib import suppress
from ipaddress import ip_address

from probes.attempt import Attempt, run_attempt
from probes.bytestream import quote
from probes.conversation import Accept
from probes.dialect import Dialect, conversation_with
from probes.endpoint import bracketed
from probes.failure import ProbeError
from probes.resolve import parse_address, split_host_port
from probes.sample import Reason, Sample, Target
from probes.sip import metrics
from probes.sip.message import MalformedMessage, Options, Response, decode, message_length
from probes.sip.settings import Settings

SIP = Dialect(5060, 5061, pauses_s=(0.5, 1.0, 2.0, 4.0), length_of=message_length)
"""Ports of RFC 3261, 19.1.2, and timer E of 17.1.2.2."""

_FIRST_FINAL = 200
_ASKS_CREDENTIALS = {401, 407}
_REFUSES = {*_ASKS_CREDENTIALS, 403}
_OUT_OF_SERVICE = 503
"""An invitation would be answered so, too (RFC 3261, 11): overloaded, or taken out of service."""


async def probe(target: Target, settings: Settings, deadline_s: float) -> Sample:
    """Ask once; returns within `deadline_s`, raises nothing."""
    return await run_attempt(lambda attempt: _ask(target, settings, attempt), deadline_s)


async def _ask(target: Target, settings: Settings, attempt: Attempt) -> None:
    request = Options(request_uri(target.host, settings), settings.transport, secrets.token_hex(16))
    async with conversation_with(target, settings, SIP, attempt) as conversation:
        attempt.step = "options"
        answer = await conversation.ask(request.encode, _acceptor(request))
    attempt.measured(metrics.REPEATS, answer.repeats)
    if answer.rtt_s is not None:
        attempt.measured(metrics.RTT, answer.rtt_s)
    _read(answer.content, attempt)
    _check(answer.content, settings)


def request_uri(host: str, settings: Settings) -> str:
    """Whom OPTIONS asks for. An unusual port is part of it: without it a server at such a port is asked
    for somebody else, and may pass the question on."""
    usual = SIP.usual_port(settings.transport)
    name, written = split_host_port(host, usual)
    address, port = parse_address(name), settings.port or written
    server = (bracketed(address) if address else name) + (f":{port}" if port != usual else "")
    domain = settings.domain or server
    return f"sip:{settings.user}@{domain}" if settings.user else f"sip:{domain}"


def _acceptor(request: Options) -> Accept[Response]:
    def accept(data: bytes) -> Response | None:
        response = decode(data)
        if response is not None and not response.answers(request):
            raise MalformedMessage("an answer to another request")
        return response if response is not None and response.status >= _FIRST_FINAL else None

    return accept


def _read(response: Response, attempt: Attempt) -> None:
    attempt.measured(metrics.STATUS_CODE, response.status)
    attempt.facts["answer"] = f"{response.status} {response.phrase}".strip()
    if response.status in _ASKS_CREDENTIALS:
        attempt.facts["login"] = "asked for"
    software = response.headers.get("server") or response.headers.get("user-agent")
    for name, text in (("software", software), ("allow", response.headers.get("allow"))):
        if text:
            attempt.facts[name] = quote(text)
    with suppress(ValueError):
        attempt.facts["mapped_address"] = str(ip_address(response.via_parameter("received")))


def _check(response: Response, settings: Settings) -> None:
    if response.status == _OUT_OF_SERVICE:
        shown = f"answer {response.status} {response.phrase}".rstrip()
        raise ProbeError(Reason.PROTOCOL, f"{shown}: the server says that it takes no calls now")
    if settings.success_only and not 200 <= response.status <= 299:
        reason = Reason.AUTH if response.status in _REFUSES else Reason.PROTOCOL
        raise ProbeError(reason, f"answer {response.status} {response.phrase}, expected 2xx")
