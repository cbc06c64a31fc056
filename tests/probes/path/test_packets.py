"""What is sent keeps to its flow, and what comes back is read without trust."""

from __future__ import annotations

import random
import struct
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.path.answer import Answer, Kind, Sent, read_icmp, read_tcp
from probes.path.packet import FIRST_PORT, Flow, Method, compose

ENDS = {4: ("192.0.2.1", "198.51.100.7"), 6: ("2001:db8::1", "2001:db8:1::7")}
HEADER_BYTES = {4: 20, 6: 40}
ROUTER = {4: ip_address("203.0.113.9"), 6: ip_address("2001:db8:9::9")}
BOTH = pytest.mark.parametrize("version", [4, 6])
ALL = pytest.mark.parametrize("method", list(Method))


def flow_of(method: Method, version: int) -> Flow:
    source, destination = map(ip_address, ENDS[version])
    return Flow(method, source, destination, FIRST_PORT + 5, 0 if method is Method.ICMP else 33434)


def error(version: int, kind: int, code: int, quote: bytes, rest: int = 0) -> bytes:
    header = bytes([0x45]).ljust(20, b"\0") if version == 4 else b""
    return header + struct.pack("!BBHI", kind, code, 0, rest) + quote


def ones_sum(data: bytes) -> int:
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total


@BOTH
@ALL
def test_packets_of_a_trace_differ_only_where_routers_do_not_look(method: Method, version: int) -> None:
    start = HEADER_BYTES[version]
    first, second = (compose(flow_of(method, version), serial, 3) for serial in (20, 21))
    assert first != second
    assert first[start : start + 4] == second[start : start + 4]  # ports; type, code and checksum of an echo
    if method is Method.ICMP:
        assert first[start + 4 : start + 6] == second[start + 4 : start + 6]  # the identifier


@BOTH
@ALL
def test_checksums_are_right(method: Method, version: int) -> None:
    flow = flow_of(method, version)
    body = compose(flow, 20, 3)[HEADER_BYTES[version] :]
    number = {Method.UDP: 17, Method.TCP: 6, Method.ICMP: 58}[method]
    pseudo = flow.source.packed + flow.destination.packed + struct.pack("!II", len(body), number)
    covered = body if (method, version) == (Method.ICMP, 4) else pseudo + body
    assert ones_sum(covered) == 0xFFFF


@BOTH
@ALL
@pytest.mark.parametrize("quoted", [8, 20])
def test_eight_quoted_bytes_are_enough_to_know_the_packet(method: Method, version: int, quoted: int) -> None:
    flow = flow_of(method, version)
    packet = compose(flow, 20, 1)
    kind = 11 if version == 4 else 3
    found = read_icmp(error(version, kind, 0, packet[: HEADER_BYTES[version] + quoted]), ROUTER[version])
    sent = Sent(method, flow.destination, flow.source_port, 20)
    assert found == Answer(sent, Kind.HOP, ROUTER[version])


@pytest.mark.parametrize(
    ("version", "kind", "code", "rest", "expected"),
    [
        (4, 3, 3, 0, (Kind.ARRIVED, "", 0)),
        (6, 1, 4, 0, (Kind.ARRIVED, "", 0)),
        (4, 3, 1, 0, (Kind.REFUSED, "host unreachable", 0)),
        (4, 3, 13, 0, (Kind.REFUSED, "communication prohibited", 0)),
        (6, 1, 0, 0, (Kind.REFUSED, "no route", 0)),
        (4, 3, 4, 1300, (Kind.TOO_BIG, "", 1300)),
        (6, 2, 0, 1280, (Kind.TOO_BIG, "", 1280)),
    ],
)
def test_errors_say_what_became_of_the_packet(
    version: int, kind: int, code: int, rest: int, expected: tuple[Kind, str, int]
) -> None:
    quote = compose(flow_of(Method.UDP, version), 3, 1)
    found = read_icmp(error(version, kind, code, quote, rest), ROUTER[version])
    assert found is not None
    assert (found.kind, found.why, found.mtu) == expected


@pytest.mark.parametrize(("flags", "arrived"), [(0x12, True), (0x14, True), (0x10, True), (0x18, False)])
def test_a_segment_that_acknowledges_a_syn_is_an_answer(flags: int, arrived: bool) -> None:
    segment = struct.pack("!HHIIBBHHH", 80, FIRST_PORT, 1, 1000, 5 << 4, flags, 0, 0, 0)
    found = read_tcp(bytes([0x45]).ljust(20, b"\0") + segment, ROUTER[4])
    expected = Answer(Sent(Method.TCP, ROUTER[4], FIRST_PORT, 999), Kind.ARRIVED, ROUTER[4])
    assert found == (expected if arrived else None)


def test_fifty_thousand_garbled_answers_are_read_or_refused() -> None:
    dice = random.Random(4)
    whole = [
        error(
            version, *dice.choice([(3, 4), (11, 0), (1, 4), (2, 0)]), compose(flow_of(method, version), 9, 1)
        )
        for version in (4, 6)
        for method in Method
    ]
    for _ in range(50_000):
        message = bytearray(dice.choice(whole))
        for _ in range(dice.randrange(1, 6)):
            message[dice.randrange(len(message))] = dice.randrange(256)
        garbled, source = bytes(message[: dice.randrange(len(message) + 1)]), ROUTER[dice.choice((4, 6))]
        for read in (read_icmp, read_tcp):
            found = read(garbled, source)
            assert found is None or isinstance(found, Answer)


@given(data=st.binary(max_size=120), version=st.sampled_from([4, 6]))
def test_nothing_that_strangers_send_raises(data: bytes, version: int) -> None:
    read_icmp(data, ROUTER[version])
    read_tcp(data, ROUTER[version])


@given(
    version=st.sampled_from([4, 6]),
    method=st.sampled_from(list(Method)),
    change=st.tuples(st.integers(0, 80), st.integers(0, 255)),
    cut=st.integers(0, 90),
)
def test_a_broken_quote_raises_nothing(
    version: int, method: Method, change: tuple[int, int], cut: int
) -> None:
    message = bytearray(error(version, 11 if version == 4 else 3, 0, compose(flow_of(method, version), 9, 1)))
    message[change[0] % len(message)] = change[1]
    read_icmp(bytes(message[:cut]), ROUTER[version])
