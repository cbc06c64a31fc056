"""One question to one server: over what it needs to be answered, as resolvers go about it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from typing import NamedTuple

import dns.rcode

from probes.attempt import Attempt
from probes.conversation import Conversation
from probes.dialect import Dialect, conversation_with
from probes.dns import metrics
from probes.dns.expectation import expected_codes, question_of
from probes.dns.message import Answer, MalformedAnswerError, Question, read_answer
from probes.dns.settings import Settings
from probes.endpoint import Endpoint
from probes.failure import ProbeError
from probes.sample import Reason, Target

_NEVER_S = 86_400.0
_PREFIX_BYTES = 2
_KNOWS_NO_EDNS = (dns.rcode.FORMERR, dns.rcode.NOTIMP)  # RFC 6891, 7: then clients ask without it
_WITHOUT = "asked without extensions, since there was no answer with them"


def _length_of(received: bytes) -> int | None:
    """In a stream two bytes with its length stand before each message (RFC 1035, 4.2.2)."""
    if len(received) < _PREFIX_BYTES:
        return None
    return _PREFIX_BYTES + int.from_bytes(received[:_PREFIX_BYTES])


DNS = Dialect(port=53, tls_port=853, pauses_s=(_NEVER_S,), length_of=_length_of)


async def ask(server: Target, settings: Settings, attempt: Attempt) -> Answer:
    """The answer of `server`, after whatever it takes to get it; raises ProbeError, OSError."""
    answered = await _exchange(server, settings, attempt)
    if answered.extended and _knows_no_extensions(answered.answer, settings):
        answered = await _exchange(server, settings, attempt, extended=False)
    rtt_s = answered.rtt_s
    if answered.answer.is_truncated and settings.transport == "udp":
        attempt.facts["transport"] = "tcp, since the answer over UDP was cut"
        over_tcp = replace(settings, transport="tcp")
        answered = await _exchange(server, over_tcp, attempt, extended=answered.extended)
        rtt_s += answered.rtt_s
    attempt.measured(metrics.QUERY, rtt_s)
    return answered.answer


class _Answered(NamedTuple):
    """`rtt_s`: from the very query that was answered; `extended`: whether that one had extensions."""

    answer: Answer
    rtt_s: float
    extended: bool


@dataclass(frozen=True, slots=True)
class _Query:
    message: bytes
    extended: bool
    sent_s: float = field(default_factory=time.monotonic)


def _knows_no_extensions(answer: Answer, settings: Settings) -> bool:
    return answer.code in _KNOWS_NO_EDNS and answer.code not in expected_codes(settings)


async def _exchange(
    server: Target, settings: Settings, attempt: Attempt, *, extended: bool = True
) -> _Answered:
    """One question and its answer. Old servers and firewalls drop what has extensions without a word: over
    UDP half of the time is for a question without them."""
    question = question_of(settings)
    async with conversation_with(server, settings, DNS, attempt) as conversation:
        attempt.step = "query"
        exchange = _Exchange(question, conversation, prefixed=settings.transport != "udp")
        if not extended or exchange.prefixed:
            return await exchange.ask(extended=extended)
        with suppress(TimeoutError):
            async with asyncio.timeout_at(_half_way(attempt)):
                return await exchange.ask(extended=True)
        answered = await exchange.ask(extended=False)
        if not answered.extended:
            attempt.facts["extensions"] = _WITHOUT
        return answered


def _half_way(attempt: Attempt) -> float:
    now_s = asyncio.get_running_loop().time()
    return now_s + (attempt.ends_s - now_s) / 2


class _Exchange:
    """What was asked in one conversation: a late answer to a query before is an answer, too."""

    def __init__(self, question: Question, conversation: Conversation, *, prefixed: bool) -> None:
        self.prefixed = prefixed
        self._question, self._conversation = question, conversation
        self._queries: list[_Query] = []

    async def ask(self, *, extended: bool) -> _Answered:
        return (await self._conversation.ask(partial(self._make, extended), self._accept)).content

    def _make(self, extended: bool, _local: Endpoint) -> bytes:
        query = _Query(self._question.make_query(extended=extended), extended)
        self._queries.append(query)
        prefix = len(query.message).to_bytes(_PREFIX_BYTES) if self.prefixed else b""
        return prefix + query.message

    def _accept(self, message: bytes) -> _Answered:
        if self.prefixed:
            message = message[_PREFIX_BYTES:]
        query = _asked_by(message, self._queries)
        try:
            answer = read_answer(self._question, query.message, message)
        except MalformedAnswerError as error:  # whoever knows the question's id has had the turn
            raise ProbeError(Reason.PROTOCOL, str(error)) from None
        return _Answered(answer, time.monotonic() - query.sent_s, query.extended)


def _asked_by(message: bytes, queries: Sequence[_Query]) -> _Query:
    """The query with the id of `message`, else the last one."""
    return next((query for query in queries if query.message[:2] == message[:2]), queries[-1])
