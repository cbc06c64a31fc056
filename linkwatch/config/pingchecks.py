"""What must hold among the icmp probes of one target."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from linkwatch.config.addresses import parse_address
from linkwatch.config.problems import Step
from linkwatch.core.inventory import IPAddress, ProbeSpec

ICMP = "icmp"

Fault = tuple[tuple[Step, ...], str]
"""Where, below the target, and what is wrong."""


def ping_faults(specs: Sequence[ProbeSpec | None], address: str) -> Iterator[Fault]:
    """What is wrong with them; `specs` by their place in the file."""
    pings = [(i, spec) for i, spec in enumerate(specs) if spec is not None and spec.type == ICMP]
    for place, (i, spec) in enumerate(pings):
        if place == 0 and spec.settings.sizes:
            yield (
                ("probes", i, "sizes"),
                "is for further icmp probes: the first one says whether the target is up; give it one size",
            )
        if place > 0 and spec.name == ICMP != pings[0][1].name:
            yield ("probes", i), "needs a name: the first icmp probe is the one called 'icmp' in the metrics"
        version = spec.settings.version
        literal = _literal(address) if version else None
        if literal is not None and literal.version != version:
            text = f"is IPv{literal.version}, but the probe {spec.name!r} takes IPv{version} alone"
            yield ("address",), text


def names_of(spec: ProbeSpec) -> tuple[str, ...]:
    """What a probe is called in the metrics."""
    names: tuple[str, ...] = spec.settings.names(spec.name) if spec.type == ICMP else (spec.name,)
    return names


def _literal(address: str) -> IPAddress | None:
    try:
        return parse_address(address).ip
    except ValueError:
        return None  # noted already
