"""Traces through real routers: what every method finds, how long it takes, and each way to fail."""

from __future__ import annotations

import asyncio
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from probes.path import PathSession, Settings, probe
from probes.sample import Reason, Sample, Target
from tests.routed import DESTINATION, RoutedNetwork, routed_network

ROOT = Path(__file__).parents[3]
BOTH = pytest.mark.parametrize("version", [4, 6])
ALL = pytest.mark.parametrize("method", ["icmp", "udp", "tcp"])
DEADLINE_S = 5.0
HOP_TIMEOUT_S = 0.4
ENOUGH_HOPS = 8
"""The kernel of the destination refuses no more than 50 datagrams at once."""


@pytest.fixture(scope="module")
def network() -> Iterator[RoutedNetwork]:
    with routed_network() as made:
        yield made


def trace(network: RoutedNetwork, host: str, **settings: object) -> Sample:
    chosen = Settings(**{"hop_timeout_s": HOP_TIMEOUT_S, **settings})  # type: ignore[arg-type]
    with network.entered():
        return asyncio.run(probe(Target("t", host), chosen, DEADLINE_S))


def hops(sample: Sample) -> list[str]:
    return sample.facts["path"].split(" > ")


def ways(network: RoutedNetwork, version: int) -> list[list[str]]:
    """The two paths to the destination."""
    return [
        [
            network.address("source", "r1", version),
            network.address("r1", middle, version),
            network.address(middle, "r3", version),
            network.address("r3", "r4", version),
            DESTINATION[version],
        ]
        for middle in ("r2a", "r2b")
    ]


@BOTH
@ALL
def test_every_hop_is_found_and_timed(network: RoutedNetwork, version: int, method: str) -> None:
    sample = trace(network, DESTINATION[version], method=method)
    assert sample.ok, sample.detail
    assert hops(sample) in ways(network, version)
    assert sample.values["linkwatch_path_hops", ()] == 5.0
    times = [sample.values["linkwatch_path_hop_rtt_seconds", (("hop", str(n)),)] for n in range(1, 6)]
    assert all(0 < rtt_s < 0.1 for rtt_s in times)


@pytest.mark.parametrize(("method", "port"), [("udp", 33434), ("tcp", 80)])
def test_the_hops_are_those_of_traceroute_with_the_same_flow(
    network: RoutedNetwork, method: str, port: int
) -> None:
    if shutil.which("traceroute") is None:
        pytest.skip("needs traceroute: apt-get install traceroute")
    seen = set()
    for flow in range(25):
        given = ("-n", "-q1", "-w1", f"-m{ENOUGH_HOPS}", "-U" if method == "udp" else "-T", f"-p{port}")
        source_port = f"--sport={0x7A00 + flow}"
        listed = network.run("source", "traceroute", *given, source_port, DESTINATION[4])
        expected = re.findall(r"^ *\d+ +(\S+)", listed, re.MULTILINE)
        once = {"queries": 1, "max_hops": ENOUGH_HOPS}
        found = hops(trace(network, DESTINATION[4], method=method, flow=flow, **once))
        assert found == expected
        seen.add(tuple(found))
    assert len(seen) == 2, "the flows were to take both ways"


@ALL
def test_a_flow_always_takes_the_same_way(network: RoutedNetwork, method: str) -> None:
    once = {"queries": 1, "max_hops": ENOUGH_HOPS}
    samples = [trace(network, DESTINATION[4], method=method, **once) for _ in range(10)]
    assert len({sample.facts["fingerprint"] for sample in samples}) == 1


def test_a_silent_router_takes_one_timeout_and_hardly_more(network: RoutedNetwork) -> None:
    network.drop("r4", "icmp type time-exceeded")
    try:
        sample = trace(network, DESTINATION[4], hop_timeout_s=1.0)
    finally:
        network.mend("r4")
    assert sample.ok
    assert hops(sample)[3:] == ["*", DESTINATION[4]]
    assert sample.duration_s <= 1.5


def test_a_dead_destination_is_a_timeout_that_says_how_far_the_path_goes(network: RoutedNetwork) -> None:
    network.drop("r4", f"ip daddr {DESTINATION[4]}")
    try:
        sample = trace(network, DESTINATION[4])
    finally:
        network.mend("r4")
    assert (sample.ok, sample.reason) == (False, Reason.TIMEOUT)
    router = network.address("r3", "r4")
    assert sample.detail == f"no answer beyond {router} at hop 4"
    assert ("linkwatch_path_hops", ()) not in sample.values


