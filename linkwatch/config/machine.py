"""What every machine has and `linkwatch run` watches without a file: itself, its gateway, its resolvers."""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from pathlib import Path

from linkwatch.config.kinds import CLASSES
from linkwatch.config.load import shipped_rules
from linkwatch.config.probespec import default_spec
from linkwatch.config.settings import Config
from linkwatch.core.inventory import Inventory, IPAddress, Kind, Scope, Target

_RESOLVER = re.compile(r"^\s*nameserver\s+(\S+)", re.MULTILINE)
_UP_AND_GATEWAY = 0x0001 | 0x0002  # RTF_UP, RTF_GATEWAY of <linux/route.h>


@dataclass(frozen=True, slots=True)
class MachineFiles:
    """Where the kernel and the resolver library say how this machine is connected."""

    route: Path = Path("/proc/net/route")
    ipv6_route: Path = Path("/proc/net/ipv6_route")
    resolv_conf: Path = Path("/etc/resolv.conf")


def default_config(files: MachineFiles = MachineFiles()) -> Config:
    """A configuration of what this machine has now; nothing is probed or resolved for it."""
    gateways = [*ipv4_gateways(_text(files.route)), *ipv6_gateways(_text(files.ipv6_route))]
    targets = machine_targets(gateways, resolvers(_text(files.resolv_conf)))
    scope = Scope(tuple(dict.fromkeys(ip_network(target.address) for target in targets)))
    inventory = Inventory(scope, {target.id: target for target in targets}, classes=CLASSES)
    return Config(inventory, rule_files=shipped_rules())


def machine_targets(gateways: list[IPAddress], names_from: list[IPAddress]) -> list[Target]:
    """This machine, its gateways, and the resolvers behind them; each address once."""
    own = _target("this-machine", Kind.HOST, ip_address("127.0.0.1"), "lan")
    routers = [
        _target(_numbered("gateway", i), Kind.ROUTER, address, "lan") for i, address in enumerate(gateways)
    ]
    known = {own.address, *(router.address for router in routers)}
    others = [address for address in names_from if str(address) not in known]
    return [own, *routers, *(_resolver(i, address, routers) for i, address in enumerate(others))]


def ipv4_gateways(route: str) -> list[IPAddress]:
    """Gateways of the default routes in the text of /proc/net/route, lowest metric first."""
    found = []
    for line in route.splitlines()[1:]:
        fields = line.split()
        if len(fields) < 8 or fields[1] != "00000000" or fields[7] != "00000000":
            continue
        if int(fields[3], 16) & _UP_AND_GATEWAY == _UP_AND_GATEWAY:
            # The kernel prints the address as a number in the byte order of the machine.
            found.append((int(fields[6]), IPv4Address(struct.pack("=I", int(fields[2], 16)))))
    return list(dict.fromkeys(address for _, address in sorted(found)))


def ipv6_gateways(route: str) -> list[IPAddress]:
    """Gateways of the default routes in the text of /proc/net/ipv6_route, lowest metric first.

    Link-local gateways are left out: their address means nothing without an interface.
    """
    found = []
    for line in route.splitlines():
        fields = line.split()
        if len(fields) < 9 or int(fields[0], 16) != 0 or fields[1] != "00":
            continue
        gateway = IPv6Address(int(fields[4], 16))
        usable = int(fields[8], 16) & _UP_AND_GATEWAY == _UP_AND_GATEWAY and not gateway.is_link_local
        if usable and int(gateway) != 0:
            found.append((int(fields[5], 16), gateway))
    return list(dict.fromkeys(address for _, address in sorted(found)))


def resolvers(resolv_conf: str) -> list[IPAddress]:
    """Name servers in the text of a resolv.conf, each once; those of one link only are left out."""
    found: dict[IPAddress, None] = {}
    for text in _RESOLVER.findall(resolv_conf):
        try:
            address = ip_address(text)
        except ValueError:
            continue  # the resolver library skips such a line, too
        if not address.is_link_local and not address.is_unspecified:
            found[address] = None
    return list(found)


def _resolver(position: int, address: IPAddress, routers: list[Target]) -> Target:
    same_family = [router.id for router in routers if ip_address(router.address).version == address.version]
    via = () if address.is_loopback else tuple(same_family)
    return _target(_numbered("resolver", position), Kind.HOST, address, "fibre", via)


def _target(name: str, kind: Kind, address: IPAddress, link_class: str, via: tuple[str, ...] = ()) -> Target:
    ping = default_spec("icmp")
    return Target(name, name, kind, str(address), link_class=link_class, via=via, probes=(ping,))


def _numbered(name: str, position: int) -> str:
    return name if position == 0 else f"{name}-{position + 1}"


def _text(file: Path) -> str:
    """The text of a file; empty where there is none (no IPv6, another kind of system)."""
    try:
        return file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
