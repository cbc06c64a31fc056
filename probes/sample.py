"""The contract of a probe: a target goes in, one sample comes out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from ipaddress import IPv4Address, IPv6Address
from typing import Any, Literal, NamedTuple, Protocol

IPAddress = IPv4Address | IPv6Address
Labels = tuple[tuple[str, str], ...]
"""Label pairs of a value, sorted by name; the target's own labels are added by the caller."""


class Reason(StrEnum):
    """Why a probe did not succeed; each value calls for different people.

    Of the target: `timeout`, `unreachable`, `refused`, `tls`; `protocol`: it answers, and not as it should;
    `auth`: it answers, and does not let us in. Of the way there: `too-big`: a packet that was not to be cut
    into pieces did not fit, here or on the way. What says nothing of the target: `resolve`: its name;
    `permission`: the scope or a right; `exhausted`: this machine had no file or memory left; `proxy`: the
    proxy that leads to the target is gone or does not let us through; `error`: the probe itself.
    """

    TIMEOUT = "timeout"
    UNREACHABLE = "unreachable"
    REFUSED = "refused"
    RESOLVE = "resolve"
    TLS = "tls"
    AUTH = "auth"
    PROTOCOL = "protocol"
    PERMISSION = "permission"
    EXHAUSTED = "exhausted"
    TOO_BIG = "too-big"
    PROXY = "proxy"
    ERROR = "error"


class Metric(NamedTuple):
    """One entry of the metric catalogue. `labels` are those beside the target's own.

    A metric that names `probe` among its labels gets that one from the caller, who knows the name of
    the probe: a target may have several probes of one kind.
    """

    name: str
    help: str
    type: Literal["gauge", "counter"] = "gauge"
    labels: tuple[str, ...] = ()
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Target:
    """What a probe is pointed at.

    `host` is a name or an address literal. `allows(ip)` says whether an address lies inside the
    inventory's scope: a probe asks it before it sends the first byte to any address it resolved,
    was redirected to or discovered.
    """

    id: str
    host: str
    allows: Callable[[IPAddress], bool] = field(default=lambda _ip: True, compare=False)


@dataclass(frozen=True, slots=True)
class Sample:
    """The result of one probe at one time.

    `at`: start, seconds since the epoch (UTC). `duration_s`: measured by a monotonic clock.
    `values`: (metric name, labels) -> value in base units; a value that was not seen is left out
    (absent is not zero). `facts`: texts worth showing (versions, addresses), never labels.
    `reason` is set exactly when `ok` is false; `detail` is one line for people, without secrets.
    `is_repeatable`: whether asking again at once is harmless; a log-in that is refused several times in a
    row may lock the account.
    """

    at: float
    duration_s: float
    ok: bool
    reason: Reason | None = None
    detail: str = ""
    values: Mapping[tuple[str, Labels], float] = field(default_factory=dict)
    facts: Mapping[str, str] = field(default_factory=dict)
    is_repeatable: bool = True


class Probe(Protocol):
    """A probe module's entry: measures once, returns within `deadline_s`, raises nothing."""

    async def __call__(self, target: Target, settings: Any, deadline_s: float) -> Sample:
        """Measure `target` once."""


class Session(Protocol):
    """A probe that keeps state between samples of one target (SNMP counters and interface tables)."""

    async def probe(self, deadline_s: float) -> Sample:
        """Measure once; returns within `deadline_s`, raises nothing."""

    async def close(self) -> None:
        """Let go of sockets."""
