"""What is watched, for whom, and what it must keep: the inventory as plain frozen data.

Read from YAML and checked in `linkwatch.config`; nothing here refers to a file or a parser.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Any

IPAddress = IPv4Address | IPv6Address
IPNetwork = IPv4Network | IPv6Network


class Kind(StrEnum):
    """The kinds of target."""

    LINK = "link"
    ROUTER = "router"
    MEETING_SERVER = "meeting-server"
    CAMERA = "camera"
    PORTAL = "portal"
    HOST = "host"


@dataclass(frozen=True, slots=True)
class Organization:
    """Who owns or operates targets. `duty`: ids of the contacts that answer for it."""

    id: str
    name: str
    networks: tuple[IPNetwork, ...] = ()
    duty: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Contact:
    """A person or duty desk. `channels`: channel name -> address (a secret: never shown)."""

    id: str
    name: str
    organization: str | None = None
    language: str = "vi"
    channels: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Step:
    """Who is told, how, after how long. `notify` holds contact ids or `fault-owner`."""

    after_s: float
    notify: tuple[str, ...]
    channels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class EscalationPolicy:
    """The steps for incidents that match; the first policy that matches is taken.

    `match`: label (or `fault_owner`) -> exact value, or a regular expression after `~`.
    `repeat_s`: the last step is repeated that often until acknowledged or resolved.
    """

    match: Mapping[str, str]
    steps: tuple[Step, ...]
    repeat_s: float | None = None


@dataclass(frozen=True, slots=True)
class Site:
    """Where targets stand. `location`: latitude and longitude in degrees."""

    id: str
    name: str
    kind: str = ""
    area: str = ""
    location: tuple[float, float] | None = None
    contacts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Objectives:
    """What a class of link must keep; None means that nothing is promised."""

    loss_ratio: float | None = None
    rtt_s: float | None = None
    jitter_s: float | None = None
    availability_ratio: float | None = None


@dataclass(frozen=True, slots=True)
class ProbeSpec:
    """One probe of a target. `name` is unique within the target and is the `probe` label."""

    name: str
    type: str
    interval_s: float
    timeout_s: float
    settings: Any = field(repr=False)


@dataclass(frozen=True, slots=True)
class Circuit:
    """What the carrier needs to see first. `bandwidth_bps` in bits per second."""

    id: str = ""
    bandwidth_bps: float | None = None


@dataclass(frozen=True, slots=True)
class Target:
    """A thing that is watched. `via`: ids of its upstreams, any of which keeps it reachable."""

    id: str
    name: str
    kind: Kind
    address: str
    site: str = ""
    owner: str = ""
    link_class: str = ""
    emergency: bool = False
    via: tuple[str, ...] = ()
    probes: tuple[ProbeSpec, ...] = ()
    circuit: Circuit | None = None

    def labels(self) -> dict[str, str]:
        """The five labels that every series of this target carries."""
        return {
            "target": self.id,
            "site": self.site,
            "kind": self.kind.value,
            "owner": self.owner,
            "emergency": "true" if self.emergency else "false",
        }


@dataclass(frozen=True, slots=True)
class Scope:
    """The addresses that may ever be sent a packet."""

    networks: tuple[IPNetwork, ...]
    _prefixes: Mapping[tuple[int, int], frozenset[int]] = field(init=False, repr=False, compare=False)
    """By IP version and host bits: the bits before these. A scope may be every target's address."""

    def __post_init__(self) -> None:
        found: dict[tuple[int, int], set[int]] = {}
        for network in self.networks:
            host_bits = network.max_prefixlen - network.prefixlen
            prefix = int(network.network_address) >> host_bits
            found.setdefault((network.version, host_bits), set()).add(prefix)
        object.__setattr__(
            self, "_prefixes", {shape: frozenset(prefixes) for shape, prefixes in found.items()}
        )

    def allows(self, address: IPAddress) -> bool:
        """Whether `address` lies inside."""
        number, version = int(address), address.version
        return any(
            kind == version and number >> host_bits in prefixes
            for (kind, host_bits), prefixes in self._prefixes.items()
        )


@dataclass(frozen=True, slots=True)
class Inventory:
    """Everything about what is watched; dictionaries are by id and keep the file's order."""

    scope: Scope
    targets: Mapping[str, Target]
    organizations: Mapping[str, Organization] = field(default_factory=dict)
    contacts: Mapping[str, Contact] = field(default_factory=dict)
    sites: Mapping[str, Site] = field(default_factory=dict)
    classes: Mapping[str, Objectives] = field(default_factory=dict)
    escalations: tuple[EscalationPolicy, ...] = ()
    anchors: tuple[str, ...] = ()

    def objectives(self, target: Target) -> Objectives:
        """The objectives of the target's class (every target has a class)."""
        return self.classes.get(target.link_class, Objectives())
