"""What can be set for an ICMP probe."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from ipaddress import ip_address

from probes.icmp.egress import Egress, read_dscp
from probes.icmp.packet import MAX_SIZE, MIN_SIZE
from probes.icmp.targets import PingTarget
from probes.requirements import require
from probes.sample import IPAddress

FAMILIES = {"any": 0, "ipv4": 4, "ipv6": 6}
MOST_SIZES = 16


@dataclass(frozen=True, slots=True)
class Settings:
    """How a host is pinged, and how the pings leave this machine."""

    count: int = field(default=3, metadata={"help": "pings of one run (the service pings for ever)"})
    size: int = field(default=56, metadata={"help": f"bytes of payload, {MIN_SIZE} to {MAX_SIZE}"})
    sizes: tuple[int, ...] = field(
        default=(), metadata={"help": "several sizes in turn, each with figures of its own"}
    )
    interval_s: float = field(default=1.0, metadata={"help": "between two pings"})
    timeout_s: float = field(default=3.0, metadata={"help": "after which a ping is lost"})
    family: str = field(
        default="any",
        metadata={"help": "ipv4 or ipv6: only addresses of that kind; a probe for each makes each a series"},
    )
    source: str = field(default="", metadata={"help": "address of this machine to ping from"})
    interface: str = field(
        default="",
        metadata={"help": "interface to ping through, wherever the routes lead (a carrier's uplink)"},
    )
    mark: int = field(
        default=0, metadata={"help": "firewall mark, for policy routing; needs CAP_NET_ADMIN at the start"}
    )
    dscp: str = field(default="", metadata={"help": "priority to ask for: ef, af41, cs5 … or 0 to 63"})
    dont_fragment: bool = field(
        default=False, metadata={"help": "refuse what is too big on the way, rather than cut it into pieces"}
    )

    def __post_init__(self) -> None:
        require(self.count >= 1, "count", "1 or more")
        bytes_allowed = f"{MIN_SIZE} to {MAX_SIZE} bytes"
        require(MIN_SIZE <= self.size <= MAX_SIZE, "size", bytes_allowed)
        require(self.family in FAMILIES, "family", f"one of {', '.join(FAMILIES)}")
        require(len(self.sizes) <= MOST_SIZES, "sizes", f"{MOST_SIZES} sizes or fewer")
        require(len(set(self.sizes)) == len(self.sizes), "sizes", "different from each other")
        fit = all(MIN_SIZE <= size <= MAX_SIZE for size in self.sizes)
        require(fit, "sizes", f"of {bytes_allowed} each")
        source, family = self.egress.source, FAMILIES[self.family]
        fits = source is None or family in (0, source.version)
        require(fits, "source", f"an {self.family} address, as family says")
        PingTarget("", ip_address("127.0.0.1"), self.interval_s, self.size, self.timeout_s)

    @property
    def egress(self) -> Egress:
        """How pings leave this machine."""
        return _egress(self.source, self.interface, self.mark, self.dscp, self.dont_fragment)

    @property
    def version(self) -> int:
        """The IP version that it takes: 4, 6, or 0 for either."""
        source = _source(self.source)
        return source.version if source else FAMILIES[self.family]

    def takes(self, address: IPAddress) -> bool:
        """Whether this address may be pinged so."""
        return self.version in (0, address.version)

    def names(self, name: str) -> tuple[str, ...]:
        """What a probe of that name is called in the metrics: of several sizes each by a name of its own."""
        return tuple(f"{name}-{size}" for size in self.sizes) or (name,)


@lru_cache
def _egress(source: str, interface: str, mark: int, dscp: str, dont_fragment: bool) -> Egress:
    return Egress(_source(source), interface, mark, read_dscp(dscp), dont_fragment)


def _source(text: str) -> IPAddress | None:
    if not text:
        return None
    try:
        source = ip_address(text)
    except ValueError:
        raise ValueError("source: must be an IP address of this machine") from None
    require(not (source.is_multicast or source.is_unspecified), "source", "an IP address of this machine")
    return source
