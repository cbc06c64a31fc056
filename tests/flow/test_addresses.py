"""Names become addresses: the system's resolver is spoken for, nothing else."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from ipaddress import ip_address, ip_network

import pytest

from linkwatch.core.inventory import Inventory, Kind, ProbeSpec, Scope, Target
from linkwatch.flow import addresses
from linkwatch.flow.addresses import Addresses, literal_addresses
from probes.icmp import Settings
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
        self.addresses = Addresses(inventory, literal_addresses(inventory), self._changed, self._failed)

    def known(self) -> dict[str, str]:
        return {target: str(address) for target, address in self.addresses.known.items()}

    async def _changed(self) -> None:
        self.changes += 1

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
