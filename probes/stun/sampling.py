"""Runs one binding request and makes a sample of it; a session counts changes of the mapped address."""

from __future__ import annotations

from dataclasses import dataclass, replace

from probes.attempt import Attempt, run_attempt
from probes.dialect import conversation_with
from probes.failure import ProbeError
from probes.sample import Reason, Sample, Target
from probes.stun import metrics
from probes.stun.message import Kind, MalformedMessage, Method
from probes.stun.settings import Settings
from probes.stun.transaction import STUN, RefusedError, ask, read_server


def open_session(target: Target, settings: Settings) -> BindingSession:
    """A session that counts how often the mapped address changed."""
    return BindingSession(target, settings)


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
        values = {**sample.values, (metrics.CHANGES.name, ()): self._changes}
        return replace(sample, facts=facts, values=values)

    async def close(self) -> None:
        """There is nothing to let go of."""


async def _bind(target: Target, settings: Settings, attempt: Attempt) -> None:
    async with conversation_with(target, settings, STUN, attempt) as conversation:
        attempt.step = "binding"
        answer = await ask(conversation, Method.BINDING, {})
    attempt.measured(metrics.REPEATS, answer.repeats)
    if answer.rtt_s is not None:
        attempt.measured(metrics.RTT, answer.rtt_s)
    try:
        read_server(answer.content, attempt)
        if answer.content.kind == Kind.ERROR:
            refusal = RefusedError(Method.BINDING, answer.content, is_signed=False)
            attempt.measured(metrics.ERROR_CODE, refusal.code)
            raise refusal
    except MalformedMessage as error:
        raise ProbeError(Reason.PROTOCOL, str(error)) from None
    if "mapped_address" not in attempt.facts:
        raise ProbeError(Reason.PROTOCOL, "an answer without a mapped address")
