"""What can be set for a path probe."""

from __future__ import annotations

from dataclasses import dataclass, field

from probes.path.packet import FLOWS, Method
from probes.path.tracer import Route
from probes.requirements import require

MAX_HOPS = 64
MAX_QUERIES = 5
PORTS = {Method.ICMP: 0, Method.UDP: 33434, Method.TCP: 80}
"""The usual ports: one where nothing listens, and one that firewalls let through."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How the path to a target is traced."""

    method: str = field(default="icmp", metadata={"help": "what is sent: icmp, udp or tcp"})
    port: int = field(default=0, metadata={"help": "port of the target; left out: udp 33434, tcp 80"})
    ip: str = field(default="any", metadata={"help": "family of the target's address: 4, 6 or any"})
    flow: int = field(
        default=0, metadata={"help": "0 to 255: where traffic is spread, another flow may go another way"}
    )
    max_hops: int = field(default=30, metadata={"help": "how far to look"})
    queries: int = field(default=3, metadata={"help": "packets to each hop"})
    hop_timeout_s: float = field(default=1.0, metadata={"help": "after which a hop is silent"})
    mtu: bool = field(
        default=False, metadata={"help": "whether to find out how big a packet gets through (path MTU)"}
    )

    def __post_init__(self) -> None:
        require(self.method in set(Method), "method", "icmp, udp or tcp")
        require(0 <= self.port <= 65535, "port", "1 to 65535")
        require(self.method != Method.ICMP or not self.port, "port", "left out with icmp")
        require(self.ip in ("4", "6", "any"), "ip", "4, 6 or any")
        require(0 <= self.flow < FLOWS, "flow", f"0 to {FLOWS - 1}")
        require(1 <= self.max_hops <= MAX_HOPS, "max_hops", f"1 to {MAX_HOPS}")
        require(1 <= self.queries <= MAX_QUERIES, "queries", f"1 to {MAX_QUERIES}")
        require(0.05 <= self.hop_timeout_s <= 10.0, "hop_timeout", "50ms to 10s")

    @property
    def route(self) -> Route:
        """How to ask."""
        method = Method(self.method)
        port = self.port or PORTS[method]
        return Route(method, self.flow, port, self.max_hops, self.queries, self.hop_timeout_s)
