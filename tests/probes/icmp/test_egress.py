"""How pings leave this machine: through which carrier, from which address, with what in their header."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from ipaddress import ip_address

import pytest

from probes.icmp import Egress, Outcome, Pinger, Settings, probe
from probes.icmp.targets import PingTarget
from probes.sample import Reason, Target
from tests.probes.icmp.collector import Collector
from tests.probes.icmp.conftest import wait_for
from tests.probes.icmp.uplinks import THERE, Uplinks, uplinks, watching

Start = Callable[..., Pinger]


@pytest.fixture
def net() -> Iterator[Uplinks]:
    with uplinks() as made:
        yield made


def there(key: str, version: int = 4, size: int = 56, **egress: object) -> PingTarget:
    if isinstance(egress.get("source"), str):
        egress["source"] = ip_address(str(egress["source"]))
    return PingTarget(
        key,
        ip_address(THERE[version]),
        0.05,
        size,
        timeout_s=0.5,
        egress=Egress(**egress),  # type: ignore[arg-type]
    )


def start_here(net: Uplinks, start: Start, *targets: PingTarget) -> Pinger:
    with net["here"].entered():
        return start(*targets)


def up(pinger: Pinger) -> dict[str, int]:
    return {key: int(pinger.up[row]) for key, row in pinger.rows.items()}


WAYS = [
    there("a4", interface="up-a"),
    there("b4", interface="up-b"),
    there("a6", 6, interface="up-a"),
    there("b6", 6, interface="up-b"),
    there("plain"),
    there("from-b", source="10.98.2.1", interface="up-b"),
]


def test_only_the_probes_through_the_carrier_that_is_cut_fail(net: Uplinks, start: Start) -> None:
    pinger = start_here(net, start, *WAYS)
    wait_for(lambda: set(up(pinger).values()) == {1})
    net.cut("carrier-b")
    wait_for(lambda: up(pinger)["b4"] == up(pinger)["b6"] == up(pinger)["from-b"] == 0)
    assert up(pinger)["a4"] == up(pinger)["a6"] == up(pinger)["plain"] == 1
    net.mend("carrier-b")
    wait_for(lambda: set(up(pinger).values()) == {1})


@pytest.mark.parametrize("version", [4, 6])
def test_header_and_source_arrive_as_they_were_set(net: Uplinks, start: Start, version: int) -> None:
    source = {4: "10.98.2.1", 6: "fd98:2::1"}[version]
    with watching(net["there"], version) as next_request:
        egress = {"source": source, "interface": "up-b", "dscp": 46, "dont_fragment": True}
        start_here(net, start, there("ef", version, 1000, **egress))
        seen = next_request()
    assert (seen.source, seen.dscp, seen.dont_fragment, seen.size) == (source, 46, True, 1000)


def test_a_mark_is_what_policy_routing_goes_by(net: Uplinks, start: Start) -> None:
    net.run("here", "ip", "rule", "add", "fwmark", "7", "table", "100")
    net.run("here", "ip", "route", "add", "default", "via", "10.98.2.2", "dev", "up-b", "table", "100")
    with watching(net["there"], 4) as next_request:
        start_here(net, start, there("marked", mark=7))
        assert next_request().source == "10.98.2.1"


@pytest.mark.parametrize("version", [4, 6])
def test_what_is_too_big_on_the_way_is_told_and_no_loss(net: Uplinks, start: Start, version: int) -> None:
    net.narrow("down-a", 1300)
    small, big = (
        there("small", version, 1000, dont_fragment=True),
        there("big", version, 1400, dont_fragment=True),
    )
    pinger = start_here(net, start, small, big)
    collector = Collector(pinger)
    wait_for(lambda: up(pinger)["small"] == 1 and collector.count(Outcome.VOID, "big") > 10)
    assert up(pinger)["big"] == -1
    assert not collector.fallen()
    assert collector.count(Outcome.LOST, "big") == 0
    counters, row = pinger.row_counters(), pinger.rows["big"]
    assert counters.too_big[row] == collector.count(Outcome.VOID, "big")
    assert {error.mtu for error in collector.errors} == {1300}
    net.narrow("down-a", 1500)
    wait_for(lambda: up(pinger)["big"] == 1)
    assert pinger.trouble[row] == 0


def test_a_way_that_gets_narrow_makes_nothing_down(net: Uplinks, start: Start) -> None:
    """The confirmations of a suspicion are too big as well: that is no silence."""
    pinger = start_here(net, start, there("big", 4, 1400, dont_fragment=True))
    collector = Collector(pinger)
    wait_for(lambda: up(pinger)["big"] == 1)
    net.cut("carrier-a")
    wait_for(lambda: bool(pinger.suspect[0]))
    net.narrow("down-a", 1300)
    net.mend("carrier-a")
    wait_for(lambda: up(pinger)["big"] == -1)
    assert not collector.fallen()


def test_a_ping_that_may_be_cut_into_pieces_gets_through(net: Uplinks, start: Start) -> None:
    net.narrow("down-a", 1300)
    pinger = start_here(net, start, there("big4", 4, 4000), there("big6", 6, 4000))
    wait_for(lambda: up(pinger) == {"big4": 1, "big6": 1})


async def test_the_probe_says_by_whom_and_how_much_would_fit(net: Uplinks) -> None:
    net.narrow("down-a", 1300)
    with net["here"].entered():
        settings = Settings(sizes=(100, 1400), dont_fragment=True, interval_s=0.05, timeout_s=0.5)
        sample = await probe(Target("there", THERE[4]), settings, 5.0)
    assert (sample.ok, sample.reason) == (False, Reason.TOO_BIG)
    assert sample.detail == "1400 bytes: too big: 10.98.1.2 passes 1300 bytes"
    assert (sample.facts["100 bytes: received"], sample.facts["1400 bytes: too_big"]) == ("3", "3")


async def test_what_the_interface_does_not_take_is_too_big(net: Uplinks) -> None:
    with net["here"].entered():
        settings = Settings(size=1473, dont_fragment=True, interval_s=0.05, timeout_s=0.5)
        sample = await probe(Target("there", THERE[4]), settings, 5.0)
    assert sample.reason is Reason.TOO_BIG
    assert sample.detail == "not sent: too big for the interface, and not to be cut into pieces"


@pytest.mark.parametrize("version", [4, 6])
def test_another_way_back_is_seen_by_the_ttl(net: Uplinks, start: Start, version: int) -> None:
    pinger = start_here(net, start, there("x", version))
    wait_for(lambda: pinger.row_counters().received[0] >= 3)
    assert (pinger.row_counters().ttl[0], pinger.row_counters().ttl_changes[0]) == (63, 0)
    net.route("del", "there", "up-a", "carrier-a", "down-a", 10)
    net.route("add", "there", "up-a", "carrier-b", "down-b", 10)
    wait_for(lambda: pinger.row_counters().ttl[0] == 62)
    assert pinger.row_counters().ttl_changes[0] == 1


def test_an_interface_that_is_gone_is_told_and_found_again(net: Uplinks, start: Start) -> None:
    pinger = start_here(net, start, there("b", interface="up-b"), there("plain"))
    wait_for(lambda: up(pinger) == {"b": 1, "plain": 1})
    net.run("here", "ip", "link", "del", "up-b")
    wait_for(lambda: up(pinger)["b"] != 1)
    wait_for(lambda: list(pinger.faults.values()) == ["this machine has no interface 'up-b'"])
    assert up(pinger)["plain"] == 1
    net.link("up-b")
    net.route("add", "here", "default", "carrier-b", "up-b", 20)
    net.route("add", "carrier-b", "up-a", "carrier-a", "cross", 20)
    wait_for(lambda: up(pinger) == {"b": 1, "plain": 1})
    assert not pinger.faults


@pytest.mark.parametrize("version", [4, 6])
def test_an_interface_that_vanishes_is_our_own_fault_and_makes_nothing_down(
    net: Uplinks, start: Start, version: int
) -> None:
    """Until it is found missing the kernel may only say that there is no route: no word on the target."""
    pinger = start_here(net, start, there("b", version, interface="up-b"))
    collector = Collector(pinger)
    for _ in range(3):
        wait_for(lambda: up(pinger)["b"] == 1)
        net.run("here", "ip", "link", "del", "up-b")
        wait_for(lambda: up(pinger)["b"] != 1)
        wait_for(lambda: list(pinger.faults.values()) == ["this machine has no interface 'up-b'"])
        assert up(pinger)["b"] == -1
        net.link("up-b")
        net.route("replace", "here", "default", "carrier-b", "up-b", 20)
        net.route("replace", "carrier-b", "up-a", "carrier-a", "cross", 20)
    assert not collector.fallen()


def test_a_source_that_this_machine_lacks_is_told_and_used_once_it_comes(net: Uplinks, start: Start) -> None:
    pinger = start_here(net, start, there("late", source="10.98.1.9"), there("plain"))
    wait_for(lambda: up(pinger)["plain"] == 1)
    assert list(pinger.faults.values()) == ["10.98.1.9 is not an address of this machine"]
    assert up(pinger)["late"] == -1
    net.run("here", "ip", "addr", "add", "10.98.1.9/24", "dev", "up-a")
    wait_for(lambda: up(pinger) == {"late": 1, "plain": 1})


def test_another_egress_is_measured_anew_and_the_rest_goes_on(net: Uplinks, start: Start) -> None:
    pinger = start_here(net, start, there("moves", interface="up-a"), there("stays"))
    wait_for(lambda: pinger.row_counters().received.min() >= 3)
    before = pinger.row_counters().received[pinger.rows["stays"]]
    with net["here"].entered():  # a socket that it needs is opened now
        pinger.replace([there("moves", interface="up-b"), there("stays")])
    assert pinger.row_counters().received[pinger.rows["moves"]] == 0
    wait_for(lambda: up(pinger) == {"moves": 1, "stays": 1})
    assert pinger.row_counters().received[pinger.rows["stays"]] >= before


@pytest.mark.parametrize(
    ("egress", "allowed"),
    [
        ({"interface": "no such interface"}, "name of one"),
        ({"mark": -1}, "0 \\(none\\) to 4294967295"),
        ({"dscp": 64}, "0 to 63"),
    ],
)
def test_what_no_kernel_takes_is_refused(egress: dict[str, object], allowed: str) -> None:
    with pytest.raises(ValueError, match=allowed):
        Egress(**egress)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("settings", "wrong"),
    [
        ({"dscp": "gold"}, "dscp: must be 0 to 63, or a name such as ef"),
        ({"family": "ipx"}, "family: must be one of any, ipv4, ipv6"),
        ({"source": "eth0"}, "source: must be an IP address of this machine"),
        ({"source": "10.0.0.1", "family": "ipv6"}, "source: must be an ipv6 address"),
        ({"sizes": (56, 70_000)}, "sizes: must be of 16 to 65507 bytes each"),
        ({"sizes": (56, 56)}, "sizes: must be different"),
    ],
)
def test_wrong_settings_say_what_is_allowed(settings: dict[str, object], wrong: str) -> None:
    with pytest.raises(ValueError, match=wrong):
        Settings(**settings)  # type: ignore[arg-type]


async def test_each_family_of_a_name_is_a_probe_of_its_own() -> None:
    for family, address in (("ipv4", "127.0.0.1"), ("ipv6", "::1")):
        settings = Settings(family=family, interval_s=0.02, timeout_s=0.5)
        known = {ip_address(entry[4][0]).version for entry in socket.getaddrinfo("localhost", None)}
        sample = await probe(Target("here", "localhost"), settings, 5.0)
        if ip_address(address).version in known:
            assert sample.facts["address"] == address
        else:
            assert sample.reason is Reason.RESOLVE
