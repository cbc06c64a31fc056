"""What may ever be probed."""

from __future__ import annotations

from ipaddress import IPv4Address, ip_address, ip_network

import pytest

from linkwatch.core.inventory import Scope


@pytest.mark.parametrize(
    ("networks", "address", "inside"),
    [
        (["10.0.0.0/8"], "10.255.255.255", True),
        (["10.0.0.0/8"], "11.0.0.0", False),
        (["10.1.2.3/32"], "10.1.2.3", True),
        (["10.1.2.3/32"], "10.1.2.2", False),
        (["192.168.0.0/16", "10.1.0.0/16", "10.2.0.0/24"], "10.2.0.9", True),
        (["0.0.0.0/0"], "203.0.113.7", True),
        (["0.0.0.0/0"], "fd00::1", False),
        (["::/0"], "10.0.0.1", False),
        (["fd00::/8"], "fd12::1%lo", True),
        (["fd00::/8"], "fe80::1%lo", False),
        (["::/0"], "::ffff:10.0.0.1", True),
        ([], "10.0.0.1", False),
    ],
)
def test_a_scope_allows_what_lies_in_one_of_its_networks(
    networks: list[str], address: str, inside: bool
) -> None:
    assert Scope(tuple(map(ip_network, networks))).allows(ip_address(address)) is inside


def test_a_scope_of_every_target_is_asked_once_for_each_of_them() -> None:
    """50,000 networks and as many questions: looked through one by one, this would take minutes."""
    hosts = [IPv4Address("10.50.0.0") + i for i in range(50_000)]
    scope = Scope(tuple(map(ip_network, hosts)))
    assert all(scope.allows(host) for host in hosts)
    assert not scope.allows(hosts[-1] + 1)
