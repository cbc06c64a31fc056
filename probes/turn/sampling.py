"""Runs one allocation, gives it back, and makes a sample of it."""

from __future__ import annotations

import time

from probes.attempt import Attempt, run_attempt
from probes.dialect import conversation_with
from probes.failure import ProbeError
from probes.sample import Reason, Sample, Target
from probes.stun.message import Attribute, MalformedMessage, Message
from probes.stun.transaction import STUN, RefusedError, read_server
from probes.turn import metrics
from probes.turn.client import Client
from probes.turn.credentials import credentials_at
from probes.turn.settings import Settings


async def probe(target: Target, settings: Settings, deadline_s: float) -> Sample:
    """Allocate once and give it back; returns within `deadline_s`, raises nothing."""

    async def run(attempt: Attempt) -> None:
        try:
            await _allocate(target, settings, attempt)
        except RefusedError as error:
            attempt.measured(metrics.ERROR_CODE, error.code)
            raise
        except MalformedMessage as error:
            raise ProbeError(Reason.PROTOCOL, str(error)) from None

    return await run_attempt(run, deadline_s)


async def _allocate(target: Target, settings: Settings, attempt: Attempt) -> None:
    credentials = credentials_at(settings, time.time())
    async with conversation_with(target, settings, STUN, attempt) as conversation:
        client = Client(conversation, credentials)
        try:
            attempt.step, started_s = "allocate", time.monotonic()
            allocated = await client.allocate()
            attempt.measured(metrics.ALLOCATION, time.monotonic() - started_s)
            _read(allocated, attempt)
            attempt.step = "release"
            await client.release()
        finally:
            client.abandon()


def _read(allocated: Message, attempt: Attempt) -> None:
    read_server(allocated, attempt)
    relayed = allocated.address(Attribute.XOR_RELAYED_ADDRESS)
    if relayed is None:
        raise ProbeError(Reason.PROTOCOL, "an allocation without a relayed address")
    attempt.facts["relayed_address"] = str(relayed)
