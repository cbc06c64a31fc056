"""Names become addresses: the system's resolver is spoken for, nothing else."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections import defaultdict
from collections.abc import Iterator
from ipaddress import ip_address, ip_network
from itertools import pairwise

import pytest

from linkwatch.core.inventory import Inventory, IPAddress, Kind, ProbeSpec, Scope, Target
from linkwatch.flow import addresses
from linkwatch.flow.addresses import Addresses, literal_addresses
from probes.icmp import Settings
from probes.resolve import ResolveError
from probes.sample import Reason
from tests.flow.watching import ICMP


class Resolver:
    """Answers in place of getaddrinfo; an exception is raised, no entry hangs until the test ends."""

    def __init__(self) -> None:
        self.names: dict[str, list[str] | Exception] = {}
        self.ended = threading.Event()

    def getaddrinfo(self, host: str, *_args: object, **_options: object) -> list[object]:
        answer = self.names.get(host)
        if answer is None:
            self.ended.wait(30.0)
            raise socket.gaierror(socket.EAI_AGAIN, "no answer")
        if isinstance(answer, Exception):
            raise answer
        return [(socket.AF_INET, socket.SOCK_DGRAM, 0, "", (address, 0)) for address in answer]


@pytest.fixture
def resolver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Resolver]:
    made = Resolver()
    monkeypatch.setattr(socket, "getaddrinfo", made.getaddrinfo)
    yield made
    made.ended.set()


class Followed:
    """Addresses of targets that are called like their names, and how often they changed."""

    def __init__(self, *names: str) -> None:
        targets = {n: Target(n, n, Kind.HOST, n, probes=(ICMP,)) for n in names}
        inventory = Inventory(Scope((ip_network("127.0.0.0/8"),)), targets)
        self.changes = 0
        self.failures: list[tuple[str, str]] = []
        self.lifetimes_s: dict[str, float] = {}
        self.asked_at: defaultdict[str, list[float]] = defaultdict(list)
        self.addresses = Addresses(
            inventory, literal_addresses(inventory), self._changed, self._failed, self._lifetime_s
        )

    def known(self) -> dict[str, str]:
        return {target: str(address) for target, address in self.addresses.known.items()}

    async def _changed(self) -> None:
        self.changes += 1

    async def _lifetime_s(self, name: str, _version: int, _deadline_s: float) -> float | None:
        self.asked_at[name].append(asyncio.get_running_loop().time())
        return self.lifetimes_s.get(name)

    def _failed(self, target: str, reason: Reason) -> None:
        self.failures.append((target, reason.value))


async def test_literals_are_known_at_once_and_names_once_looked_up(resolver: Resolver) -> None:
    resolver.names = {"core": ["127.0.0.9"]}
    followed = Followed("127.0.0.1", "core")
    assert dict(followed.addresses.known) == {"127.0.0.1": ip_address("127.0.0.1")}
    await followed.addresses.refresh()
    assert followed.known()["core"] == "127.0.0.9"
    assert followed.changes == 1


@pytest.mark.parametrize(
    "error", [socket.gaierror(socket.EAI_NONAME, "unknown"), UnicodeError("label too long")]
)
async def test_a_name_that_does_not_resolve_has_no_address_and_stops_nobody(
    resolver: Resolver, error: Exception
) -> None:
    resolver.names = {"lost": error, "core": ["127.0.0.9"]}
    followed = Followed("lost", "core")
    await followed.addresses.refresh()
    assert followed.known() == {"core": "127.0.0.9"}


async def test_the_last_address_is_kept_while_a_look_up_fails(resolver: Resolver) -> None:
    resolver.names = {"core": ["127.0.0.9"]}
    followed = Followed("core")
    await followed.addresses.refresh()
    resolver.names = {"core": socket.gaierror(socket.EAI_AGAIN, "later")}
    await followed.addresses.refresh()
    assert (followed.known(), followed.changes) == ({"core": "127.0.0.9"}, 1)


async def test_an_address_that_is_still_given_is_kept_whatever_the_order(resolver: Resolver) -> None:
    resolver.names = {"core": ["127.0.0.8", "127.0.0.9"]}
    followed = Followed("core")
    await followed.addresses.refresh()
    resolver.names = {"core": ["127.0.0.9", "127.0.0.8"]}
    await followed.addresses.refresh()
    assert (followed.known(), followed.changes) == ({"core": "127.0.0.8"}, 1)
    resolver.names = {"core": ["127.0.0.9"]}
    await followed.addresses.refresh()
    assert (followed.known(), followed.changes) == ({"core": "127.0.0.9"}, 2)


async def test_of_several_addresses_one_inside_the_scope_is_taken(resolver: Resolver) -> None:
    resolver.names = {"core": ["192.0.2.1", "127.0.0.9"]}
    followed = Followed("core")
    await followed.addresses.refresh()
    assert followed.known() == {"core": "127.0.0.9"}


async def test_a_name_that_moved_out_of_the_scope_is_not_measured_any_more(resolver: Resolver) -> None:
    resolver.names = {"core": ["127.0.0.9"]}
    followed = Followed("core")
    await followed.addresses.refresh()
    resolver.names = {"core": ["192.0.2.1"]}
    await followed.addresses.refresh()
    assert (followed.known(), followed.changes) == ({}, 2)


async def test_names_whose_resolver_hangs_hold_up_no_other_name(
    resolver: Resolver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(addresses, "LOOKUP_DEADLINE_S", 0.2)
    resolver.names = {"core": ["127.0.0.9"]}
    followed = Followed(*(f"hangs-{number}" for number in range(40)), "core")
    async with asyncio.timeout(5.0):
        await followed.addresses.refresh()
    assert followed.known() == {"core": "127.0.0.9"}


async def test_what_gives_no_address_is_counted_each_time_and_told_once(
    resolver: Resolver, caplog: pytest.LogCaptureFixture
) -> None:
    gone = socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    resolver.names = {"gone": gone, "abroad": ["192.0.2.1"], "here": ["127.0.0.9"]}
    followed = Followed("gone", "abroad", "here")
    await followed.addresses.refresh()
    await followed.addresses.refresh()
    assert followed.failures == [("gone", "resolve"), ("abroad", "permission")] * 2
    assert followed.addresses.unresolved == {"gone": "resolve", "abroad": "permission"}
    assert caplog.text.count("their targets are unknown") == 1
    assert "gone: Name or service not known; abroad is outside the scope (192.0.2.1)" in caplog.text
    resolver.names = {**resolver.names, "gone": ["127.0.0.8"]}
    await followed.addresses.refresh()
    assert followed.addresses.unresolved == {"abroad": "permission"}


async def test_each_family_of_a_name_has_an_address_of_its_own(resolver: Resolver) -> None:
    v6, v4 = (ProbeSpec(family, "icmp", 1.0, 3.0, Settings(family=family)) for family in ("ipv6", "ipv4"))
    probes = (ICMP, v6, v4)
    targets = {n: Target(n, n, Kind.HOST, n, probes=probes) for n in ("both", "old")}
    scope = Scope((ip_network("127.0.0.0/8"), ip_network("::1/128")))
    followed = Followed()
    followed.addresses.use(Inventory(scope, targets), {})
    resolver.names = {"both": ["127.0.0.1", "::1"], "old": ["127.0.0.2"]}
    await followed.addresses.refresh()
    assert {key: str(address) for key, address in followed.addresses.pinged.items()} == {
        "both": "127.0.0.1",
        "both/ipv6": "::1",
        "both/ipv4": "127.0.0.1",
        "old": "127.0.0.2",
        "old/ipv4": "127.0.0.2",
    }
    assert followed.known() == {"both": "127.0.0.1", "old": "127.0.0.2"}
    assert not followed.addresses.unresolved
    assert followed.failures == [("old/ipv6", Reason.RESOLVE)]


async def resolved_at_once(_target: object, host: str) -> tuple[IPAddress, ...]:
    """In place of threads, which know nothing of virtual time."""
    try:
        entries = socket.getaddrinfo(host, None)
    except UnicodeError as error:
        raise ResolveError(Reason.RESOLVE, str(error)) from None
    return tuple(ip_address(entry[4][0]) for entry in entries)


@pytest.mark.looptime(idle_timeout=1e9)
@pytest.mark.parametrize(
    ("lifetime_s", "pause_s"), [(20.0, 20.0), (0.0, 5.0), (86_400.0, 300.0), (None, 60.0)]
)
async def test_a_name_is_looked_up_when_its_addresses_may_be_others(
    resolver: Resolver, monkeypatch: pytest.MonkeyPatch, lifetime_s: float | None, pause_s: float
) -> None:
    monkeypatch.setattr(addresses, "resolve", resolved_at_once)
    resolver.names = {"core": ["127.0.0.9"], "other": ["127.0.0.8"]}
    followed = Followed("core", "other")
    followed.lifetimes_s = {"other": 33.0} | ({} if lifetime_s is None else {"core": lifetime_s})
    running = asyncio.create_task(followed.addresses.run())
    await asyncio.sleep(1000.0)
    resolver.names["core"] = ["127.0.0.7"]
    await asyncio.sleep(pause_s + 1.0)
    running.cancel()
    pauses_s = {after - before for before, after in pairwise(followed.asked_at["core"])}
    assert all(pause_s - 1.0 <= pause <= pause_s for pause in pauses_s), pauses_s
    assert followed.known()["core"] == "127.0.0.7"


@pytest.mark.looptime(idle_timeout=1e9)
async def test_while_look_ups_fail_they_are_tried_again_as_often_as_before(
    resolver: Resolver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(addresses, "resolve", resolved_at_once)
    resolver.names = {"core": ["127.0.0.9"]}
    followed = Followed("core")
    followed.lifetimes_s = {"core": 20.0}
    running = asyncio.create_task(followed.addresses.run())
    await asyncio.sleep(10.0)
    resolver.names, followed.lifetimes_s = {"core": UnicodeError("no answer")}, {}
    await asyncio.sleep(100.0)
    assert followed.known() == {"core": "127.0.0.9"}
    resolver.names = {"core": ["127.0.0.7"]}
    await asyncio.sleep(21.0)
    assert followed.known() == {"core": "127.0.0.7"}
    running.cancel()
