import struct
from ipaddress import ip_address

import numpy as np
import pytest

from probes.icmp import packet
from probes.icmp.packet import CAPTURE_BYTES, HEADER, V4, V6, Wire

TOKEN = 0x0123456789ABCDEF


def octets(data: bytes) -> np.ndarray:
    return np.frombuffer(data, dtype=np.uint8)


def reference_checksum(data: bytes) -> int:
    """RFC 1071 section 4.1, word by word."""
    total = sum(struct.unpack(f">{len(data) // 2}H", data)) if len(data) % 2 == 0 else 0
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def request(wire: Wire = V4, serial: int = 0x00030005, size: int = 56) -> bytes:
    headers = np.zeros(1, HEADER)
    sums = np.array([packet.constant_sum(wire, 0x1234, TOKEN, size)])
    packet.compose(headers, wire, 0x1234, TOKEN, np.array([serial]), np.array([0xCAFEBABE]), sums)
    return headers.tobytes() + packet.filler(size).tobytes()


def captured(*packets: bytes) -> tuple[np.ndarray, np.ndarray]:
    rows = [octets(data[:CAPTURE_BYTES].ljust(CAPTURE_BYTES, b"\0")) for data in packets]
    return np.array(rows), np.array([min(len(data), CAPTURE_BYTES) for data in packets])


def ipv4(payload: bytes, source: str, destination: str, options: bytes = b"") -> bytes:
    words = 5 + len(options) // 4
    head = struct.pack(">BBHHHBBH", 0x40 | words, 0, words * 4 + len(payload), 0, 0, 64, 1, 0)
    return head + ip_address(source).packed + ip_address(destination).packed + options + payload


def test_checksum_agrees_with_the_example_of_rfc_1071() -> None:
    data = octets(bytes([0x00, 0x01, 0xF2, 0x03, 0xF4, 0xF5, 0xF6, 0xF7]))
    assert packet.word_sum(data) == 0x2DDF0
    assert packet.checksums(np.array([0x2DDF0])).tolist() == [0xFFFF - 0xDDF2]


@pytest.mark.parametrize("size", [16, 56, 57, 1400])
def test_a_request_sums_to_nothing_as_rfc_792_demands(size: int) -> None:
    data = request(size=size)
    assert len(data) == 8 + size
    assert reference_checksum(data + b"\0" * (size % 2)) == 0


def test_a_request_carries_ident_sequence_token_serial_and_nonce() -> None:
    fields = struct.unpack(">BBHHHQII", request()[: HEADER.itemsize])
    assert fields[:2] == (8, 0)
    assert fields[3:] == (0x1234, 5, TOKEN, 0x00030005, 0xCAFEBABE)


@pytest.mark.parametrize("options", [b"", b"\x01" * 8])
def test_replies_are_read_behind_ip_headers_of_any_length(options: bytes) -> None:
    reply = b"\0" + request()[1:]
    plain = ipv4(reply, "10.0.0.1", "10.0.0.2")
    data, lengths = captured(plain, ipv4(reply, "10.0.0.1", "10.0.0.2", options))
    received = packet.read(V4, data, lengths, has_ip_header=True)
    assert received.replies["serial"].tolist() == [0x00030005] * 2
    assert received.replies["token"].tolist() == [TOKEN] * 2
    assert received.malformed == 0


def test_an_error_is_read_with_the_request_it_quotes() -> None:
    quoted = ipv4(request(), "10.0.0.2", "10.0.9.9", b"\x01" * 4)
    error = ipv4(bytes([3, 13, 0, 0, 0, 0, 0, 0]) + quoted, "10.0.0.1", "10.0.0.2")
    errors = packet.read(V4, *captured(error), has_ip_header=True).errors
    assert (errors.type.tolist(), errors.code.tolist(), errors.whole.tolist()) == ([3], [13], [True])
    assert errors.echoes["serial"].tolist() == [0x00030005]
    assert packet.address_text(V4, errors.destinations.number(0)) == "10.0.9.9"


def test_an_old_router_quotes_eight_bytes_and_the_sequence_number_is_among_them() -> None:
    quoted = ipv4(request(), "10.0.0.2", "10.0.9.9")[: 20 + 8]
    error = ipv4(bytes([11, 0, 0, 0, 0, 0, 0, 0]) + quoted, "10.0.0.1", "10.0.0.2")
    errors = packet.read(V4, *captured(error), has_ip_header=True).errors
    assert errors.whole.tolist() == [False]
    assert errors.echoes["sequence"].tolist() == [5]


def test_an_icmpv6_error_is_read_as_rfc_4443_lays_it_out() -> None:
    header = struct.pack(">IHBB", 0x60000000, 64, 58, 64)
    quoted = header + ip_address("fd00::1").packed + ip_address("fd00::9").packed + request(V6)
    errors = packet.read(V6, *captured(bytes([1, 3, 0, 0, 0, 0, 0, 0]) + quoted), has_ip_header=False).errors
    assert (errors.type.tolist(), errors.code.tolist(), errors.whole.tolist()) == ([1], [3], [True])
    assert packet.address_text(V6, errors.destinations.number(0)) == "fd00::9"


def test_what_is_neither_reply_nor_error_of_ours_is_malformed() -> None:
    truncated = ipv4(b"\0" + request()[1:20], "10.0.0.1", "10.0.0.2")
    quotes_udp = ipv4(bytes([3, 3, 0, 0, 0, 0, 0, 0]) + b"\x45" + b"\0" * 27, "10.0.0.1", "10.0.0.2")
    received = packet.read(V4, *captured(truncated, quotes_udp), has_ip_header=True)
    assert received.malformed == 2
    assert not received.index.size
    assert not received.errors.index.size
