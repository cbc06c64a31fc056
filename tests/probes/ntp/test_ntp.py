"""The NTP probe against a real chronyd, and against servers that misbehave."""

from __future__ import annotations

import os
import struct
import time
from collections.abc import Iterable
from pathlib import Path

import pytest

from probes.ntp import Settings, open_session, probe
from probes.sample import Reason, Sample, Target
from tests.network import own_namespace
from tests.probes.daemons import free_port
from tests.probes.datagrams import Reply, serve_udp, silence
from tests.probes.servers import chronyd

UNIX_EPOCH_S = 2_208_988_800


async def measure(port: int, settings: Settings | None = None, deadline_s: float = 2.0) -> Sample:
    return await probe(Target("t", f"127.0.0.1:{port}"), settings or Settings(), deadline_s)


def value(sample: Sample, metric: str) -> float:
    return sample.values[f"linkwatch_ntp_{metric}", ()]


def metrics(sample: Sample) -> set[str]:
    return {metric.removeprefix("linkwatch_ntp_") for metric, _ in sample.values}


def timestamp(unix_s: float) -> bytes:
    return struct.pack("!II", int(unix_s) + UNIX_EPOCH_S & 0xFFFFFFFF, int(unix_s % 1 * 2**32))


def reply(
    request: bytes,
    *,
    first: int = 0x24,
    stratum: int = 2,
    reference: bytes = b"\x7f\0\0\1",
    dispersion_s: float = 0.0,
    ahead_s: float = 0.0,
    origin: bytes = b"",
    took_s: float = 0.0,
) -> bytes:
    received = time.time() + ahead_s
    head = struct.pack("!BBbb", first, stratum, 6, -20) + bytes(4)
    head += struct.pack("!I", int(dispersion_s * 65536)) + reference + bytes(8)
    return head + (origin or request[40:48]) + timestamp(received) + timestamp(received + took_s)


def answering(**what: object) -> Reply:
    return lambda request: [reply(request, **what)]  # type: ignore[arg-type]


async def test_a_time_server_that_uses_the_same_clock_shows_next_to_no_offset(tmp_path: Path) -> None:
    with chronyd(tmp_path, "local stratum 8") as port:
        sample = await measure(port)
    assert (sample.ok, sample.facts["version"]) == (True, "4")
    assert abs(value(sample, "offset_seconds")) < 0.01
    assert 0 <= value(sample, "delay_seconds") < 0.02
    assert (value(sample, "stratum"), value(sample, "leap_indicator")) == (8, 0)


async def test_a_time_server_without_a_source_is_not_synchronised(tmp_path: Path) -> None:
    with chronyd(tmp_path, "") as port:
        sample = await measure(port)
    assert (sample.reason, metrics(sample)) == (Reason.PROTOCOL, {"stratum", "leap_indicator"})
    assert sample.detail == "the server is not synchronised (leap indicator 3, stratum 0)"


@pytest.mark.root
async def test_a_time_server_that_nobody_reaches_is_a_timeout(tmp_path: Path) -> None:
    with own_namespace() as namespace:
        wrapper = ["ip", "netns", "exec", namespace.name]
        with namespace.entered(), chronyd(tmp_path, "local stratum 8", wrapper=wrapper) as port:
            assert (await measure(port)).ok
            namespace.cut("127.0.0.1")
            sample = await measure(port, deadline_s=0.3)
    assert (sample.reason, sample.detail) == (Reason.TIMEOUT, "no end of reply within 0.3 s")
    assert sample.duration_s < 0.4


async def test_a_silent_port_is_a_timeout_and_a_closed_one_is_refused() -> None:
    async with serve_udp(silence) as port:
        assert (await measure(port, deadline_s=0.1)).reason is Reason.TIMEOUT
    assert (await measure(free_port())).reason is Reason.REFUSED


@pytest.mark.parametrize("ahead_s", [-3600.0, -0.25, 0.25, 3600.0])
async def test_a_clock_that_is_ahead_has_a_positive_offset(ahead_s: float) -> None:
    async with serve_udp(answering(ahead_s=ahead_s)) as port:
        sample = await measure(port)
    assert value(sample, "offset_seconds") == pytest.approx(ahead_s, abs=0.02)


async def test_a_reply_that_was_forged_is_passed_over() -> None:
    def forge_first(request: bytes) -> Iterable[bytes]:
        return [reply(request, origin=b"guessing", ahead_s=99.0), reply(request, ahead_s=5.0)]

    async with serve_udp(forge_first) as port:
        sample = await measure(port)
    assert value(sample, "offset_seconds") == pytest.approx(5.0, abs=0.02)


