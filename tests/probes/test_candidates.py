"""A name with several addresses over UDP: one that refuses or keeps silent hides none that answers."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, nullcontext
from ipaddress import ip_address
from typing import Any

import pytest

from probes import registry
from probes.attempt import Attempt
from probes.candidates import datagrams_to
from probes.failure import ProbeError
from probes.sample import IPAddress, Reason, Sample, Target
from tests.probes.coturn import USER, coturn
from tests.probes.datagrams import Reply, serve_udp
from tests.probes.dns.test_dns import answered
from tests.probes.ntp.test_ntp import reply as time_reply
from tests.probes.sip.test_sip import respond
from tests.probes.stun.test_stun import success

REPLIES: dict[str, Callable[[bytes], bytes]] = {
    "stun": success,
    "sip": respond,
    "dns": answered,
    "ntp": time_reply,
}
LOGIN = {"turn": {"user": "lw", "password": "secret"}}
DNS = {"dns": {"query": "portal.test"}}


@contextmanager
def silent(address: str, port: int) -> Iterator[None]:
    """Hears everything and says nothing."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as deaf:
        try:
            deaf.bind((address, port))
        except OSError:
            pytest.skip("needs IPv6 on loopback")
        yield


@pytest.fixture
def name(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Makes every name one of some addresses."""

    def set_addresses(*addresses: str) -> None:
        entries = [(0, 0, 0, "", (address, 0)) for address in addresses]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_asked, **_more: entries)

    return set_addresses


async def measure(kind: str, port: int, deadline_s: float = 5.0, **target: Any) -> Sample:
    settings = registry.settings_of(kind)(**LOGIN.get(kind, {}), **DNS.get(kind, {}))
    there = Target("t", f"portal.test:{port}", **target)
    return await registry.load_sampling(kind).probe(there, settings, deadline_s)


@pytest.mark.parametrize("first", ["::1", "127.0.0.2"])
@pytest.mark.parametrize("is_silent", [False, True], ids=["refused", "silent"])
@pytest.mark.parametrize("kind", REPLIES)
async def test_the_next_address_is_asked(kind: str, is_silent: bool, first: str, name: Any) -> None:
    name(first, "127.0.0.1")
    async with serve_udp(lambda request: [REPLIES[kind](request)]) as port:
        with silent(first, port) if is_silent else nullcontext():
            sample = await measure(kind, port)
    assert sample.ok, sample.detail
    why = "no answer" if is_silent else "Connection refused"
    told = {key: sample.facts[key] for key in ("address", "family", "not_reached")}
    assert told == {"address": "127.0.0.1", "family": "ipv4", "not_reached": f"{first}: {why}"}


async def test_a_relay_is_reached_by_its_other_address(name: Any) -> None:
    name("127.0.0.2", "127.0.0.1")
    with coturn(*USER) as port:
        sample = await measure("turn", port)
    assert sample.ok, sample.detail
    assert sample.facts["not_reached"] == "127.0.0.2: Connection refused"


@pytest.mark.parametrize("kind", REPLIES)
async def test_times_are_those_of_the_address_that_answered(kind: str, name: Any) -> None:
    """Not from when another was asked: a clock would seem to be off by half of that."""
    name("127.0.0.2", "127.0.0.1")
    async with serve_udp(lambda request: [REPLIES[kind](request)]) as port:
        with silent("127.0.0.2", port):
            sample = await measure(kind, port)
    figures = {"ntp": "ntp_delay", "dns": "dns_query"}.get(kind, f"{kind}_rtt")
    seconds = [value for (metric, _), value in sample.values.items() if f"{figures}_seconds" in metric]
    assert len(seconds) == 1
    assert 0 <= seconds[0] < 0.2 < sample.duration_s


@pytest.mark.parametrize("kind", REPLIES)
async def test_where_nothing_listens_at_any_the_first_failure_counts(kind: str, name: Any) -> None:
    name("127.0.0.2", "127.0.0.3")
    async with serve_udp(lambda _request: ()) as port:
        sample = await measure(kind, port)
    assert (sample.reason, sample.detail) == (Reason.REFUSED, "127.0.0.2: Connection refused")


async def test_silence_everywhere_is_a_timeout_and_all_are_asked_however_short_the_time(name: Any) -> None:
    addresses = [f"127.0.0.{last}" for last in range(2, 7)]
    name(*addresses, "127.0.0.1")
    heard: list[bytes] = []
    async with serve_udp(lambda request: heard.append(request) or []) as port:
        with ExitStack() as stack:
            for address in addresses:
                stack.enter_context(silent(address, port))
            sample = await measure("stun", port, deadline_s=0.4)
    assert (sample.reason, sample.detail) == (Reason.TIMEOUT, "no end of binding within 0.4 s")
    assert heard


async def test_an_address_outside_the_scope_is_not_asked(name: Any) -> None:
    name("127.0.0.1", "127.0.0.2")
    heard: list[bytes] = []
    async with serve_udp(lambda request: heard.append(request) or []) as port:
        sample = await measure("stun", port, allows=lambda address: str(address) == "127.0.0.2")
    assert (sample.reason, heard) == (Reason.REFUSED, [])


async def ask_all(reply: Reply, *first: str) -> tuple[list[bytes], list[bytes], Attempt]:
    """Asks twice and says farewell; what was heard at the last address, both answers, and the attempt."""
    heard: list[bytes] = []

    def listen(request: bytes) -> Any:
        heard.append(request)
        return reply(request)

    attempt = Attempt(ends_s=asyncio.get_running_loop().time() + 5)
    addresses: tuple[IPAddress, ...] = tuple(map(ip_address, (*first, "127.0.0.1")))
    async with serve_udp(listen) as port:
        with closing(datagrams_to(addresses, port, attempt, (60.0,))) as way:
            answers = [(await way.ask(question, lambda data: data)).content for question in (b"1", b"2")]
            way.say(b"bye")
            await asyncio.sleep(0.05)
    return heard, answers, attempt


async def test_who_has_answered_is_spoken_with_from_then_on() -> None:
    heard, answers, attempt = await ask_all(lambda request: [request * 2], "127.0.0.2")
    assert (heard, answers) == ([b"1", b"2", b"bye"], [b"11", b"22"])
    assert attempt.facts["not_reached"] == "127.0.0.2: Connection refused"
    assert len(asyncio.all_tasks()) == 1


async def test_an_answer_that_is_a_failure_is_the_answer_of_that_address() -> None:
    """Whoever knows the request's id is there; that another keeps silent does not make it a timeout."""

    def refuse(data: bytes) -> bytes:
        raise ProbeError(Reason.PROTOCOL, "cannot be read")

    attempt = Attempt(ends_s=asyncio.get_running_loop().time() + 5)
    addresses: tuple[IPAddress, ...] = (ip_address("127.0.0.2"), ip_address("127.0.0.1"))
    async with serve_udp(lambda request: [request]) as port:
        way = datagrams_to(addresses, port, attempt, (60.0,))
        with silent("127.0.0.2", port), closing(way), pytest.raises(ProbeError, match="cannot be read"):
            await way.ask(b"1", refuse)
    assert attempt.facts["address"] == "127.0.0.1"
