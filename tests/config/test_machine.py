"""What `linkwatch run` watches without a file."""

from __future__ import annotations

from ipaddress import ip_address
from pathlib import Path

from linkwatch.config.machine import MachineFiles, default_config, ipv4_gateways, ipv6_gateways, resolvers
from linkwatch.core.inventory import Kind
from linkwatch.core.topology import UpstreamGraph

ROUTE = """Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT
wlan0\t00000000\t0201A8C0\t0003\t0\t0\t600\t00000000\t0\t0\t0
eth0\t00000000\t0100000A\t0003\t0\t0\t100\t00000000\t0\t0\t0
ppp0\t00000000\t00000000\t0001\t0\t0\t0\t00000000\t0\t0\t0
eth0\t0000000A\t00000000\t0001\t0\t0\t100\t000000FF\t0\t0\t0
"""
ZERO = "0" * 32
IPV6_ROUTE = f"""{ZERO} 00 {ZERO} 00 fe800000000000000000000000000001 00000400 00000001 00000000 00000003 eth0
{ZERO} 00 {ZERO} 00 fd000000000000000000000000000001 00000400 00000003 00000000 00000003 eth0
fd000000000000000000000000000000 40 {ZERO} 00 {ZERO} 00000100 00000001 00000000 00000001 eth0
{ZERO} 00 {ZERO} 00 {ZERO} ffffffff 00000001 00000000 00200200 lo
"""
RESOLV_CONF = """# written by hand
nameserver 127.0.0.53
nameserver 10.0.0.1
  nameserver 10.9.9.9
nameserver fe80::1%eth0
nameserver not-an-address
search example
"""


def test_gateways_are_in_the_order_of_their_metric() -> None:
    assert list(map(str, ipv4_gateways(ROUTE))) == ["10.0.0.1", "192.168.1.2"]
    assert ipv4_gateways("") == []


def test_a_gateway_of_one_link_only_is_left_out() -> None:
    assert ipv6_gateways(IPV6_ROUTE) == [ip_address("fd00::1")]


def test_resolvers_are_those_of_the_resolver_library() -> None:
    assert list(map(str, resolvers(RESOLV_CONF))) == ["127.0.0.53", "10.0.0.1", "10.9.9.9"]


def write_files(folder: Path) -> MachineFiles:
    files = MachineFiles(folder / "route", folder / "ipv6_route", folder / "resolv.conf")
    files.route.write_text(ROUTE)
    files.ipv6_route.write_text(IPV6_ROUTE)
    files.resolv_conf.write_text(RESOLV_CONF)
    return files


def test_a_machine_watches_itself_its_gateways_and_its_resolvers(tmp_path: Path) -> None:
    targets = default_config(write_files(tmp_path)).inventory.targets
    assert {name: (target.kind, target.address, target.via) for name, target in targets.items()} == {
        "this-machine": (Kind.HOST, "127.0.0.1", ()),
        "gateway": (Kind.ROUTER, "10.0.0.1", ()),
        "gateway-2": (Kind.ROUTER, "192.168.1.2", ()),
        "gateway-3": (Kind.ROUTER, "fd00::1", ()),
        "resolver": (Kind.HOST, "127.0.0.53", ()),
        "resolver-2": (Kind.HOST, "10.9.9.9", ("gateway", "gateway-2")),
    }
    assert {spec.type for target in targets.values() for spec in target.probes} == {"icmp"}
    UpstreamGraph(targets)


def test_nothing_but_these_addresses_is_in_the_scope(tmp_path: Path) -> None:
    scope = default_config(write_files(tmp_path)).inventory.scope
    assert scope.allows(ip_address("10.9.9.9"))
    assert not scope.allows(ip_address("10.9.9.10"))


def test_a_machine_without_network_still_watches_itself(tmp_path: Path) -> None:
    none = tmp_path / "none"
    config = default_config(MachineFiles(none, none, none))
    assert list(config.inventory.targets) == ["this-machine"]
    assert config.rule_files
