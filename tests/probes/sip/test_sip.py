"""The SIP probe against Kamailio, beside sipsak, and against peers that are no SIP server."""

from __future__ import annotations

import asyncio
import re
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from ipaddress import ip_address
from typing import Any

import pytest

from probes.sample import Reason, Sample, Target
from probes.sip import Settings, sampling
from probes.testing import hang, say, serve_tcp
from tests.probes.daemons import free_port
from tests.probes.datagrams import serve_udp
from tests.probes.sip.kamailio import kamailio

RTT, REPEATS = ("linkwatch_sip_rtt_seconds", ()), ("linkwatch_sip_repeats", ())
STATUS = ("linkwatch_sip_status_code", ())


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with kamailio() as port:
        yield port


async def ask(port: int, deadline_s: float = 5.0, **settings: Any) -> Sample:
    return await sampling.probe(Target("t", f"127.0.0.1:{port}"), Settings(**settings), deadline_s)


def respond(request: bytes, status: str = "200 OK", to: str = "") -> bytes:
    via = next(line for line in request.decode().split("\r\n") if line.startswith("Via:"))
    return f"SIP/2.0 {status}\r\n{via}{to}\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n".encode()


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_kamailio_answers_and_says_who_it_is(port: int, transport: str) -> None:
    sample = await ask(port, transport=transport)
    assert sample.ok, sample.detail
    assert (sample.values[STATUS], sample.values[REPEATS]) == (200, 0)
    assert 0 < sample.values[RTT] <= sample.duration_s
    assert sample.facts["software"].startswith("kamailio")
    assert sample.facts["answer"] == "200 OK"
    assert sample.facts["allow"] == "INVITE, ACK, OPTIONS"
    assert sample.facts["mapped_address"] == "127.0.0.1"


@pytest.mark.parametrize(("user", "status"), [("login", 401), ("proxy", 407), ("nobody", 404), ("slow", 200)])
async def test_any_final_answer_shows_that_the_server_works(port: int, user: str, status: int) -> None:
    sample = await ask(port, user=user)
    assert sample.ok, sample.detail
    assert sample.values[STATUS] == status
    assert ("login" in sample.facts) == (status in (401, 407))


@pytest.mark.parametrize(
    ("user", "reason", "detail"),
    [
        ("login", Reason.AUTH, "answer 401 Unauthorized, expected 2xx"),
        ("nobody", Reason.PROTOCOL, "answer 404 Not Found, expected 2xx"),
        ("slow", None, ""),
    ],
)
async def test_where_only_success_counts_every_other_answer_fails(
    port: int, user: str, reason: Reason | None, detail: str
) -> None:
    sample = await ask(port, user=user, success_only=True)
    assert (sample.reason, sample.detail) == (reason, detail)


async def test_a_server_that_calls_itself_out_of_service_is(port: int) -> None:
    sample = await ask(port, user="broken")
    detail = "answer 503 Service Unavailable: the server says that it takes no calls now"
    assert (sample.reason, sample.detail) == (Reason.PROTOCOL, detail)
    assert sample.values[STATUS] == 503


@pytest.mark.parametrize("user", ["nobody", "broken"])
async def test_sipsak_hears_the_same(port: int, user: str) -> None:
    assert f"SIP/2.0 {(await ask(port, user=user)).facts['answer']}" in sipsak(f"sip:{user}@127.0.0.1:{port}")


def sipsak(uri: str) -> str:
    if shutil.which("sipsak") is None:
        pytest.skip("needs sipsak: apt-get install sipsak")
    return subprocess.run(["sipsak", "-vv", "-s", uri], capture_output=True, text=True).stdout


async def test_a_user_who_gets_no_answer_is_asked_for_until_the_deadline(port: int) -> None:
    sample = await ask(port, user="silent", deadline_s=0.2)
    assert (sample.reason, sample.detail) == (Reason.TIMEOUT, "no end of options within 0.2 s")


async def answer_from(address: str, make: Callable[[bytes], bytes], deadline_s: float = 0.8) -> Sample:
    """What comes of a server that hears at 127.0.0.1 and answers from another address."""
    with socket.socket(type=socket.SOCK_DGRAM) as elsewhere:
        elsewhere.bind((address, 0))

        class Server(asyncio.DatagramProtocol):
            def datagram_received(self, data: bytes, addr: Any) -> None:
                for _ in range(3):
                    elsewhere.sendto(make(data), addr)

        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(Server, ("127.0.0.1", 0))
        try:
            return await ask(transport.get_extra_info("sockname")[1], deadline_s)
        finally:
            transport.close()


