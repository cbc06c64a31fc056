"""What icmp probes need of this machine: interfaces, source addresses, the right to mark packets."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

from linkwatch.cli.finding import Finding
from linkwatch.core.inventory import Inventory
from linkwatch.flow.pings import egresses
from probes.icmp import Egress, MarkPermissionError, check_mark

CONF = Path("/proc/sys/net/ipv4/conf")
STRICT = 1
MEND_MARK = (
    "sudo systemctl edit linkwatch   # AmbientCapabilities=CAP_NET_RAW CAP_NET_ADMIN, the same as "
    "CapabilityBoundingSet; or run as root"
)


def examine_ways(inventory: Inventory) -> Iterator[Finding]:
    """Look at every way by which pings are to leave."""
    ways = egresses(inventory)
    for interface in sorted({way.interface for way in ways} - {""}):
        yield _interface(interface)
    for source in sorted({str(way.source) for way in ways if way.source is not None}):
        yield _source(source)
    marks = sorted({way.mark for way in ways} - {0})
    if marks:
        yield _marks(marks)


def _interface(name: str) -> Finding:
    try:
        socket.if_nametoindex(name)
    except OSError:
        text = f"this machine has no interface {name!r}: what is pinged through it is unknown"
        return Finding("interface", False, text, "ip -brief link   # then mend the inventory, or plug it in")
    if _reverse_path_filter(name) == STRICT:
        text = (
            f"replies through {name} are dropped where the usual route leads elsewhere (rp_filter is strict)"
        )
        return Finding("interface", False, text, f"sudo sysctl -w net.ipv4.conf.{_dotted(name)}.rp_filter=2")
    return Finding("interface", True, f"{name} is there")


def _reverse_path_filter(name: str) -> int:
    """What counts is the greater of the two (ip-sysctl.rst)."""
    files = [CONF / which / "rp_filter" for which in ("all", name)]
    return max((int(file.read_text()) for file in files if file.exists()), default=0)


def _dotted(name: str) -> str:
    """How sysctl(8) wants an interface with a dot, such as a VLAN's."""
    return name.replace(".", "/")


def _source(address: str) -> Finding:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as trial:
            trial.bind(socket.getaddrinfo(address, 0, family, socket.SOCK_DGRAM)[0][4])
    except OSError:
        text = f"{address} is not an address of this machine: what is pinged from it is unknown"
        return Finding("source", False, text, "ip -brief address   # then mend the inventory")
    return Finding("source", True, f"{address} is an address of this machine")


def _marks(marks: list[int]) -> Finding:
    named = ", ".join(map(str, marks))
    try:
        check_mark(Egress(mark=marks[0]))
    except MarkPermissionError:
        return Finding("marks", False, f"packets may not be marked ({named} is asked for)", MEND_MARK)
    return Finding("marks", True, f"packets may be marked ({named})")