@BOTH
@pytest.mark.parametrize(
    ("kind", "why"), [("unreachable", r"host unreachable|no route"), ("prohibit", r"prohibited")]
)
def test_a_router_that_refuses_is_named(network: RoutedNetwork, version: int, kind: str, why: str) -> None:
    elsewhere = "10.88.0.9" if version == 4 else "fd88::9"
    network.ip("r3", f"-{version}", "route", "add", kind, elsewhere)
    few = {"queries": 1, "max_hops": 4}  # a Linux router refuses five packets of a sender, then one a second
    try:
        sample = trace(network, elsewhere, **few)
    finally:
        network.ip("r3", f"-{version}", "route", "del", kind, elsewhere)
    assert sample.reason is Reason.UNREACHABLE
    routers = "|".join(network.address(middle, "r3", version) for middle in ("r2a", "r2b"))
    assert re.fullmatch(rf"({routers}) at hop 3 says: .*({why})", sample.detail)


def test_no_route_from_here_is_unreachable(network: RoutedNetwork) -> None:
    network.ip("source", "route", "add", "unreachable", "10.77.0.0/16")
    sample = trace(network, "10.77.0.1")
    assert (sample.ok, sample.reason) == (False, Reason.UNREACHABLE)


def test_a_short_deadline_keeps_what_was_found(network: RoutedNetwork) -> None:
    network.drop("r4", f"ip daddr {DESTINATION[4]}")
    try:
        with network.entered():
            sample = asyncio.run(probe(Target("t", DESTINATION[4]), Settings(hop_timeout_s=10.0), 0.5))
    finally:
        network.mend("r4")
    assert sample.reason is Reason.TIMEOUT
    assert len(hops(sample)) == 4
    assert sample.duration_s < 0.6


def test_nothing_is_sent_beyond_the_scope() -> None:
    target = Target("t", "127.0.0.1", allows=lambda _address: False)
    sample = asyncio.run(probe(target, Settings(), DEADLINE_S))
    assert sample.reason is Reason.PERMISSION


def test_a_name_without_such_an_address_does_not_resolve() -> None:
    sample = asyncio.run(probe(Target("t", "127.0.0.1"), Settings(ip="6"), DEADLINE_S))
    assert (sample.reason, sample.detail) == (Reason.RESOLVE, "127.0.0.1: no IPv6 address")


def test_another_way_is_told_once(network: RoutedNetwork) -> None:
    async def run() -> list[Sample]:
        session = PathSession(Target("t", DESTINATION[4]), Settings(queries=1))
        samples = [await session.probe(DEADLINE_S)]
        network.ip("r1", "route", "add", f"{DESTINATION[4]}/32", "via", other)
        samples += [await session.probe(DEADLINE_S), await session.probe(DEADLINE_S)]
        return samples

    first, second = ways(network, 4)
    is_first = hops(trace(network, DESTINATION[4], queries=1)) == first
    other = "10.99.2.2" if is_first else "10.99.1.2"
    with network.entered():
        try:
            before, at_once, after = asyncio.run(run())
        finally:
            network.ip("r1", "route", "del", f"{DESTINATION[4]}/32")
    assert ("linkwatch_path_changed", ()) not in before.values
    assert at_once.values["linkwatch_path_changed", ()] == 1.0
    was, now = (first, second) if is_first else (second, first)
    assert at_once.facts["changed"] == f"hop 2: {was[1]} -> {now[1]}; hop 3: {was[2]} -> {now[2]}"
    assert after.values["linkwatch_path_changed", ()] == 0.0
    assert after.values["linkwatch_path_changes_total", ()] == 1.0


def test_without_the_right_the_message_says_what_mends_it(network: RoutedNetwork) -> None:
    if shutil.which("setpriv") is None:
        pytest.skip("needs setpriv: apt-get install util-linux")
    drop = ("setpriv", "--bounding-set=-net_raw", "--inh-caps=-net_raw")
    command = [*drop, sys.executable, "-m", "probes", "path", "127.0.0.1"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 3
    assert "setcap cap_net_raw+ep" in done.stdout
