"""Short ways to read the inside of a meeting server and to look at what came."""

from __future__ import annotations

from probes.jitsi.finding import Finding, Part, Reading, State
from probes.jitsi.inside import Inside
from probes.jitsi.inside.reading import read_inside
from probes.sample import Target

HERE = Target("meet", "127.0.0.1")


async def read(*ways: Inside, deadline_s: float = 5.0, wants_recording: bool = False) -> Reading:
    return await read_inside(HERE, ways, deadline_s, wants_recording=wants_recording)


def of(reading: Reading, part: Part) -> list[Finding]:
    return [finding for finding in reading.findings if finding.part is part]


def only(reading: Reading) -> Finding:
    [finding] = reading.findings
    return finding


def failed(reading: Reading) -> list[tuple[Part, str | None, str]]:
    """Part, reason and text of what has failed, the address left out."""
    return [(each.part, each.reason, each.detail) for each in reading.findings if each.state is State.FAILED]


def unseen(reading: Reading) -> list[tuple[Part, str | None, str]]:
    """Part, reason and text of what may be well behind a closed way."""
    return [(each.part, each.reason, each.detail) for each in reading.findings if each.state is State.UNSEEN]


def place(url: str) -> str:
    return url.removeprefix("http://").removeprefix("https://")


def value(reading: Reading, name: str, **labels: str) -> float | None:
    return reading.values.get((f"linkwatch_jitsi_{name}", tuple(sorted(labels.items()))))