@pytest.mark.parametrize(
    ("packet", "said"),
    [
        (lambda request: b"\0", "a packet of 1 bytes"),
        (lambda request: b"\xff" * 47, "a packet of 47 bytes"),
        (lambda request: os.urandom(40) + bytes(8), ""),
        (lambda request: request, "a packet of mode 3, version 4"),
        (lambda request: reply(request, first=0x2C), "a packet of mode 4, version 5"),
        (lambda request: reply(request, origin=bytes(8)), "a reply to another request"),
    ],
    ids=["byte", "short", "noise", "echo", "version", "origin"],
)
async def test_what_is_no_reply_is_told_apart_from_silence(packet: object, said: str) -> None:
    async with serve_udp(lambda request: [packet(request)]) as port:  # type: ignore[operator]
        sample = await measure(port, deadline_s=0.1)
    assert sample.reason is Reason.PROTOCOL
    assert sample.detail.startswith("no answer to reply, only: ")
    assert said in sample.detail


@pytest.mark.parametrize(
    ("what", "detail"),
    [
        ({"first": 0xE4}, "the server is not synchronised (leap indicator 3, stratum 2)"),
        ({"stratum": 16}, "the server is not synchronised (leap indicator 0, stratum 16)"),
        ({"stratum": 0, "reference": b"\0\0\0\0"}, "the server is not synchronised"),
        ({"dispersion_s": 4.0}, "the server's time may be wrong by 4.0"),
        ({"took_s": 3.0}, "the times in the reply cannot be true"),
        ({"took_s": -1.0}, "the times in the reply cannot be true"),
    ],
)
async def test_a_server_that_is_not_fit_fails_and_gives_no_offset(
    what: dict[str, object], detail: str
) -> None:
    async with serve_udp(answering(**what)) as port:
        sample = await measure(port)
    assert sample.reason is Reason.PROTOCOL
    assert sample.detail.startswith(detail)
    assert "offset_seconds" not in metrics(sample)


@pytest.mark.parametrize(
    ("code", "reason"),
    [(b"DENY", Reason.AUTH), (b"RSTR", Reason.AUTH), (b"RATE", Reason.PROTOCOL)],
)
async def test_a_server_that_wants_to_be_left_alone_is_left_alone(code: bytes, reason: Reason) -> None:
    asked = []

    def kiss(request: bytes) -> Iterable[bytes]:
        asked.append(request)
        return [reply(request, first=0xE4, stratum=0, reference=code)]

    async with serve_udp(kiss) as port:
        session = open_session(Target("t", f"127.0.0.1:{port}"), Settings())
        first, second = await session.probe(1.0), await session.probe(1.0)
    assert len(asked) == 1
    assert (first.reason, first.detail) == (reason, f"kiss-o'-death: {code.decode()}")
    assert second.reason is reason
    assert "not asked again for" in second.detail
    assert (first.is_repeatable, second.is_repeatable) == (False, False)


async def test_another_kiss_code_does_not_silence_the_probe() -> None:
    asked = []

    def start(request: bytes) -> Iterable[bytes]:
        asked.append(request)
        return [reply(request, first=0xE4, stratum=0, reference=b"INIT")]

    async with serve_udp(start) as port:
        session = open_session(Target("t", f"127.0.0.1:{port}"), Settings())
        samples = [await session.probe(1.0) for _ in range(2)]
    assert [sample.detail for sample in samples] == ["kiss-o'-death: INIT"] * 2
    assert {sample.is_repeatable for sample in samples} == {False}  # at its interval, not at once
    assert len(asked) == 2


async def test_requests_tell_nothing_and_no_two_are_alike() -> None:
    asked: list[bytes] = []

    def remember(request: bytes) -> Iterable[bytes]:
        asked.append(request)
        return [reply(request)]

    async with serve_udp(remember) as port:
        await measure(port)
        await measure(port)
    assert [request[:40] for request in asked] == [b"\x23" + bytes(39)] * 2
    assert asked[0][40:] != asked[1][40:]


async def test_an_address_outside_the_scope_is_never_asked() -> None:
    sample = await probe(Target("t", "127.0.0.1", allows=lambda _address: False), Settings(), 1.0)
    assert sample.reason is Reason.PERMISSION
