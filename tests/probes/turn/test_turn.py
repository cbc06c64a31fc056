"""The TURN probe against coturn: allocations made and given back, and each way to be refused."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import pytest

from probes.attempt import Attempt
from probes.dialect import conversation_with
from probes.sample import Reason, Sample, Target
from probes.stun.message import Attribute, Kind, Message, Method, decode, encode
from probes.stun.transaction import STUN
from probes.turn import Settings, sampling
from probes.turn.client import Client
from probes.turn.credentials import Credentials, credentials_at
from tests.probes.coturn import USER, coturn
from tests.probes.daemons import free_port
from tests.probes.datagrams import serve_udp

ALLOCATION, CODE = ("linkwatch_turn_allocation_seconds", ()), ("linkwatch_turn_error_code", ())
PASSWORD = {"user": "lw", "password": "secret"}
PLAIN = (*USER, "--no-tls")


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with coturn(*PLAIN) as port:
        yield port


async def ask(port: int, deadline_s: float = 5.0, **settings: Any) -> Sample:
    return await sampling.probe(Target("t", f"127.0.0.1:{port}"), Settings(**settings), deadline_s)


@asynccontextmanager
async def held_allocation(port: int) -> AsyncIterator[Client]:
    target = Target("t", f"127.0.0.1:{port}")
    async with conversation_with(target, Settings(), STUN, Attempt()) as conversation:
        client = Client(conversation, Credentials("lw", "secret"))
        await client.allocate()
        yield client


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_an_allocation_is_made(port: int, transport: str) -> None:
    sample = await ask(port, transport=transport, **PASSWORD)
    assert sample.ok, sample.detail
    assert 0 < sample.values[ALLOCATION] <= sample.duration_s
    assert sample.facts["relayed_address"].startswith("127.0.0.1:")
    assert sample.facts["mapped_address"] == "127.0.0.1"


async def test_an_allocation_is_given_back() -> None:
    """Else coturn would hold it for ten minutes; given back, it is free after a second."""
    with coturn(*PLAIN, "--user-quota", "1") as port:
        assert (await ask(port, **PASSWORD)).ok
        began_s = time.monotonic()
        while not (await ask(port, **PASSWORD)).ok:
            assert time.monotonic() < began_s + 5
            await asyncio.sleep(0.1)


async def test_the_quota_of_the_user_is_told_by_its_code() -> None:
    with coturn(*PLAIN, "--user-quota", "1") as port:
        async with held_allocation(port):
            sample = await ask(port, **PASSWORD)
    assert (sample.reason, sample.values[CODE]) == (Reason.PROTOCOL, 486)
    assert sample.detail == (
        "allocate: 486 Allocation Quota Reached (the user has as many allocations as he may have)"
    )


async def test_a_server_that_relays_ipv6_alone_is_told_from_one_that_refuses_us() -> None:
    """Who does not ask for IPv6, and most clients do not, gets IPv4 or nothing (RFC 8656, 7.2)."""
    with coturn(*PLAIN, "--relay-ip", "::1") as port:
        sample = await ask(port, **PASSWORD)
    assert (sample.reason, sample.values[CODE]) == (Reason.PROTOCOL, 440)
    assert sample.detail.endswith("(the server relays no IPv4)")


async def test_a_server_without_capacity_is_told_by_its_code() -> None:
    only = str(free_port())
    with coturn(*PLAIN, "--min-port", only, "--max-port", only) as port:
        async with held_allocation(port):
            sample = await ask(port, **PASSWORD)
    assert (sample.reason, sample.values[CODE]) == (Reason.PROTOCOL, 508)
    assert sample.detail.endswith("(the server has no capacity left)")


async def test_a_server_that_relays_no_udp_says_so() -> None:
    with coturn(*PLAIN, "--no-udp-relay") as port:
        sample = await ask(port, **PASSWORD)
    assert (sample.reason, sample.values[CODE]) == (Reason.PROTOCOL, 442)
    assert sample.detail.endswith("(the server does not relay UDP)")


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({}, "the server asks for a user, and none is set"),
        ({"user": "lw", "password": "wrong"}, "the server does not accept this user or this password"),
        ({"user": "who", "password": "secret"}, "the server does not accept this user or this password"),
    ],
)
async def test_who_is_not_let_in_hears_why_and_no_password(
    port: int, settings: dict[str, str], why: str
) -> None:
    sample = await ask(port, **settings)
    assert (sample.reason, sample.values[CODE]) == (Reason.AUTH, 401)
    assert sample.detail == f"allocate: 401 Unauthorized ({why})"
    assert settings.get("password", "wrong") not in f"{sample!r}{Settings(**settings)!r}"


@pytest.mark.parametrize("secret", ["north", "south"])
async def test_a_shared_secret_makes_users_for_a_day(secret: str) -> None:
    with coturn("--use-auth-secret", "--static-auth-secret", "north", "-r", "lw.test", "--no-tls") as port:
        sample = await ask(port, secret=secret)
    assert sample.reason is (None if secret == "north" else Reason.AUTH)


def test_what_a_shared_secret_makes_is_what_the_draft_says() -> None:
    # printf 1600086400:lw | openssl dgst -sha1 -hmac north -binary | base64
    made = credentials_at(Settings(secret="north", user="lw"), now=1_600_000_000.9)
    assert made == Credentials("1600086400:lw", "hmPx6RTGUY55cj8CrY0rwssBlKQ=")
    assert "hmPx" not in repr(made)


async def test_an_expired_nonce_is_replaced() -> None:
    with coturn(*PLAIN, "--stale-nonce=1") as port:
        async with held_allocation(port) as client:
            client._signature[Attribute.NONCE] = b"0123456789abcdef"
            await client.release()


@contextmanager
def played(*answers: tuple[Kind, dict[Attribute, bytes], bytes]) -> Iterator[Any]:
    """Replies for serve_udp: the given ones in turn, each with its key; `heard` are the requests."""
    heard: list[Message] = []

    def reply(request: bytes) -> list[bytes]:
        heard.append(decode(request))
        if len(heard) > len(answers):
            return []
        kind, attributes, key = answers[len(heard) - 1]
        return [encode(Method(heard[-1].method), kind, request[8:20], attributes, key)]

    reply.heard = heard  # type: ignore[attr-defined]
    yield reply


CHALLENGE = (
    Kind.ERROR,
    {Attribute.ERROR_CODE: b"\0\0\4\1No", Attribute.REALM: b"lw.test", Attribute.NONCE: b"n1"},
    b"",
)
RELAYED = {Attribute.XOR_RELAYED_ADDRESS: b"\0\1\0\7\1\2\3\4"}
ELSEWHERE = {Attribute.ERROR_CODE: b"\0\0\3\0Away"}


async def test_a_success_that_is_not_signed_with_the_password_is_not_believed() -> None:
    with played(CHALLENGE, (Kind.SUCCESS, RELAYED, b"not the key")) as reply:
        async with serve_udp(reply) as port:
            sample = await ask(port, deadline_s=0.2, **PASSWORD)
    assert sample.reason is Reason.PROTOCOL
    assert sample.detail.endswith("only: a success without the right MESSAGE-INTEGRITY")


async def test_a_server_that_falls_silent_is_told_to_forget_us() -> None:
    with played(CHALLENGE) as reply:
        async with serve_udp(reply) as port:
            sample = await ask(port, deadline_s=0.2, **PASSWORD)
            await asyncio.sleep(0)
            await asyncio.sleep(0.01)
        heard: list[Message] = reply.heard
    assert (sample.reason, sample.detail) == (Reason.TIMEOUT, "no end of allocate within 0.2 s")
    assert [message.method for message in heard] == [Method.ALLOCATE, Method.ALLOCATE, Method.REFRESH]
    assert heard[-1].number(Attribute.LIFETIME) == 0


@pytest.mark.parametrize(
    ("answers", "detail"),
    [
        ([(Kind.SUCCESS, {}, b"")], "an allocation without a relayed address"),
        ([(Kind.SUCCESS, {Attribute.XOR_RELAYED_ADDRESS: b"?"}, b"")], "XOR_RELAYED_ADDRESS is no address"),
        ([(Kind.ERROR, {}, b"")], "an error without a code"),
        ([(Kind.ERROR, {Attribute.ERROR_CODE: b"\0\0\4\1"}, b"")], "401 without a realm and a nonce"),
        (
            [(Kind.ERROR, {**CHALLENGE[1], Attribute.NONCE: b"n" * 764}, b"")],
            "401 without a realm and a nonce",
        ),
        ([(Kind.ERROR, ELSEWHERE, b"")], "allocate: 300 Away"),
        (
            [(Kind.ERROR, {**ELSEWHERE, Attribute.ALTERNATE_SERVER: b"\0\1\x0d\x96\x0a\x26\0\7"}, b"")],
            "allocate: 300 Away (the server sends its clients to 10.38.0.7:3478: probe that one)",
        ),
        (
            [(Kind.ERROR, {**ELSEWHERE, Attribute.ALTERNATE_SERVER: b"?"}, b"")],
            "ALTERNATE_SERVER is no address",
        ),
    ],
)
async def test_a_server_that_does_not_keep_to_the_protocol(answers: list[Any], detail: str) -> None:
    with played(*answers) as reply:
        async with serve_udp(reply) as port:
            sample = await ask(port, deadline_s=1.0, **PASSWORD)
    assert (sample.reason, sample.detail) == (Reason.PROTOCOL, detail)


async def test_a_server_that_calls_every_nonce_stale_is_not_asked_for_ever() -> None:
    stale = (Kind.ERROR, {**CHALLENGE[1], Attribute.ERROR_CODE: b"\0\0\4\x26Stale"}, b"")
    with played(CHALLENGE, *[stale] * 10) as reply:
        async with serve_udp(reply) as port:
            sample = await ask(port, **PASSWORD)
        assert len(reply.heard) == 3
    assert (sample.reason, sample.values[CODE]) == (Reason.AUTH, 438)


async def test_a_server_that_forbids_it_refuses_us() -> None:
    forbidden = (Kind.ERROR, {Attribute.ERROR_CODE: b"\0\0\4\3Forbidden"}, b"")
    with played(forbidden) as reply:
        async with serve_udp(reply) as port:
            sample = await ask(port, **PASSWORD)
    assert (sample.reason, sample.values[CODE]) == (Reason.AUTH, 403)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"password": "x"}, "user: must be set where there is a password"),
        ({"user": "lw"}, "password: must be set where there is a user"),
        ({**PASSWORD, "secret": "x"}, "secret: must be left out where there is a password"),
        ({**PASSWORD, "user": "x" * 401}, "user: must be at most 400 bytes long"),
        ({"transport": "dtls"}, "transport: must be one of udp, tcp, tls"),
    ],
)
def test_a_wrong_setting_says_what_is_allowed(given: dict[str, str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Settings(**given)
