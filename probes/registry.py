"""Which probes there are: one table, kind -> module, imported on first use.

What a probe is (its settings and metrics) is known of every kind; what measures is loaded with the first
target that needs it. A package of others adds a kind through the entry-point group `linkwatch.probes`, whose
value names a module with the same contents (see `ProbeModule`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Protocol, cast

from probes.sample import Metric, Probe, Sample, Session, Target

MODULES = {
    "icmp": "probes.icmp",
    "snmp": "probes.snmp",
    "http": "probes.http",
    "journey": "probes.journey",
    "rtsp": "probes.rtsp",
    "tcp": "probes.tcp",
    "tls": "probes.tls",
    "dns": "probes.dns",
    "ntp": "probes.ntp",
    "stun": "probes.stun",
    "turn": "probes.turn",
    "sip": "probes.sip",
    "path": "probes.path",
    "jitsi": "probes.jitsi",
}
ENTRY_POINTS = "linkwatch.probes"

SAMPLING = "sampling"

_CONTENTS = ("Settings", "METRICS", "DEFAULT_INTERVAL_S")


class ProbeModule(Protocol):
    """What a probe is.

    `Settings`: a frozen dataclass of simple types (str, int, float, bool, tuple[str, ...],
    Mapping[str, str], a tuple of another such dataclass); durations are seconds in fields named `*_s`;
    `__post_init__` raises ValueError with what is allowed. What measures (see `SamplingModule`) stands
    beside these or, where it loads a library that others do without, in a module `sampling` below.
    """

    Settings: type[Any]
    METRICS: tuple[Metric, ...]
    DEFAULT_INTERVAL_S: float


class SamplingModule(Protocol):
    """What measures.

    `open_session(target, settings)` stands beside `probe` only where a probe keeps state between samples,
    `inspect(target, settings, deadline_s)` only where it can tell more than a sample.
    """

    probe: Probe


class UnknownProbe(ValueError):  # noqa: N818 - reads as what it is
    """A kind that is not in the table, or whose module is not there or is no probe."""


def kinds() -> tuple[str, ...]:
    """All kinds, our own first."""
    return (*MODULES, *(kind for kind in _outside() if kind not in MODULES))


@lru_cache
def load(kind: str) -> ProbeModule:
    """The module of a kind; raises UnknownProbe, which says what is allowed."""
    if kind not in kinds():
        raise UnknownProbe(f"unknown probe {kind!r}; there are {', '.join(kinds())}")
    try:
        module = import_module(MODULES[kind]) if kind in MODULES else _outside()[kind].load()
    except ImportError as error:
        raise UnknownProbe(f"probe {kind!r} cannot be loaded: {error}") from error
    missing = [name for name in _CONTENTS if not hasattr(module, name)]
    if missing:
        raise UnknownProbe(f"probe {kind!r} cannot be loaded: {module.__name__} has no {', '.join(missing)}")
    return cast(ProbeModule, module)


@lru_cache
def load_sampling(kind: str) -> SamplingModule:
    """What measures a kind; raises UnknownProbe."""
    module: Any = load(kind)
    if not hasattr(module, "probe"):
        try:
            module = import_module(f"{module.__name__}.{SAMPLING}")
        except ImportError as error:
            raise UnknownProbe(f"probe {kind!r} cannot be loaded: {error}") from error
    if not hasattr(module, "probe"):
        raise UnknownProbe(f"probe {kind!r} cannot be loaded: {module.__name__} has no probe")
    return cast(SamplingModule, module)


def settings_of(kind: str) -> type[Any]:
    """The frozen dataclass of a kind's settings."""
    return load(kind).Settings


def metrics() -> tuple[Metric, ...]:
    """The metrics of all kinds, each once: several kinds may meet certificates."""
    return tuple(dict.fromkeys(metric for kind in kinds() for metric in load(kind).METRICS))


def open_session(kind: str, target: Target, settings: Any) -> Session:
    """A session of that kind: its own where it keeps state, else one that just calls the probe."""
    module = load_sampling(kind)
    opener: Callable[[Target, Any], Session] | None = getattr(module, "open_session", None)
    return opener(target, settings) if opener else _Stateless(module.probe, target, settings)


async def inspect(
    kind: str, target: Target, settings: Any, deadline_s: float
) -> tuple[Sample, Mapping[str, Any]]:
    """One sample for people, with everything else that was found, where the kind can tell more."""
    module = load_sampling(kind)
    inspector = getattr(module, "inspect", None)
    if inspector is None:
        return await module.probe(target, settings, deadline_s), {}
    return cast(tuple[Sample, Mapping[str, Any]], await inspector(target, settings, deadline_s))


@dataclass(frozen=True, slots=True)
class _Stateless:
    run: Probe
    target: Target
    settings: Any

    async def probe(self, deadline_s: float) -> Sample:
        return await self.run(self.target, self.settings, deadline_s)

    async def close(self) -> None:
        """There is nothing to let go of."""


@lru_cache
def _outside() -> dict[str, EntryPoint]:
    return {entry.name: entry for entry in entry_points(group=ENTRY_POINTS)}
