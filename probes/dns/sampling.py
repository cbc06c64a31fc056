"""Asks every resolver at once, judges each answer, compares them, and makes one sample of it all."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace

import dns.rcode

from probes.attempt import Attempt, run_attempt
from probes.dns import metrics
from probes.dns.asking import ask
from probes.dns.expectation import check, shorten
from probes.dns.message import Answer
from probes.dns.settings import Settings, split_resolver
from probes.failure import ProbeError
from probes.resolve import split_host_port
from probes.sample import Labels, Metric, Reason, Sample, Target
from probes.transport import CERTIFICATE_METRICS


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What came of asking one server."""

    server: str
    sample: Sample
    answer: Answer | None


async def probe(target: Target, settings: Settings, deadline_s: float) -> Sample:
    """Ask once; returns within `deadline_s`, raises nothing. What was seen before a failure is kept."""
    at, started_s = time.time(), time.monotonic()
    if "://" in target.host:  # it may hold a password, and would be shown as the name of the server
        return Sample(at, 0.0, False, Reason.RESOLVE, "the address is a URL, not that of a resolver")
    asked = [(target, settings), *(_further(target, settings, server) for server in settings.resolvers)]
    outcomes = await asyncio.gather(*(_ask_server(*server, deadline_s) for server in asked))
    failure = _failure(outcomes) or _disagreement(outcomes)
    duration_s = time.monotonic() - started_s
    values = _of_certificate(outcomes[0].sample)
    for one in outcomes:
        values |= _values(one)
    facts = _facts(outcomes)
    if failure is None:
        return Sample(at, duration_s, True, values=values, facts=facts)
    return Sample(at, duration_s, False, failure.reason, failure.detail, values, facts)


def _further(target: Target, settings: Settings, resolver: str) -> tuple[Target, Settings]:
    """Where another resolver is asked: its own port goes before that of the settings, its name is its own."""
    server, name = split_resolver(resolver)
    _, port = split_host_port(server, settings.port)
    return replace(target, host=server), replace(settings, port=port, server_name=name)


async def _ask_server(server: Target, settings: Settings, deadline_s: float) -> _Outcome:
    answers: list[Answer] = []

    async def steps(attempt: Attempt) -> None:
        answers.append(await ask(server, settings, attempt))
        if failure := check(answers[-1], settings):
            raise failure

    sample = await run_attempt(steps, deadline_s)
    return _Outcome(server.host, sample, answers[-1] if answers else None)


def _failure(outcomes: list[_Outcome]) -> ProbeError | None:
    """The first failure by its reason; where several were asked, the detail names everyone who failed."""
    failed = [one for one in outcomes if one.sample.reason is not None]
    if not failed or failed[0].sample.reason is None:
        return None
    named = (f"{one.server}: {one.sample.detail}" for one in failed)
    detail = failed[0].sample.detail if len(outcomes) == 1 else "; ".join(named)
    return ProbeError(failed[0].sample.reason, detail)


def _disagreement(outcomes: list[_Outcome]) -> ProbeError | None:
    said: dict[str, list[str]] = {}
    for one in outcomes:
        if one.answer is not None:
            said.setdefault(_summary(one.answer), []).append(one.server)
    if len(said) < 2:
        return None
    sides = "; ".join(f"{', '.join(servers)} says {shorten(what)}" for what, servers in said.items())
    return ProbeError(Reason.PROTOCOL, f"the resolvers disagree: {sides}")


def _summary(answer: Answer) -> str:
    if answer.code != dns.rcode.NOERROR:
        return answer.code_text
    return ", ".join(answer.records) or "no records"


def _of_certificate(sample: Sample) -> dict[tuple[str, Labels], float]:
    """What TLS has shown of the target; of further resolvers it would be one series for all."""
    names = {metric.name for metric in CERTIFICATE_METRICS}
    return {series: value for series, value in sample.values.items() if series[0] in names}


def _values(one: _Outcome) -> dict[tuple[str, Labels], float]:
    found: dict[Metric, float] = {metrics.SUCCESS: float(one.sample.ok)}
    if one.answer is not None:
        found[metrics.QUERY] = one.sample.values[metrics.QUERY.name, ()]
        found[metrics.RESPONSE_CODE] = float(one.answer.code)
        found[metrics.ANSWERS] = float(len(one.answer.records))
        if one.answer.serial is not None:
            found[metrics.SERIAL] = float(one.answer.serial)
    return {(metric.name, (("server", one.server),)): value for metric, value in found.items()}


def _facts(outcomes: list[_Outcome]) -> dict[str, str]:
    """By name; where several were asked, the name begins with the server's."""
    facts: dict[str, str] = {}
    for one in outcomes:
        own = {**one.sample.facts, **(_facts_of(one.answer) if one.answer else {})}
        prefix = f"{one.server} " if len(outcomes) > 1 else ""
        facts |= {f"{prefix}{name}": text for name, text in own.items()}
    return facts


def _facts_of(answer: Answer) -> Mapping[str, str]:
    facts = {"rcode": answer.code_text, "answers": shorten(", ".join(answer.records))}
    flags = {"authoritative": answer.is_authoritative, "authenticated": answer.is_authenticated}
    facts["flags"] = ", ".join(name for name, is_set in flags.items() if is_set)
    facts["aliases"] = shorten(", ".join(answer.aliases))
    return {name: text for name, text in facts.items() if text}
