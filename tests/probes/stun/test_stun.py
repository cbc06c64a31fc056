"""The STUN probe against coturn, and against peers that are no STUN server."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ipaddress import ip_address

import pytest

from probes.sample import Reason, Sample, Target
from probes.stun import Settings, sampling
from probes.stun.message import Attribute, Kind, Method, encode
from probes.testing import hang, say, serve_tcp
from tests.probes.coturn import coturn
from tests.probes.datagrams import serve_udp

RTT, REPEATS, CODE = (
    ("linkwatch_stun_rtt_seconds", ()),
    ("linkwatch_stun_repeats", ()),
    ("linkwatch_stun_error_code", ()),
)
CHANGES = ("linkwatch_stun_mapped_address_changes_total", ())


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with coturn("--no-tls") as port:
        yield port


async def ask(port: int, deadline_s: float = 5.0, **settings: str) -> Sample:
    return await sampling.probe(Target("t", f"127.0.0.1:{port}"), Settings(**settings), deadline_s)


def success(request: bytes, address: bytes = bytes([127, 0, 0, 1])) -> bytes:
    mapped = {Attribute.MAPPED_ADDRESS: b"\0\1\0\7" + address}
    return encode(Method.BINDING, Kind.SUCCESS, request[8:20], mapped)


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_coturn_answers_and_says_what_it_sees_us_as(port: int, transport: str) -> None:
    sample = await ask(port, transport=transport)
    assert sample.ok, sample.detail
    assert 0 < sample.values[RTT] <= sample.duration_s
    assert sample.values[REPEATS] == 0
    assert sample.facts["mapped_address"] == sample.facts["address"] == "127.0.0.1"
    assert 0 < int(sample.facts["mapped_port"]) < 65536
    assert sample.facts["software"].startswith("Coturn-")


async def test_nothing_listens_there() -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    for transport in ("udp", "tcp"):
        assert (await ask(port, transport=transport)).reason is Reason.REFUSED


async def test_a_silent_server_is_asked_again_until_the_deadline() -> None:
    heard: list[bytes] = []
    async with serve_udp(lambda request: heard.append(request) or []) as port:
        sample = await ask(port, deadline_s=0.8)
    assert (sample.reason, sample.detail) == (Reason.TIMEOUT, "no end of binding within 0.8 s")
    assert 0.8 <= sample.duration_s < 1.0
    assert len(heard) == 2
    assert heard[0] == heard[1]


async def test_a_server_that_accepts_and_says_nothing_ends_at_the_deadline() -> None:
    async with serve_tcp(hang) as port:
        sample = await ask(port, deadline_s=0.2, transport="tcp")
    assert sample.reason is Reason.TIMEOUT


async def test_an_answer_to_a_repetition_has_no_round_trip_time() -> None:
    heard: list[bytes] = []

    def answer_the_second(request: bytes) -> list[bytes]:
        heard.append(request)
        return [success(request)] if len(heard) == 2 else []

    async with serve_udp(answer_the_second) as port:
        sample = await ask(port)
    assert sample.ok
    assert sample.values[REPEATS] == 1
    assert RTT not in sample.values


@pytest.mark.parametrize(
    ("forge", "noted"),
    [
        (lambda _request: b"\0" * 7, "not a whole STUN message"),
        (lambda _request: b"HTTP/1.1 400 Bad Request\r\n\r\n", "not a STUN message"),
        (lambda request: success(request)[:-1] + bytes([success(request)[-1] ^ 1]), "wrong FINGERPRINT"),
        (lambda request: success(request[:19] + bytes([request[19] ^ 1])), "an answer to another request"),
        (lambda request: request, "not an answer to this request"),
    ],
)
async def test_what_is_no_answer_is_passed_over_and_named_at_the_end(
    forge: Callable[[bytes], bytes], noted: str
) -> None:
    async with serve_udp(lambda request: [forge(request)]) as port:
        sample = await ask(port, deadline_s=0.1)
    assert (sample.reason, sample.detail) == (Reason.PROTOCOL, f"no answer to binding, only: {noted}")
    async with serve_udp(lambda request: [forge(request), success(request)]) as port:
        sample = await ask(port)
    assert sample.ok, "the answer itself came, too"


async def test_a_flood_of_datagrams_holds_nobody_up() -> None:
    turns = 0

    async def take_turns() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    somebody_else = asyncio.create_task(take_turns())
    with flooding_server() as port:
        sample = await ask(port, deadline_s=0.5)
    somebody_else.cancel()
    assert (sample.reason, sample.detail) == (
        Reason.PROTOCOL,
        "no answer to binding, only: not a whole STUN message",
    )
    assert sample.duration_s < 2.0
    assert turns > 10


FLOOD = """
import socket
server = socket.socket(type=socket.SOCK_DGRAM)
server.bind(("127.0.0.1", 0))
print(server.getsockname()[1], flush=True)
server.connect(server.recvfrom(1000)[1])
while True:
    try:
        server.send(b"flood")
    except ConnectionRefusedError:
        pass
