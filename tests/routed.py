"""A small routed network for tests: namespaces as routers, with two equal ways between the first and third.

    source -- r1 --+-- r2a --+-- r3 -- r4 -- destination
                   +-- r2b --+

Five hops over IPv4 and IPv6. r1 spreads by addresses and ports; all come back through r2a. Everybody answers
as often as asked, with the address at which the packet came in. One link may be a wire (tests/network.py).
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from ipaddress import ip_address
from itertools import count
from pathlib import Path

import pytest

from linkwatch.demo.wire import Wire
from tests.network import Namespace, join, join_by_wire

NODES = ("source", "r1", "r2a", "r2b", "r3", "r4", "destination")
LINKS = (("source", "r1"), ("r1", "r2a"), ("r1", "r2b"), ("r2a", "r3"), ("r2b", "r3"), ("r3", "r4"))
LINKS = (*LINKS, ("r4", "destination"))
DESTINATION = {4: "10.99.100.1", 6: "fd99:100::1"}
_BY_FIELDS, _ADDRESSES_AND_PORTS = 3, 0x37
"""Policy 1 would do on real wires. Here it would take the number that the sending socket drew for itself,
which stays with a packet from namespace to namespace."""
_SYSCTLS = (
    "net.ipv4.ip_forward=1",
    "net.ipv4.icmp_ratemask=0",
    "net.ipv4.icmp_errors_use_inbound_ifaddr=1",
    "net.ipv4.conf.all.rp_filter=0",
    "net.ipv4.conf.default.rp_filter=0",
    f"net.ipv4.fib_multipath_hash_policy={_BY_FIELDS}",
    f"net.ipv4.fib_multipath_hash_fields={_ADDRESSES_AND_PORTS}",
    "net.ipv6.conf.all.forwarding=1",
    "net.ipv6.conf.default.accept_dad=0",
    "net.ipv6.icmp.ratelimit=0",
    f"net.ipv6.fib_multipath_hash_policy={_BY_FIELDS}",
    f"net.ipv6.fib_multipath_hash_fields={_ADDRESSES_AND_PORTS}",
)
_numbers = count()


class _Node(Namespace):
    """A namespace that stands already."""

    def __init__(self, name: str) -> None:
        self.name = name


class RoutedNetwork:
    """The network, as long as it lives. Links are numbered as in LINKS; on link N the nearer end has the
    addresses 10.99.N.1 and fd99:N::1, the farther one 10.99.N.2 and fd99:N::2 (of link 0: fd99::2)."""

    def __init__(self, wired: tuple[str, str] | None = None) -> None:
        """`wired`: the link that is a wire."""
        self._prefix = f"lwr-{os.getpid()}-{next(_numbers)}"
        self._wired = wired
        self._wire: Wire | None = None
        try:
            self._build()
        except BaseException:
            self.delete()
            raise

    def _build(self) -> None:
        for node in NODES:
            _ip("netns", "add", self.namespace(node))
            self.run(node, "sysctl", "-qw", *_SYSCTLS)
            self.ip(node, "link", "set", "lo", "up")
        for number, (near, far) in enumerate(LINKS):
            self._link(number, near, far)
        for version, address in DESTINATION.items():
            self.ip("destination", "addr", "add", f"{address}/{_whole(version)}", "dev", "lo")
            self._route(version)
        for version in (4, 6):  # links and neighbours need a moment, on either way
            for near, far in LINKS:
                self._wait_for_answer(near, self.address(near, far, version))
            self._wait_for_answer("source", DESTINATION[version])

    @property
    def wire(self) -> Wire:
        """The link that is a wire."""
        assert self._wire is not None
        return self._wire

    def namespace(self, node: str) -> str:
        """The name of a node's namespace."""
        return f"{self._prefix}-{node}"

    def node(self, node: str) -> Namespace:
        """A node, to run things on it."""
        return _Node(self.namespace(node))

    def command(self, node: str, *command: str) -> list[str]:
        """The words that run a command on a node."""
        return self.node(node).command(*command)

    def run(self, node: str, *command: str) -> str:
        """Run a command on a node; its output."""
        return self.node(node).run(*command)

    def ip(self, node: str, *words: str) -> None:
        """Run `ip` on a node."""
        _ip("-n", self.namespace(node), *words)

    def address(self, near: str, far: str, version: int = 4) -> str:
        """With which address `far` answers on its link to `near`."""
        number = LINKS.index((near, far))
        return str(ip_address(_gateway(version, number, 2)))

    def drop(self, node: str, rule: str) -> None:
        """Let a node drop what `rule` (nft) matches on its way through, in or out."""
        self.run(node, "nft", "add table inet lw")
        for hook in ("input", "forward", "output"):
            self.run(node, "nft", f"add chain inet lw {hook} {{ type filter hook {hook} priority 0; }}")
            self.run(node, "nft", f"add rule inet lw {hook} {rule} drop")

    def mend(self, node: str) -> None:
        """Undo `drop`."""
        self.run(node, "nft", "delete table inet lw")

    @contextmanager
    def entered(self, node: str = "source") -> Iterator[None]:
        """The calling thread's new sockets lie on a node."""
        with self.node(node).entered():
            yield

    def delete(self) -> None:
        """Take everything down that stands."""
        if self._wire is not None:
            self._wire.close()
        for node in NODES:
            if Path("/run/netns", self.namespace(node)).exists():
                _ip("netns", "del", self.namespace(node))

    def _wait_for_answer(self, node: str, address: str) -> None:
        self.run(node, "ping", "-q", "-c1", "-w5", "-i0.02", address)

    def _link(self, number: int, near: str, far: str) -> None:
        if (near, far) == self._wired:
            self._wire = join_by_wire(self.node(near), self.node(far), f"l{number}")
        else:
            join(self.node(near), self.node(far), f"l{number}")
        for place, node in enumerate((near, far), start=1):
            self.ip(node, "addr", "add", f"10.99.{number}.{place}/24", "dev", f"l{number}")
            self.ip(node, "addr", "add", f"fd99:{number}::{place}/64", "dev", f"l{number}", "nodad")

    def _route(self, version: int) -> None:
        """Everything goes right by default to the destination, and left for the first link."""
        forward = {"source": (0,), "r1": (1, 2), "r2a": (3,), "r2b": (4,), "r3": (5,), "r4": (6,)}
        back = {"r2a": (1,), "r2b": (2,), "r3": (3,), "r4": (5,), "destination": (6,)}
        home = "10.99.0.0/24" if version == 4 else "fd99:0::/64"
        for node, links in forward.items():
            self._add_route(version, node, "default", [_gateway(version, link, 2) for link in links])
        for node, links in back.items():
            if node == "destination":
                self._add_route(version, node, "default", [_gateway(version, link, 1) for link in links])
            else:
                self._add_route(version, node, home, [_gateway(version, link, 1) for link in links])

    def _add_route(self, version: int, node: str, prefix: str, gateways: Sequence[str]) -> None:
        hops = [word for gateway in gateways for word in ("nexthop", "via", gateway, "weight", "1")]
        self.ip(node, f"-{version}", "route", "add", prefix, *hops)


def _gateway(version: int, link: int, place: int) -> str:
    return f"10.99.{link}.{place}" if version == 4 else f"fd99:{link}::{place}"


def _whole(version: int) -> int:
    return 32 if version == 4 else 128


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True)


@contextmanager
def routed_network(wired: tuple[str, str] | None = None) -> Iterator[RoutedNetwork]:
    """A fresh network, or a skip that says what is missing."""
    if os.geteuid() != 0:
        pytest.skip("needs root (network namespaces)")
    for program in ("ip", "nft", "ping"):
        if shutil.which(program) is None:
            pytest.skip(f"needs {program}: apt-get install iproute2 nftables iputils-ping")
    made = RoutedNetwork(wired)
    try:
        yield made
    finally:
        made.delete()