async def test_an_answer_from_another_address_is_none_and_told() -> None:
    """A server with several addresses that does not answer from the one that was asked (RFC 3261, 18.2.2)."""
    sample = await answer_from("127.0.0.9", respond)
    assert sample.reason is Reason.TIMEOUT
    assert re.fullmatch(
        r"no end of options within 0\.8 s, but an answer came from 127\.0\.0\.9:\d+", sample.detail
    )


async def test_what_strangers_send_is_not_told() -> None:
    sample = await answer_from("127.0.0.9", lambda request: respond(request).replace(b"bK", b"bKx"))
    assert (sample.reason, sample.detail) == (Reason.TIMEOUT, "no end of options within 0.8 s")


async def test_a_lost_request_is_repeated_as_it_was() -> None:
    heard: list[bytes] = []

    def answer_the_second(request: bytes) -> list[bytes]:
        heard.append(request)
        return [respond(request)] if len(heard) == 2 else []

    async with serve_udp(answer_the_second) as port:
        sample = await ask(port)
    assert sample.ok
    assert heard[0] == heard[1]
    assert sample.values[REPEATS] == 1
    assert RTT not in sample.values


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_nothing_listens_there(transport: str) -> None:
    assert (await ask(free_port(), transport=transport)).reason is Reason.REFUSED


async def test_a_server_that_accepts_and_says_nothing_ends_at_the_deadline() -> None:
    async with serve_tcp(hang) as port:
        sample = await ask(port, deadline_s=0.2, transport="tcp")
    assert sample.reason is Reason.TIMEOUT


@pytest.mark.parametrize(
    ("forge", "noted"),
    [
        (lambda _request: b"\0\1garbage", "not a SIP message"),
        (lambda request: respond(request).replace(b"bK", b"bKx"), "an answer to another request"),
        (lambda request: respond(request, "999 What"), "not a SIP message"),
    ],
)
async def test_what_is_no_answer_is_passed_over_and_named_at_the_end(
    forge: Callable[[bytes], bytes], noted: str
) -> None:
    async with serve_udp(lambda request: [forge(request)]) as port:
        sample = await ask(port, deadline_s=0.1)
    assert (sample.reason, sample.detail) == (Reason.PROTOCOL, f"no answer to options, only: {noted}")
    async with serve_udp(lambda request: [forge(request), respond(request)]) as port:
        assert (await ask(port)).ok


@pytest.mark.parametrize(
    ("answer", "detail"),
    [
        (b"SSH-2.0-OpenSSH_9.2p1\r\n", "not a SIP message"),
        (b"SIP/2.0 200 OK\r\n", "the server closed the connection without an answer"),
        (b"NOTIFY sip:us SIP/2.0\r\nl: 0\r\n\r\n" * 200, "100 messages, none of them the answer"),
        (b"SIP/2.0 200 OK\r\nl: 99999\r\n\r\n" + b"x" * 70_000, "a message of more than 65600 bytes"),
    ],
)
async def test_a_stream_that_goes_astray_is_a_failure_at_once(answer: bytes, detail: str) -> None:
    async with serve_tcp(say(answer)) as port:
        sample = await ask(port, transport="tcp")
    assert (sample.reason, sample.detail) == (Reason.PROTOCOL, detail)


async def test_what_a_server_says_of_itself_is_shown_on_one_line_of_its_own() -> None:
    def boast(request: bytes) -> list[bytes]:
        return [respond(request, "200 \x1b[31mOK", to=f"\r\nServer: {'long ' * 100}")]

    async with serve_udp(boast) as port:
        sample = await ask(port)
    assert sample.facts["answer"] == "200 [31mOK"
    assert len(sample.facts["software"]) <= 121


async def test_nothing_is_sent_outside_the_scope() -> None:
    heard: list[bytes] = []
    async with serve_udp(lambda request: heard.append(request) or []) as port:
        outside = Target("t", f"127.0.0.1:{port}", allows=lambda address: address != ip_address("127.0.0.1"))
        sample = await sampling.probe(outside, Settings(), 0.2)
    assert sample.reason is Reason.PERMISSION
    assert heard == []


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"user": "a b"}, "user: must be a user as in sip:USER@DOMAIN"),
        ({"user": "a\r\nX: y"}, "user: must be a user as in sip:USER@DOMAIN"),
        ({"domain": "room test"}, "domain: must be a host name"),
        ({"transport": "sctp"}, "transport: must be one of udp, tcp, tls"),
    ],
)
def test_a_wrong_setting_says_what_is_allowed(given: dict[str, str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Settings(**given)
