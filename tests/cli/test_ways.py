"""Pings by another way, and what the doctor says of the ways that an inventory asks for."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.live.watch import LINKWATCH
from tests.probes.icmp.uplinks import THERE, Uplinks, uplinks


@pytest.fixture(scope="module")
def net() -> Iterator[Uplinks]:
    with uplinks() as made:
        yield made


def run(net: Uplinks, *words: str) -> subprocess.CompletedProcess[str]:
    command = net["here"].command(*words)
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def ping(net: Uplinks, *options: str, version: int = 4) -> tuple[int, dict[str, Any]]:
    quick = ("--count", "3", "--interval", "20ms", "--timeout", "500ms", "--json")
    done = run(net, LINKWATCH, "ping", THERE[version], *quick, *options)
    assert "Traceback" not in done.stderr
    return done.returncode, json.loads(done.stdout)["targets"][0]


@pytest.mark.parametrize("version", [4, 6])
def test_a_ping_goes_by_the_way_that_was_asked_for(net: Uplinks, version: int) -> None:
    net.cut("carrier-a")
    try:
        assert ping(net, version=version)[0] == 1
        options = ("--interface", "up-b", "--dscp", "ef", "--size", "1000", "--dont-fragment")
        code, host = ping(net, *options, version=version)
    finally:
        net.mend("carrier-a")
    assert (code, host["received"], host["ttl"]) == (0, 3, 63)


def test_what_does_not_fit_is_told(net: Uplinks) -> None:
    code, host = ping(net, "--size", "2000", "--dont-fragment")
    assert (code, host["too_big"], host["lost"]) == (1, 3, 0)
    assert host["error"] == "not sent: too big for the interface, and not to be cut into pieces"


@pytest.mark.parametrize(
    ("options", "code", "told"),
    [
        (("--dscp", "gold"), 2, "dscp: must be 0 to 63"),
        (("--family", "ipv6"), 2, "there is no IPv6 address"),
        (("--source", "fd98:1::1"), 2, "there is no IPv6 address"),
        (("--interface", "ppp 0"), 2, "interface: must be the name of one"),
    ],
)
def test_wrong_options_say_what_is_allowed(
    net: Uplinks, options: tuple[str, ...], code: int, told: str
) -> None:
    done = run(net, LINKWATCH, "ping", THERE[4], *options)
    assert (done.returncode, told in done.stderr, "Traceback" in done.stderr) == (code, True, False)


def test_who_may_not_mark_packets_hears_what_mends_it(net: Uplinks) -> None:
    without = ("setpriv", "--inh-caps=-all", "--bounding-set=-net_raw,-net_admin")
    done = run(net, *without, LINKWATCH, "ping", THERE[4], "--mark", "7")
    assert done.returncode == 3
    assert "mark 7 needs the right CAP_NET_ADMIN" in done.stderr


def test_the_doctor_names_what_the_ways_of_an_inventory_lack(net: Uplinks, tmp_path: Path) -> None:
    ways = [
        {"type": "icmp"},
        {"type": "icmp", "name": "gone", "interface": "ppp7"},
        {"type": "icmp", "name": "b", "interface": "up-b", "source": "10.98.2.1", "mark": 7},
        {"type": "icmp", "name": "foreign", "source": "10.98.9.9"},
    ]
    document = {
        "targets": [{"id": "there", "kind": "host", "address": THERE[4], "probes": ways}],
        "store": {"url": f"sqlite:///{tmp_path}/linkwatch.db"},
    }
    file = tmp_path / "inventory.yml"
    file.write_text(json.dumps(document))
    done = run(net, LINKWATCH, "doctor", str(file), "--json")
    found = [(f["name"], f["good"], f["text"]) for f in json.loads(done.stdout)]
    assert ("interface", True, "up-b is there") in found
    assert ("source", True, "10.98.2.1 is an address of this machine") in found
    assert ("marks", True, "packets may be marked (7)") in found
    bad = [text for name, good, text in found if not good and name in ("interface", "source", "marks")]
    assert [text.split(":")[0] for text in bad] == [
        "this machine has no interface 'ppp7'",
        "10.98.9.9 is not an address of this machine",
    ]
    net.run("here", "sysctl", "-qw", "net.ipv4.conf.up-b.rp_filter=1")
    told = run(net, LINKWATCH, "doctor", str(file)).stdout
    net.run("here", "sysctl", "-qw", "net.ipv4.conf.up-b.rp_filter=0")
    assert "sudo sysctl -w net.ipv4.conf.up-b.rp_filter=2" in told
