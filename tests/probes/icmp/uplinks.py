"""A machine with two uplinks, and a host that both carriers reach; the carriers are joined, too.

            +-- up-a: carrier-a :down-a --+
    here ---+             cross           +--- there
            +-- up-b: carrier-b :down-b --+

`here` prefers carrier-a. It has 10.98.1.1 and fd98:1::1 on up-a, 10.98.2.1 and fd98:2::1 on up-b; `there` is
10.98.100.1 and fd98:100::1. Replies come back by the carrier whose address was pinged from.
"""

from __future__ import annotations

import os
import shutil
import socket
import struct
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import count

import pytest

from tests.network import Namespace

LINKS = {
    "up-a": (1, "here", "carrier-a"),
    "up-b": (2, "here", "carrier-b"),
    "down-a": (3, "carrier-a", "there"),
    "down-b": (4, "carrier-b", "there"),
    "cross": (5, "carrier-a", "carrier-b"),
}
NODES = ("here", "carrier-a", "carrier-b", "there")
THERE = {4: "10.98.100.1", 6: "fd98:100::1"}
_SYSCTLS = (
    "net.ipv4.ip_forward=1",
    "net.ipv4.icmp_ratemask=0",
    "net.ipv4.icmp_ratelimit=0",
    "net.ipv4.conf.all.rp_filter=0",
    "net.ipv4.conf.default.rp_filter=0",
    "net.ipv6.conf.all.forwarding=1",
    "net.ipv6.conf.default.accept_dad=0",
    "net.ipv6.icmp.ratelimit=0",
)
_ROUTES = (
    ("here", "default", "carrier-a", "up-a", 10),
    ("here", "default", "carrier-b", "up-b", 20),
    ("carrier-a", "there", "there", "down-a", 10),
    ("carrier-b", "there", "there", "down-b", 10),
    ("there", "up-a", "carrier-a", "down-a", 10),
    ("there", "up-b", "carrier-b", "down-b", 10),
    ("carrier-b", "up-a", "carrier-a", "cross", 10),
)
_numbers = count()


class Node(Namespace):
    def __init__(self, name: str) -> None:
        self.name = name


class Uplinks:
    def __init__(self) -> None:
        prefix = f"lwu-{os.getpid()}-{next(_numbers)}"
        self._nodes = {node: Node(f"{prefix}-{node}") for node in NODES}
        for node in self._nodes.values():
            subprocess.run(["ip", "netns", "add", node.name], check=True)
            node.run("sysctl", "-qw", *_SYSCTLS)
            node.run("ip", "link", "set", "lo", "up")
        for name in LINKS:
            self.link(name)
        for address in THERE.values():
            self.run("there", "ip", "addr", "add", address, "dev", "lo")
        for route in _ROUTES:
            self.route("add", *route)
        for uplink in ("up-a", "up-b"):  # links and neighbours need a moment, on either way
            for address in THERE.values():
                self.run("here", "ping", "-q", "-c1", "-w5", "-i0.02", "-I", uplink, address)

    def __getitem__(self, node: str) -> Namespace:
        return self._nodes[node]

    def run(self, node: str, *command: str) -> str:
        return self._nodes[node].run(*command)

    def link(self, name: str) -> None:
        """Plug a link in."""
        number, near, far = LINKS[name]
        ends = [self._nodes[node].name for node in (near, far)]
        subprocess.run(
            [
                "ip",
                "link",
                "add",
                name,
                "netns",
                ends[0],
                "type",
                "veth",
                "peer",
                "name",
                name,
                "netns",
                ends[1],
            ],
            check=True,
        )
        for place, node in enumerate((near, far), start=1):
            self.run(node, "ip", "addr", "add", f"10.98.{number}.{place}/24", "dev", name)
            self.run(node, "ip", "addr", "add", f"fd98:{number}::{place}/64", "dev", name, "nodad")
            self.run(node, "ip", "link", "set", name, "up")

    def route(self, verb: str, node: str, to: str, via: str, link: str, metric: int) -> None:
        """At `node`: to `there`, to a link or by default, over `link` to its end at `via`."""
        number, near, _ = LINKS[link]
        place = 1 if via == near else 2
        for version, gateway in ((4, f"10.98.{number}.{place}"), (6, f"fd98:{number}::{place}")):
            network = f"10.98.{LINKS[to][0]}.0/24" if to in LINKS and version == 4 else to
            network = f"fd98:{LINKS[to][0]}::/64" if to in LINKS and version == 6 else network
            network = THERE[version] if to == "there" else network
            words = (network, "via", gateway, "dev", link, "metric", str(metric))
            self.run(node, "ip", f"-{version}", "route", verb, *words)

    def cut(self, carrier: str) -> None:
        """What goes through a carrier vanishes."""
        self.run(carrier, "nft", "add table inet lw")
        self.run(
            carrier, "nft", "add chain inet lw cut { type filter hook forward priority 0; policy drop; }"
        )

    def mend(self, carrier: str) -> None:
        self.run(carrier, "nft", "delete table inet lw")

    def narrow(self, link: str, mtu: int) -> None:
        """A link takes no more than so many bytes."""
        for node in LINKS[link][1:]:
            self.run(node, "ip", "link", "set", link, "mtu", str(mtu))

    def delete(self) -> None:
        for node in self._nodes.values():
            subprocess.run(["ip", "netns", "del", node.name], check=True)


@dataclass(frozen=True)
class Seen:
    """An echo request as it arrived."""

    source: str
    dscp: int
    dont_fragment: bool
    size: int


@contextmanager
def watching(node: Namespace, version: int) -> Iterator[Callable[[], Seen]]:
    """The next echo request that arrives at a node, by a raw socket of its own."""
    family, protocol = ((socket.AF_INET, 1), (socket.AF_INET6, 58))[version == 6]
    with ExitStack() as stack:
        with node.entered():
            opened = stack.enter_context(socket.socket(family, socket.SOCK_RAW, protocol))
        opened.settimeout(5.0)
        if version == 6:
            opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVTCLASS, 1)
        yield lambda: _next_request(opened, version)


def _next_request(opened: socket.socket, version: int) -> Seen:
    while True:
        data, control, _, name = opened.recvmsg(70_000, 256)
        if version == 4 and data[20] == 8:
            return Seen(name[0], data[1] >> 2, bool(data[6] & 0x40), len(data) - 28)
        if version == 6 and data[0] == 128:
            tclass = [struct.unpack("i", content)[0] for _, _, content in control]
            return Seen(name[0], tclass[0] >> 2, True, len(data) - 8)


@contextmanager
def uplinks() -> Iterator[Uplinks]:
    """A fresh one, or a skip that says what is missing."""
    if os.geteuid() != 0:
        pytest.skip("needs root (network namespaces)")
    for program in ("ip", "nft", "ping"):
        if shutil.which(program) is None:
            pytest.skip(f"needs {program}: apt-get install iproute2 nftables iputils-ping")
    made = Uplinks()
    try:
        yield made
    finally:
        made.delete()
