"""All inner endpoints at once, and what their accounts amount to together."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable, Iterator

from probes.http.masking import masker, secrets_of
from probes.jitsi.finding import Finding, Part, Reading, State
from probes.jitsi.inside import bridge, focus, metrics, prosody
from probes.jitsi.inside.bridge import ask_bridge, judge_bridge
from probes.jitsi.inside.capacity import seats_free
from probes.jitsi.inside.figures import values_of
from probes.jitsi.inside.focus import ask_focus, judge_focus
from probes.jitsi.inside.prometheus import ask_prometheus, selected
from probes.jitsi.inside.prosody import ask_prosody, judge_prosody
from probes.jitsi.inside.settings import Inside
from probes.jitsi.inside.told import Told
from probes.sample import Labels, Reason, Target

Values = Iterator[tuple[tuple[str, Labels], float]]


async def read_inside(
    target: Target, ways: tuple[Inside, ...], deadline_s: float, *, wants_recording: bool = False
) -> Reading:
    """Ask every endpoint of `ways` at once; returns within `deadline_s`, raises nothing.

    A finding for each bridge, for Jicofo, for the bridges as Jicofo sees them, for Prosody, and for
    recording if wanted. What hangs or fails takes nothing from the others.
    """
    told = await ask_all(target, ways, deadline_s)
    bridges = [(each, judge_bridge(each)) for each in told if each.part is Part.BRIDGE and not each.silence]
    findings = [finding for _, finding in bridges]
    for each in told:
        if each.part is Part.FOCUS and not each.silence:
            findings += judge_focus(each, wants_recording)
            findings += _compare(each, [finding for _, finding in bridges])
        elif each.part is Part.SIGNALLING and not each.silence:
            findings.append(judge_prosody(each))
    values = dict(value for pair in bridges for value in _values_of_bridge(*pair))
    values.update(value for each in told for value in _values_of_other(each))
    values.update(_values_of_ways(told))
    silent_bridges = any(each.silence for each in told if each.part is Part.BRIDGE)
    if (seats := seats_free(bridges)) is not None and not silent_bridges:
        values[metrics.SEATS_FREE.name, ()] = seats
    return Reading(tuple(findings), values, dict(_facts(told)))


async def ask_all(target: Target, ways: tuple[Inside, ...], deadline_s: float) -> tuple[Told, ...]:
    """What every endpoint told, in the order of the settings."""
    found = await asyncio.gather(*(_ask(target, way, deadline_s) for way in ways))
    return tuple(each for told in found for each in told)


async def _ask(target: Target, way: Inside, deadline_s: float) -> list[Told]:
    found = await asyncio.gather(*_jobs(target, way, deadline_s))
    clean = masker(secrets_of(way))
    return [each.cleaned(clean) for told in found for each in told]


def _jobs(target: Target, way: Inside, deadline_s: float) -> Iterator[Awaitable[tuple[Told, ...]]]:
    for url in way.bridges:
        yield _one(ask_bridge(target, way, url, deadline_s))
    if way.jicofo:
        yield _one(ask_focus(target, way, deadline_s))
    if way.prosody:
        yield _one(ask_prosody(target, way, deadline_s))
    for wanted in selected(way):
        yield ask_prometheus(target, way, wanted, deadline_s)


async def _one(asking: Awaitable[Told]) -> tuple[Told, ...]:
    return (await asking,)


def _compare(jicofo: Told, bridges: list[Finding]) -> Iterator[Finding]:
    """A bridge may be well and yet dropped by Jicofo, never to be taken back (jicofo#1143)."""
    well = sum(finding.state is State.GOOD for finding in bridges)
    operational = jicofo.figures.get("operational")
    if operational and operational < well:
        what = f"uses only {operational:g} of {well} bridges that are well by their own account"
        yield jicofo.failed(Reason.PROTOCOL, what, Part.BRIDGE)


def _values_of_bridge(told: Told, finding: Finding) -> Values:
    labels = (("bridge", told.name),)
    is_leaving = finding.state is State.MAINTENANCE
    if told.figures:
        yield (metrics.BRIDGE_IN_MAINTENANCE.name, labels), float(is_leaving)
    if finding.state in (State.GOOD, State.FAILED):
        yield (metrics.BRIDGE_UP.name, labels), float(finding.state is State.GOOD)
    yield from values_of(bridge.FIGURES, told.figures, labels)


def _values_of_other(told: Told) -> Values:
    figures = {Part.FOCUS: focus.FIGURES, Part.SIGNALLING: prosody.FIGURES}.get(told.part, ())
    return values_of(figures, told.figures)


def _values_of_ways(told: Iterable[Told]) -> Values:
    """By way and part, since a Prometheus that fails cannot tell whom it would have told of."""
    for each in told:
        labels = (("part", str(each.part)), ("way", each.way))
        yield (metrics.WAY_OPEN.name, labels), float(each.closed is None and not each.silence)


def _facts(told: Iterable[Told]) -> Iterator[tuple[str, str]]:
    versions = [f"{each.title} {each.version}" for each in told if each.version]
    if versions:
        yield "versions", ", ".join(versions)
    silences = [f"{each.title}: {each.silence}" for each in told if each.silence]
    if silences:
        yield "not_told", ", ".join(silences)
