"""A good answer that is not the one to our question: with another id, or from elsewhere, it is no answer."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterable

import pytest

from probes import registry
from probes.sample import Reason, Sample, Target
from tests.fuzz.corpus import captures
from tests.fuzz.datagrams import frame_stun
from tests.fuzz.live import Live, lives
from tests.probes.datagrams import serve_udp

LIVES = {live.name: live for live in lives()}
TIME, BINDING = captures("ntp", "good")[0], captures("stun", "binding")[0]
GOOD = {
    "sip udp": captures("sip", "ok")[0],
    "stun udp": frame_stun(BINDING, BINDING),  # its checksum is that of another id
    "dns udp": captures("dns", "mx")[0],
    "ntp": TIME[:40] + TIME[32:40],  # sent as soon as received: nothing here takes as long as there
    "snmp v1": captures("snmp", "v1-0")[0],
    "snmp v2c": captures("snmp", "v2c-0")[0],
}
"""What a real peer has answered, to be sent with the ids of the request."""

IDS: dict[str, Callable[[bytes], bytes]] = {
    "sip udp": lambda answer: answer.replace(b"z9hG4bK", b"z9hG4bKx", 1),
    "stun udp": lambda answer: answer[:19] + bytes([answer[19] ^ 1]) + answer[20:],
    "dns udp": lambda answer: bytes([answer[0] ^ 1]) + answer[1:],
    "ntp": lambda answer: answer[:31] + bytes([answer[31] ^ 1]) + answer[32:],
    "snmp v1": lambda answer: _with_other_request_id(answer),
    "snmp v2c": lambda answer: _with_other_request_id(answer),
}
ALL = pytest.mark.parametrize("name", GOOD)


def _with_other_request_id(answer: bytes) -> bytes:
    place = answer.index(b"public") + len(b"public") + 2
    while answer[place : place + 1] != b"\2":
        place += 1
    end = place + 2 + answer[place + 1]
    return answer[: end - 1] + bytes([answer[end - 1] ^ 1]) + answer[end:]


async def ask(live: Live, port: int) -> Sample:
    made = registry.settings_of(live.kind)(**live.settings)
    return await registry.load_sampling(live.kind).probe(Target("t", f"127.0.0.1:{port}"), made, 0.6)


@ALL
async def test_the_right_answer_is_taken(name: str) -> None:
    live = LIVES[name]
    async with serve_udp(lambda request: [live.address(request, GOOD[name])]) as port:
        sample = await ask(live, port)
    assert sample.reason is not Reason.TIMEOUT, sample.detail
    assert sample.ok, sample.detail


@ALL
async def test_an_answer_with_another_id_is_none(name: str) -> None:
    live = LIVES[name]

    def lie(request: bytes) -> Iterable[bytes]:
        return [IDS[name](live.address(request, GOOD[name]))]

    async with serve_udp(lie) as port:
        sample = await ask(live, port)
    assert not sample.ok
    assert sample.reason in (Reason.TIMEOUT, Reason.PROTOCOL)


@ALL
async def test_an_answer_from_another_port_is_none(name: str) -> None:
    live = LIVES[name]
    loop = asyncio.get_running_loop()
    with (
        socket.socket(type=socket.SOCK_DGRAM) as asked,
        socket.socket(type=socket.SOCK_DGRAM) as stranger,
    ):
        asked.bind(("127.0.0.1", 0))
        asked.setblocking(False)

        def answer_from_elsewhere() -> None:
            request, place = asked.recvfrom(65_535)
            stranger.sendto(live.address(request, GOOD[name]), place)

        loop.add_reader(asked, answer_from_elsewhere)
        sample = await ask(live, asked.getsockname()[1])
        loop.remove_reader(asked)
    assert not sample.ok
    assert sample.reason is Reason.TIMEOUT
