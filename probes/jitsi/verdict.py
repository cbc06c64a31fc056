"""One verdict of everything that was found: which parts fail, in the order in which one explains another."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from probes.jitsi import metrics
from probes.jitsi.finding import Finding, Part, State
from probes.sample import Labels, Reason

_OURS = frozenset({Reason.EXHAUSTED, Reason.PERMISSION, Reason.ERROR})
"""Failures of this machine or of what it was told: nothing was seen of the part."""


class Verdict(NamedTuple):
    """`reason` and `detail` are those of the first part that fails; `detail` then names the others."""

    reason: Reason | None
    detail: str
    values: dict[tuple[str, Labels], float]
    facts: dict[str, str]


def conclude(findings: Iterable[Finding]) -> Verdict:
    """The verdict. A part fails if any finding says so; one that is in maintenance does not, and of one
    that nobody sees nothing is said.
    """
    found = tuple(findings)
    by_part = {part: [each for each in found if each.part is part] for part in Part}
    failed = {part: _failures(by_part[part]) for part in Part if _failures(by_part[part])}
    reason = next((each[0].reason for each in failed.values()), None)
    facts = {str(part): _said(by_part[part]) for part in Part}
    if failed:
        facts["failing"] = ", ".join(failed)
    return Verdict(reason, "; ".join(_details(failed)), dict(_values(by_part)), facts)


def _failures(findings: Iterable[Finding]) -> list[Finding]:
    return [each for each in findings if each.state is State.FAILED]


def _details(failed: dict[Part, list[Finding]]) -> Iterator[str]:
    for part, findings in failed.items():
        yield f"{part}: {', '.join(each.detail for each in findings)}"


def _said(findings: list[Finding]) -> str:
    if not findings:
        return "not asked"
    return "; ".join(f"{each.state}: {each.detail}" for each in findings)


def _values(by_part: dict[Part, list[Finding]]) -> Iterator[tuple[tuple[str, Labels], float]]:
    for part, findings in by_part.items():
        seen = [each for each in findings if each.state is not State.UNSEEN and each.reason not in _OURS]
        if seen:
            is_up = not _failures(seen)
            yield (metrics.PART_UP.name, (("part", str(part)),)), float(is_up)
    states = {each.state for findings in by_part.values() for each in findings}
    bridges = {each.state for each in by_part[Part.BRIDGE]}
    if bridges - {State.UNSEEN} or State.MAINTENANCE in states:
        yield (metrics.IN_MAINTENANCE.name, ()), float(State.MAINTENANCE in states)
