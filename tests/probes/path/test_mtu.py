"""The path MTU through real routers: one that says what fits, one that says nothing, and none at all."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from probes.path import Settings, probe
from probes.sample import Sample, Target
from tests.routed import DESTINATION, RoutedNetwork, routed_network

NARROW = 1380
BOTH = pytest.mark.parametrize("version", [4, 6])


@pytest.fixture(scope="module")
def network() -> Iterator[RoutedNetwork]:
    with routed_network() as made:
        yield made


@pytest.fixture
def narrow(network: RoutedNetwork) -> Iterator[RoutedNetwork]:
    """The link between r3 and r4 takes less than the others."""
    for node in ("r3", "r4"):
        network.ip(node, "link", "set", "l5", "mtu", str(NARROW))
    yield network
    for node in ("r3", "r4"):
        network.ip(node, "link", "set", "l5", "mtu", "1500")


def measure(network: RoutedNetwork, version: int) -> Sample:
    settings = Settings(mtu=True, queries=1, hop_timeout_s=0.2)
    with network.entered():
        return asyncio.run(probe(Target("t", DESTINATION[version]), settings, 5.0))


def mtu(sample: Sample) -> float:
    return sample.values["linkwatch_path_mtu_bytes", ()]


@BOTH
def test_without_a_narrow_link_it_is_that_of_the_interface(network: RoutedNetwork, version: int) -> None:
    sample = measure(network, version)
    assert mtu(sample) == 1500.0
    assert sample.facts["mtu"] == "the interface of this machine takes 1500 bytes"


@BOTH
def test_a_router_that_says_what_fits_is_believed_and_named(narrow: RoutedNetwork, version: int) -> None:
    sample = measure(narrow, version)
    assert mtu(sample) == NARROW
    routers = [narrow.address(middle, "r3", version) for middle in ("r2a", "r2b")]
    assert sample.facts["mtu"] in [f"{router} passes on {NARROW} bytes" for router in routers]
    assert mtu(measure(narrow, version)) == NARROW  # the kernel's memory of it does not mislead


@BOTH
def test_where_big_packets_vanish_without_a_word_the_limit_is_found(
    narrow: RoutedNetwork, version: int
) -> None:
    narrow.drop("r3", "icmp code frag-needed" if version == 4 else "icmpv6 type packet-too-big")
    try:
        sample = measure(narrow, version)
    finally:
        narrow.mend("r3")
    assert mtu(sample) == NARROW
    assert sample.facts["mtu"] == f"packets of more than {NARROW} bytes vanish without a word"


def test_of_a_destination_that_answers_no_echo_nothing_is_claimed(network: RoutedNetwork) -> None:
    network.drop("destination", "icmp type echo-request")
    try:
        sample = measure(network, 4)
    finally:
        network.mend("destination")
    assert ("linkwatch_path_mtu_bytes", ()) not in sample.values