"""


@contextmanager
def flooding_server() -> Iterator[int]:
    """Sends without end, as fast as it can, to the first who sends it something."""
    with subprocess.Popen([sys.executable, "-c", FLOOD], stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            yield int(server.stdout.readline())
        finally:
            server.kill()


@pytest.mark.parametrize(
    ("answer", "detail"),
    [
        (b"SSH-2.0-OpenSSH_9.2p1\r\n", "not a STUN message"),
        (bytes.fromhex("0101fffc2112a442") + bytes(12), "the server closed the connection without an answer"),
        (b"", "the server closed the connection without an answer"),
    ],
)
async def test_another_protocol_on_the_port_is_a_failure_at_once(answer: bytes, detail: str) -> None:
    async with serve_tcp(say(answer)) as port:
        sample = await ask(port, transport="tcp")
    assert (sample.reason, sample.detail) == (Reason.PROTOCOL, detail)


async def test_an_answer_without_an_address_is_none() -> None:
    async with serve_udp(lambda request: [encode(Method.BINDING, Kind.SUCCESS, request[8:20], {})]) as port:
        sample = await ask(port)
    assert (sample.reason, sample.detail) == (Reason.PROTOCOL, "an answer without a mapped address")


@pytest.mark.parametrize(
    ("code", "reason", "detail"),
    [
        (b"\4\1Unauthorized", Reason.AUTH, "401 Unauthorized (the server asks for a user, and none is set)"),
        (b"\5\0\x1b[31mOops\n", Reason.PROTOCOL, "500 [31mOops"),
    ],
)
async def test_an_error_is_told_by_its_code(code: bytes, reason: Reason, detail: str) -> None:
    def refuse(request: bytes) -> list[bytes]:
        return [encode(Method.BINDING, Kind.ERROR, request[8:20], {Attribute.ERROR_CODE: b"\0\0" + code})]

    async with serve_udp(refuse) as port:
        sample = await ask(port)
    assert (sample.reason, sample.detail) == (reason, f"binding: {detail}")
    assert sample.values[CODE] == int(detail[:3])


async def test_a_changed_mapped_address_is_a_fact_and_counted_and_a_changed_port_is_not() -> None:
    seen_as = [bytes([127, 0, 0, 1]), bytes([127, 0, 0, 1]), bytes([10, 9, 8, 7])]
    async with serve_udp(lambda request: [success(request, seen_as.pop(0))]) as port:
        session = sampling.open_session(Target("t", f"127.0.0.1:{port}"), Settings())
        samples = [await session.probe(1.0) for _ in range(3)]
        await session.close()
    assert [sample.values[CHANGES] for sample in samples] == [0, 0, 1]
    assert [sample.facts.get("mapped_address_before") for sample in samples] == [None, None, "127.0.0.1"]
    assert samples[2].facts["mapped_address"] == "10.9.8.7"


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
        ({"transport": "sctp"}, "transport: must be one of udp, tcp, tls"),
        ({"port": 70_000}, "port: must be 1 to 65535"),
    ],
)
def test_a_wrong_setting_says_what_is_allowed(given: dict[str, str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Settings(**given)
