"""`linkwatch trace`: a table for people, JSON for machines, an exit code for scripts."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator

import pytest

from tests.cli.conftest import Call, run
from tests.routed import DESTINATION, RoutedNetwork, routed_network


@pytest.fixture(scope="module")
def network() -> Iterator[RoutedNetwork]:
    with routed_network() as made:
        yield made


def trace(network: RoutedNetwork, *words: str) -> subprocess.CompletedProcess[str]:
    return run("trace", *words, "--timeout", "300ms", wrap=tuple(network.command("source")))


def test_the_table_shows_every_hop_with_its_times(network: RoutedNetwork) -> None:
    done = trace(network, DESTINATION[4], "--mtu", "--queries", "2")
    assert done.returncode == 0, done.stderr
    first, *hops, mtu = done.stdout.splitlines()
    assert first == f"{DESTINATION[4]} ({DESTINATION[4]}) by icmp, 30 hops at most"
    assert [line.split()[0] for line in hops] == ["1", "2", "3", "4", "5"]
    assert all(line.count(" ms") == 2 for line in hops)
    assert mtu == "path MTU: 1500 bytes (the interface of this machine takes 1500 bytes)"


def test_json_holds_the_same(network: RoutedNetwork) -> None:
    done = trace(network, DESTINATION[6], "--json", "--method", "tcp", "--flow", "7")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["reached"], found["method"], found["flow"]) == (True, "tcp", 7)
    assert [hop["hop"] for hop in found["hops"]] == [1, 2, 3, 4, 5]
    assert found["hops"][-1]["addresses"] == [DESTINATION[6]]


def test_who_does_not_answer_is_told_with_the_last_that_did(network: RoutedNetwork) -> None:
    network.drop("r4", f"ip daddr {DESTINATION[4]}")
    try:
        done = trace(network, DESTINATION[4])
    finally:
        network.mend("r4")
    assert done.returncode == 1
    assert done.stdout.splitlines()[-1] == f"no answer beyond {network.address('r3', 'r4')} at hop 4"


def test_without_a_route_it_says_so(network: RoutedNetwork) -> None:
    network.ip("source", "route", "add", "unreachable", "10.66.0.0/16")
    done = trace(network, "10.66.0.1")
    assert (done.returncode, done.stderr) == (1, "linkwatch trace: 10.66.0.1: No route to host\n")


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("no-such-name.invalid",), "no-such-name.invalid: "),
        (("127.0.0.1", "--queries", "9"), "queries: must be 1 to 5"),
        (("127.0.0.1", "-6"), "127.0.0.1: no IPv6 address"),
        (("127.0.0.1", "--port", "80"), "port: must be left out with icmp"),
    ],
)
def test_mistakes_are_told_in_a_line(call: Call, words: tuple[str, ...], why: str) -> None:
    result = call("trace", *words)
    assert result.exit_code == 2
    assert result.output.startswith(f"linkwatch trace: {why}")
    assert len(result.output.splitlines()) == 1


def test_without_the_right_the_message_says_what_mends_it() -> None:
    if shutil.which("setpriv") is None:
        pytest.skip("needs setpriv: apt-get install util-linux")
    done = run("trace", "127.0.0.1", wrap=("setpriv", "--bounding-set=-net_raw", "--inh-caps=-net_raw"))
    assert done.returncode == 3
    assert "setcap cap_net_raw+ep" in done.stderr
