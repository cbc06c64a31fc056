"""Looks at a platform from outside and from inside at once, and makes one sample of it."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import partial

from probes.attempt import Attempt, run_attempt
from probes.failure import ProbeError
from probes.http.masking import mask, secrets_of
from probes.jitsi import metrics
from probes.jitsi.finding import Part
from probes.jitsi.inside.reading import read_inside
from probes.jitsi.media import look_at_media
from probes.jitsi.settings import Settings
from probes.jitsi.verdict import conclude
from probes.jitsi.visit import Visit
from probes.jitsi.web import home_url
from probes.sample import Labels, Reason, Sample, Target

_RESERVE = 0.1
"""The share of the deadline that is kept for taking leave and for the verdict."""


async def probe(target: Target, settings: Settings, deadline_s: float) -> Sample:
    """Look once; returns within `deadline_s`, raises nothing.

    The detail begins with the part that fails first; the fact `failing` names all that do, and every part has
    a fact of its own.
    """
    sample = await run_attempt(partial(_look, target, settings, deadline_s * (1 - _RESERVE)), deadline_s)
    return mask(sample, secrets_of(settings))


def open_session(target: Target, settings: Settings) -> PlatformSession:
    """A session for one platform; it lives as long as its target is watched."""
    return PlatformSession(target, settings)


@dataclass(slots=True)
class PlatformSession:
    """Counts the failures of each part: where one has long been broken, another may only have blinked."""

    target: Target
    settings: Settings
    _failures: Counter[Part] = field(default_factory=Counter)

    async def probe(self, deadline_s: float) -> Sample:
        """Look once; returns within `deadline_s`, raises nothing."""
        sample = await probe(self.target, self.settings, deadline_s)
        return replace(sample, values={**sample.values, **dict(self._count(sample))})

    async def close(self) -> None:
        """There is nothing to let go of."""

    def _count(self, sample: Sample) -> Iterator[tuple[tuple[str, Labels], float]]:
        for part in Part:
            labels = (("part", str(part)),)
            is_up = sample.values.get((metrics.PART_UP.name, labels))
            if is_up is not None:
                self._failures[part] = 0 if is_up else self._failures[part] + 1
                yield (metrics.PART_FAILURES.name, labels), float(self._failures[part])


async def _look(target: Target, settings: Settings, within_s: float, attempt: Attempt) -> None:
    attempt.step = "the visit"
    host = home_url(target, settings).host or target.host
    visit = Visit(target, settings, asyncio.get_running_loop().time() + within_s)
    outside, media, inside = await asyncio.gather(
        visit.run(),
        look_at_media(target, settings, host, within_s),
        read_inside(target, settings.inside, within_s, wants_recording=settings.recording),
    )
    findings = (*outside.findings, *media, *inside.findings)
    verdict = conclude(findings)
    # Also where another part fails first, and is the reason: accounts are locked after a few refusals.
    attempt.is_repeatable = all(finding.reason is not Reason.AUTH for finding in findings)
    attempt.values |= {**outside.values, **inside.values, **verdict.values}
    attempt.facts |= {**outside.facts, **inside.facts, **verdict.facts}
    if settings.seats:
        attempt.measured(metrics.SEATS_WANTED, settings.seats)
    if verdict.reason is not None:
        raise ProbeError(verdict.reason, verdict.detail)
