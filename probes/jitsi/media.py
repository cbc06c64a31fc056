"""The UDP port of the media, as far as that can be told without a conference.

A videobridge answers only those whom Jicofo has told it of, so silence proves nothing, neither good nor bad.
What proves something is a refusal: the kernel of the other end says that nothing listens there.
"""

from __future__ import annotations

import asyncio
from contextlib import closing
from functools import partial

from probes.attempt import Attempt, run_attempt
from probes.conversation import Datagrams
from probes.endpoint import Endpoint
from probes.failure import ProbeError
from probes.jitsi.finding import Finding, Part, State
from probes.jitsi.settings import Settings
from probes.resolve import resolve
from probes.sample import IPAddress, Reason, Sample, Target
from probes.stun.message import TRANSACTION_BYTES, Kind, Method, encode

_PAUSES_S = (0.2, 0.4, 0.6)
_PATIENCE_S = 1.0
_MOST_ADDRESSES = 4
_TELLING = (Reason.REFUSED, Reason.UNREACHABLE)
_REQUEST = encode(Method.BINDING, Kind.REQUEST, bytes(TRANSACTION_BYTES), {})


async def look_at_media(
    target: Target, settings: Settings, page_host: str, deadline_s: float
) -> list[Finding]:
    """What can be told of the port on every host; returns within `deadline_s`, raises nothing."""
    if not settings.media_port:
        return []
    hosts = settings.media_hosts or (page_host,)
    found = await asyncio.gather(*(_look_at(target, settings, host, deadline_s) for host in hosts))
    return [finding for finding in found if finding is not None]


async def _look_at(target: Target, settings: Settings, host: str, deadline_s: float) -> Finding | None:
    addresses: list[IPAddress] = []

    async def look_up(_: Attempt) -> None:
        addresses.extend((await resolve(target, host))[:_MOST_ADDRESSES])

    sample = await run_attempt(look_up, deadline_s)
    if sample.reason is not None:
        # Of a name that the page has, too, the web has spoken; what is outside the scope is nobody's fault.
        if not settings.media_hosts or sample.reason is Reason.PERMISSION:
            return None
        return Finding(Part.MEDIA, State.FAILED, sample.reason, sample.detail)
    ends = [Endpoint(address, settings.media_port) for address in addresses]
    patience_s = min(_PATIENCE_S, deadline_s)
    heard = await asyncio.gather(*(run_attempt(partial(_knock, end), patience_s) for end in ends))
    return _judge(ends, heard)


def _judge(ends: list[Endpoint], heard: list[Sample]) -> Finding | None:
    """A bridge need not listen on every address of its host: only all of them together have failed."""
    if any(sample.ok for sample in heard):
        return Finding(Part.MEDIA, State.GOOD, None, f"udp {ends[0]} answers")
    if all(sample.reason in _TELLING for sample in heard):
        details = [f"udp {end}: {sample.detail}" for end, sample in zip(ends, heard, strict=True)]
        return Finding(Part.MEDIA, State.FAILED, heard[0].reason, ", ".join(details))
    return None


async def _knock(end: Endpoint, attempt: Attempt) -> None:
    attempt.step = "a datagram"
    with closing(Datagrams(end.address, end.port, attempt, _PAUSES_S)) as datagrams:
        try:
            await datagrams.ask(_REQUEST, lambda datagram: datagram)
        except ConnectionRefusedError:
            raise ProbeError(Reason.REFUSED, "nothing listens there (port unreachable)") from None
