"""Of several addresses the first that answers is taken; one that keeps silent holds nobody up (RFC 8305)."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import ip_address

import pytest

from probes.connection import connect_any
from probes.failure import ProbeError
from probes.race import MOST_ADDRESSES, families_in_turn
from probes.sample import IPAddress, Reason
from probes.testing import hang, serve_tcp
from tests.probes.backlog import full_backlog


def addresses(*texts: str) -> tuple[IPAddress, ...]:
    return tuple(map(ip_address, texts))


@contextmanager
def ipv6_backlog(port: int) -> Iterator[None]:
    try:
        with full_backlog("::1", port):
            yield
    except OSError as error:
        if error.errno in (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL):
            pytest.skip("needs IPv6 on loopback")
        raise


async def facts_of(first: str, *further: str, port: int) -> dict[str, str]:
    async with asyncio.timeout(5):
        connected, facts = await connect_any(addresses(first, *further), port)
    assert connected.getpeername()[0] == facts["address"]
    connected.close()
    return facts


async def test_an_address_that_keeps_silent_does_not_hide_one_that_answers() -> None:
    async with serve_tcp(hang) as port:
        with full_backlog("127.0.0.2", port):
            facts = await facts_of("127.0.0.2", "127.0.0.1", port=port)
    assert facts == {"address": "127.0.0.1", "family": "ipv4", "not_reached": "127.0.0.2: no answer"}


async def test_which_family_answers_and_which_does_not_is_told() -> None:
    async with serve_tcp(hang) as port:
        with ipv6_backlog(port):
            facts = await facts_of("::1", "127.0.0.1", port=port)
    assert facts == {"address": "127.0.0.1", "family": "ipv4", "not_reached": "::1: no answer"}


async def test_where_the_first_answers_nothing_is_said_of_the_others() -> None:
    async with serve_tcp(hang) as port:
        assert await facts_of("127.0.0.1", "127.0.0.2", port=port) == {"address": "127.0.0.1"}
        assert await facts_of("127.0.0.1", port=port) == {"address": "127.0.0.1"}


async def test_the_others_are_tried_at_once_where_nothing_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("probes.race.NEXT_AFTER_S", 60.0)
    async with serve_tcp(hang) as port:
        facts = await facts_of("127.0.0.2", "127.0.0.3", "127.0.0.1", port=port)
    assert facts["not_reached"] == "127.0.0.2: Connection refused; 127.0.0.3: Connection refused"


async def test_where_none_answers_the_first_failure_counts() -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        with pytest.raises(ProbeError, match=r"127\.0\.0\.1: Connection refused") as caught:
            await connect_any(addresses("127.0.0.1", "127.0.0.2"), bound.getsockname()[1])
    assert caught.value.reason is Reason.REFUSED


async def test_whoever_is_too_late_leaves_nothing_open() -> None:
    """Warnings are errors: a socket that nobody closes would be one."""
    with full_backlog("127.0.0.2") as port, full_backlog("127.0.0.3", port), pytest.raises(TimeoutError):
        async with asyncio.timeout(0.4):
            await connect_any(addresses("127.0.0.2", "127.0.0.3"), port)
    await asyncio.sleep(0.01)
    assert [task for task in asyncio.all_tasks() if task is not asyncio.current_task()] == []


def test_the_families_take_turns_and_the_order_within_each_stays() -> None:
    given = addresses("fd00::1", "fd00::2", "fd00::3", "10.0.0.1", "10.0.0.2")
    assert families_in_turn(given) == addresses("fd00::1", "10.0.0.1", "fd00::2", "10.0.0.2", "fd00::3")
    assert families_in_turn(given[::-1])[:2] == addresses("10.0.0.2", "fd00::3")
    many = tuple(ip_address("10.0.0.0") + place for place in range(50))
    assert families_in_turn(many) == many[:MOST_ADDRESSES]
