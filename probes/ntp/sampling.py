"""Asks a time server once and makes a sample of its reply; a session keeps quiet when told to."""

from __future__ import annotations

import secrets
import time
from contextlib import closing
from dataclasses import dataclass

from probes.attempt import Attempt, run_attempt
from probes.candidates import datagrams_to
from probes.endpoint import Endpoint
from probes.failure import ProbeError
from probes.ntp import metrics
from probes.ntp.packet import NONCE_BYTES, Measurement, Reply, make_request, measure, read_reply
from probes.ntp.settings import Settings
from probes.resolve import resolve, split_host_port
from probes.sample import Reason, Sample, Target

REST_S = {"DENY": 3600.0, "RSTR": 3600.0, "RATE": 300.0}
"""For so long a server is not asked again after its kiss-o'-death: RFC 5905, 7.4, has a client stop sending
to one that denies access, and send less to one that calls for a lower rate."""

_NEVER_S = 86_400.0
_CLOCK_STEP_S = 1e-3  # a clock that is read in steps may make a delay look negative by one of them


class KissError(ProbeError):
    """A kiss-o'-death with its code."""

    def __init__(self, code: str) -> None:
        denied = code in ("DENY", "RSTR")
        super().__init__(Reason.AUTH if denied else Reason.PROTOCOL, f"kiss-o'-death: {code}")
        self.code = code


async def probe(target: Target, settings: Settings, deadline_s: float) -> Sample:
    """Ask once; returns within `deadline_s`, raises nothing."""
    return await TimeSession(target, settings).probe(deadline_s)


@dataclass(slots=True)
class TimeSession:
    """Remembers until when the server wants to be left alone."""

    target: Target
    settings: Settings
    _kiss: KissError | None = None
    _rests_until_s: float = 0.0

    async def probe(self, deadline_s: float) -> Sample:
        """Ask once, unless the server has forbidden it; returns within `deadline_s`, raises nothing."""
        rest_s = self._rests_until_s - time.monotonic()
        if self._kiss is not None and rest_s > 0:
            detail = f"{self._kiss.detail}; not asked again for {rest_s:.0f} s"
            return Sample(time.time(), 0.0, False, self._kiss.reason, detail, is_repeatable=False)
        self._kiss = None
        return await run_attempt(self._steps, deadline_s)

    async def close(self) -> None:
        """There is nothing to let go of."""

    async def _steps(self, attempt: Attempt) -> None:
        try:
            await _ask(self.target, self.settings, attempt)
        except KissError as kiss:
            self._kiss, self._rests_until_s = kiss, time.monotonic() + REST_S.get(kiss.code, 0.0)
            attempt.is_repeatable = False  # whoever sends one wants no more questions now
            raise


async def _ask(target: Target, settings: Settings, attempt: Attempt) -> None:
    host, port = split_host_port(target.host, settings.port)
    attempt.step = "resolve"
    addresses = await resolve(target, host)
    attempt.step = "reply"
    sent_ns: dict[bytes, int] = {}  # by our clock, since 1970: one request for each address, by its nonce

    def make(_local: Endpoint) -> bytes:
        nonce = secrets.token_bytes(NONCE_BYTES)
        sent_ns[nonce] = time.time_ns()
        return make_request(nonce)

    # Asked once: the next run asks again.
    with closing(datagrams_to(addresses, port, attempt, (_NEVER_S,))) as peer:
        answer = await peer.ask(make, lambda packet: read_reply(packet, sent_ns))
    reply = answer.content
    assert answer.rtt_s is not None  # nothing is sent twice
    _describe(reply, attempt)
    _note(measure(sent_ns[reply.nonce], answer.rtt_s, reply), reply, settings, attempt)


def _describe(reply: Reply, attempt: Attempt) -> None:
    attempt.measured(metrics.STRATUM, reply.stratum)
    attempt.measured(metrics.LEAP, reply.leap)
    if reply.kiss_code:
        raise KissError(reply.kiss_code)
    if not reply.is_synchronised:
        what = f"leap indicator {reply.leap}, stratum {reply.stratum}"
        raise ProbeError(Reason.PROTOCOL, f"the server is not synchronised ({what})")
    attempt.facts |= {"reference": reply.reference, "version": str(reply.version)}


def _note(found: Measurement, reply: Reply, settings: Settings, attempt: Attempt) -> None:
    if not (reply.received and reply.sent) or found.processing_s < 0 or found.delay_s < -_CLOCK_STEP_S:
        raise ProbeError(Reason.PROTOCOL, "the times in the reply cannot be true")
    delay_s = max(found.delay_s, 0.0)
    distance_s = reply.root_delay_s / 2 + reply.root_dispersion_s + delay_s / 2
    attempt.measured(metrics.DELAY, delay_s)
    attempt.measured(metrics.ROOT_DISTANCE, distance_s)
    if distance_s > settings.max_root_distance_s:
        allowed = f"allowed: {settings.max_root_distance_s:g} s"
        raise ProbeError(Reason.PROTOCOL, f"the server's time may be wrong by {distance_s:.3f} s ({allowed})")
    attempt.measured(metrics.OFFSET, found.offset_s)
