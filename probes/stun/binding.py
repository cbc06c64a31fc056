"""Runs one binding request and makes a sample of it; a session counts changes of the mapped address."""

from __future__ import annotations

from dataclasses import dataclass, replace

from probes.attempt import Attempt, run_attempt
from probes.failure import ProbeError
from probes.sample import Metric, Reason, Sample, Target
from probes.stun.message import Kind, MalformedMessage, Method
from probes.stun.settings import Settings
from probes.stun.transaction import STUN, RefusedError, ask, read_server
from probes.transport import CERTIFICATE_METRICS, conversation_with

_OF = ("probe",)

RTT = Metric(
    "linkwatch_stun_rtt_seconds",
    "Round-trip time of the binding request; absent if it had to be repeated.",
    labels=_OF,
    unit="seconds",
)
REPEATS = Metric(
    "linkwatch_stun_repeats", "How often the last binding request had to be repeated.", labels=_OF
)
ERROR_CODE = Metric(
    "linkwatch_stun_error_code", "Code of the error that the server answered, if it did.", labels=_OF
)
CHANGES = Metric(
    "linkwatch_stun_mapped_address_changes_total",
    "How often the address that the server sees was another one than before.",
    "counter",
    _OF,
)
METRICS = (RTT, REPEATS, ERROR_CODE, CHANGES, *CERTIFICATE_METRICS)


async def probe(target: Target, settings: Settings, deadline_s: float) -> Sample:
    """Ask once; returns within `deadline_s`, raises nothing."""
    return await run_attempt(lambda attempt: _bind(target, settings, attempt), deadline_s)


@dataclass(slots=True)
class BindingSession:
    """Remembers the mapped address from one sample to the next."""

    target: Target
    settings: Settings
    _before: str = ""
    _changes: int = 0

    async def probe(self, deadline_s: float) -> Sample:
        """Ask once; a sample whose mapped address is another than before has the fact
        `mapped_address_before`. Returns within `deadline_s`, raises nothing."""
        sample = await probe(self.target, self.settings, deadline_s)
        facts, mapped = dict(sample.facts), sample.facts.get("mapped_address", "")
        if mapped and self._before not in ("", mapped):
            self._changes += 1
            facts["mapped_address_before"] = self._before
        self._before = mapped or self._before
        return replace(sample, facts=facts, values={**sample.values, (CHANGES.name, ()): self._changes})

    async def close(self) -> None:
        """There is nothing to let go of."""


async def _bind(target: Target, settings: Settings, attempt: Attempt) -> None:
    async with conversation_with(target, settings, STUN, attempt) as conversation:
        attempt.step = "binding"
        answer = await ask(conversation, Method.BINDING, {})
    attempt.measured(REPEATS, answer.repeats)
    if answer.rtt_s is not None:
        attempt.measured(RTT, answer.rtt_s)
    try:
        read_server(answer.content, attempt)
        if answer.content.kind == Kind.ERROR:
            refusal = RefusedError(Method.BINDING, answer.content, is_signed=False)
            attempt.measured(ERROR_CODE, refusal.code)
            raise refusal
    except MalformedMessage as error:
        raise ProbeError(Reason.PROTOCOL, str(error)) from None
    if "mapped_address" not in attempt.facts:
        raise ProbeError(Reason.PROTOCOL, "an answer without a mapped address")
