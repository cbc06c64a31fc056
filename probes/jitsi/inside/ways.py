"""Whether each way in is open, whatever state the endpoint behind it is in: what the doctor looks at."""

from __future__ import annotations

from dataclasses import dataclass

from probes.failure import ProbeError
from probes.jitsi.finding import Part
from probes.jitsi.inside.reading import ask_all
from probes.jitsi.inside.settings import Inside
from probes.sample import Target


@dataclass(frozen=True, slots=True)
class Way:
    """One endpoint, and what it let us see.

    `title`: such as `bridge 10.1.0.5:8080`; `pages`: the paths that answered; `failure`: why it did not
    tell, in words without secrets; `silence`: why Prometheus tells nothing of it.
    """

    part: Part
    title: str
    pages: tuple[str, ...]
    failure: ProbeError | None
    silence: str


async def ask_ways(target: Target, ways: tuple[Inside, ...], deadline_s: float) -> tuple[Way, ...]:
    """Ask every endpoint once; returns within `deadline_s`, raises nothing."""
    told = await ask_all(target, ways, deadline_s)
    return tuple(Way(each.part, each.title, tuple(each.pages), each.failure, each.silence) for each in told)
