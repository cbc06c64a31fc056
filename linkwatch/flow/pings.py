"""What the pinger pings: every target by each of its icmp probes, each size of a probe on its own.

The first icmp probe of a target says whether it is up; its row in the pinger is called like the target. Any
further one watches another way there, another size or family: its rows have names of their own, and decide on
nothing but themselves.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from linkwatch.core.inventory import Inventory, IPAddress, ProbeSpec, Target
from linkwatch.flow.measure import ICMP, icmp_spec
from probes.icmp import EMERGENCY, REST, UPSTREAM, Egress, PingTarget

_BETWEEN = "/"
"""Stands in no id."""


@dataclass(frozen=True, slots=True)
class Ping:
    """One row of the pinger. `spec` is the probe's, with the name and the interval of this size alone."""

    key: str
    target: Target
    spec: ProbeSpec
    size: int

    @property
    def is_further(self) -> bool:
        """Whether it decides on nothing but itself."""
        return is_further(self.key)


def is_further(key: str) -> bool:
    """Whether a row of this name belongs to a further probe."""
    return _BETWEEN in key


def parts_of(key: str) -> tuple[str, str]:
    """The target of a row, and the name of the further probe that it belongs to, if to one."""
    target, _, probe = key.partition(_BETWEEN)
    return target, probe


def pings_of(target: Target) -> Iterator[Ping]:
    """The rows of one target, first the one that decides on it."""
    first = icmp_spec(target)
    if first is None:
        return
    yield Ping(target.id, target, first, first.settings.size)
    for spec in target.probes:
        if spec.type == ICMP and spec is not first:
            yield from _by_size(target, spec)


def named_probes(target: Target) -> Iterator[tuple[str, ProbeSpec]]:
    """All probes of a target as metrics call them: the deciding icmp probe simply that, sizes one by one."""
    first = icmp_spec(target)
    for spec in target.probes:
        if spec is first:
            yield ICMP, spec
        elif spec.type == ICMP:
            yield from ((name, spec) for name in spec.settings.names(spec.name))
        else:
            yield spec.name, spec


def _by_size(target: Target, spec: ProbeSpec) -> Iterator[Ping]:
    """In turn: of several sizes each is pinged so much more seldom."""
    sizes = spec.settings.sizes
    interval_s = spec.interval_s * max(len(sizes), 1)
    for size, name in zip(sizes or (spec.settings.size,), spec.settings.names(spec.name), strict=True):
        own = replace(spec, name=name, interval_s=interval_s)
        yield Ping(f"{target.id}{_BETWEEN}{name}", target, own, size)


def further_pings(inventory: Inventory) -> list[Ping]:
    """All rows that decide on nothing but themselves."""
    return [ping for target in inventory.targets.values() for ping in pings_of(target) if ping.is_further]


def egresses(inventory: Inventory) -> frozenset[Egress]:
    """How any of the pings leaves this machine."""
    specs = (spec for target in inventory.targets.values() for spec in target.probes if spec.type == ICMP)
    return frozenset(spec.settings.egress for spec in {id(spec): spec for spec in specs}.values())


def ping_targets(inventory: Inventory, addresses: Mapping[str, IPAddress]) -> list[PingTarget]:
    """What the pinger is to ping: every ping with a known address (by its key) inside the scope."""
    upstreams = {via for target in inventory.targets.values() for via in target.via}
    return [
        _pinged(ping, address, upstreams, inventory)
        for target in inventory.targets.values()
        for ping in pings_of(target)
        if (address := addresses.get(ping.key)) is not None and inventory.scope.allows(address)
    ]


def _pinged(ping: Ping, address: IPAddress, upstreams: set[str], inventory: Inventory) -> PingTarget:
    target = ping.target
    # The anchors too: a failure of our own uplink must be known before any target is blamed.
    companions = () if ping.is_further else tuple(dict.fromkeys((*target.via, *inventory.anchors)))
    return PingTarget(
        key=ping.key,
        address=address,
        interval_s=ping.spec.interval_s,
        size=ping.size,
        timeout_s=ping.spec.timeout_s,
        priority=REST if ping.is_further else _priority(target, upstreams),
        organization=target.owner,
        companions=companions,
        egress=ping.spec.settings.egress,
    )


def _priority(target: Target, upstreams: set[str]) -> int:
    return UPSTREAM if target.id in upstreams else EMERGENCY if target.emergency else REST
