"""RTP packets: what is counted, what is lost, which pictures are whole and which are the same."""

from __future__ import annotations

import random
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.rtsp.picture import Unit, inspect
from probes.rtsp.rtp import MOST_FOREIGN, MOST_PACKETS, Continuity, Look, parse_packet

KEY, OTHER = b"\x65key frame ", b"\x41other frame "
"""Single H.264 units: of a key frame, of another."""


def rtp(
    sequence: int,
    timestamp: int = 0,
    payload: bytes = OTHER,
    *,
    source: int = 7,
    kind: int = 96,
    marker: bool = True,
) -> bytes:
    head = struct.pack("!BBHII", 0x80, marker << 7 | kind, sequence % 65536, timestamp % 2**32, source)
    return head + payload


def look_at(*packets: bytes, started_s: float = 0.0) -> Look:
    """A look at packets that come ten in a second."""
    look = Look(96, "H264", started_s)
    for number, packet in enumerate(packets):
        look.take(packet, started_s + 0.1 * (number + 1))
    return look


def test_header_extension_sources_and_padding_are_taken_off() -> None:
    head = struct.pack("!BBHII", 0x80 | 0x20 | 0x10 | 2, 0x80 | 96, 5, 6, 7)
    packet = parse_packet(head + b"srcAsrcB" + b"\xbe\xde\0\x01ext!" + b"payload" + b"\0\0\x03")
    assert packet == (96, True, 5, 6, 7, b"payload")


@pytest.mark.parametrize(
    "data", [b"", b"\x80" * 11, b"\x40" + b"\0" * 20, b"\x8f" + b"\0" * 11, b"\xa0" + b"\xff" * 12]
)
def test_what_is_no_rtp(data: bytes) -> None:
    assert parse_packet(data) is None


@given(st.binary(max_size=100), st.sampled_from(["H264", "H265", "JPEG", "VP8"]))
def test_no_packet_whatever_does_harm(data: bytes, encoding: str) -> None:
    look = Look(96, encoding, 0.0)
    for packet in (data, rtp(1, 1, data), rtp(2, 2, data)):
        look.take(packet, 1.0)
    assert look.continuity.lost >= 0


@given(st.integers(0, 65535), st.sets(st.integers(1, 298)), st.randoms(use_true_random=False))
def test_lost_packets_are_counted_over_the_wrap_reordered_and_doubled(
    first: int, lost: set[int], dice: random.Random
) -> None:
    """Packets swap places with one of their ten neighbours at most, and some come twice."""
    sent = [number for number in range(300) if number not in lost]
    came = sorted(sent, key=lambda number: number + dice.uniform(0, 10)) + dice.sample(sent[-20:], k=1)
    continuity = Continuity()
    for number in came:
        continuity.take((first + number) % 65536)
    assert (continuity.packets, continuity.lost) == (len(sent), len(lost))


def test_a_source_that_starts_anew_has_lost_nothing() -> None:
    look = look_at(rtp(1), rtp(2), rtp(40_000), rtp(40_001), rtp(9, source=8), rtp(11, source=8))
    assert (look.continuity.packets, look.continuity.lost) == (6, 1)


def test_packets_of_another_kind_are_counted_apart() -> None:
    look = look_at(rtp(1), rtp(2, kind=97), b"nonsense")
    assert (look.continuity.packets, look.foreign) == (1, 2)


def test_frames_begin_where_the_timestamp_moves_and_the_longest_pause_is_kept() -> None:
    look = look_at(rtp(1, 10), rtp(2, 10), rtp(3, 10), rtp(4, 10), rtp(5, 20), rtp(6, 30))
    assert (look.frames, look.last_frame_s) == (3, pytest.approx(0.6))
    assert look.longest_pause_s == pytest.approx(0.4)


def test_the_wait_for_the_first_packet_is_no_pause_of_the_video() -> None:
    look = Look(96, "H264", 0.0)
    for number in range(3):
        look.take(rtp(number, number), 1.9 + 0.1 * number)
    assert look.longest_pause_s == pytest.approx(0.1)


def test_a_key_frame_that_came_whole_has_a_fingerprint() -> None:
    look = look_at(rtp(1, 1, KEY), rtp(2, 1, KEY), rtp(3, 2), rtp(4, 3, KEY), rtp(5, 3, KEY), rtp(6, 4))
    assert len(look.key_frames) == 2
    assert len(set(look.key_frames)) == 1


@pytest.mark.parametrize("missing", [3, 4, 5])
def test_a_key_frame_with_a_gap_in_it_or_beside_it_has_none(missing: int) -> None:
    packets = {2: rtp(2, 1), 3: rtp(3, 2, KEY), 4: rtp(4, 2, KEY), 5: rtp(5, 3), 6: rtp(6, 3)}
    look = look_at(*(packet for number, packet in packets.items() if number != missing))
    assert look.key_frames == []


def test_a_look_that_begins_amid_a_key_frame_leaves_it_out() -> None:
    amid = b"\x7c\x05rest of a key frame"
    start = b"\x7c\x85start of a key frame"
    assert look_at(rtp(1, 1, amid), rtp(2, 2)).key_frames == []
    assert len(look_at(rtp(1, 1, start), rtp(2, 2)).key_frames) == 1


@pytest.mark.parametrize(
    ("encoding", "payload", "unit"),
    [
        ("H264", b"\x65abc", Unit(True, True)),
        ("H264", b"\x41abc", Unit(False, True)),
        ("H264", b"\x7c\x85ab", Unit(True, True)),
        ("H264", b"\x7c\x45ab", Unit(True, False)),
        ("H264", b"\x78\x00\x02\x67s\x00\x02\x65k", Unit(True, True)),
        ("H264", b"\x78\x00\x02\x67s\x00\x02\x41k", Unit(False, True)),
        ("H265", b"\x26\x01ab", Unit(True, True)),
        ("H265", b"\x02\x01ab", Unit(False, True)),
        ("H265", b"\x62\x01\x93a", Unit(True, True)),
        ("H265", b"\x62\x01\x13a", Unit(True, False)),
        ("H265", b"\x60\x01\x00\x02\x26k", Unit(True, True)),
        ("JPEG", b"\0\0\0\0abcd", Unit(True, True)),
        ("JPEG", b"\0\0\x05\x78abcd", Unit(True, False)),
        ("VP8", b"\x10\0\0\0", Unit(False, True)),
    ],
)
def test_key_frames_are_told_by_the_first_bytes(encoding: str, payload: bytes, unit: Unit) -> None:
    assert inspect(encoding, payload) == unit


@pytest.mark.parametrize(("packet", "most"), [(rtp(1), MOST_PACKETS), (b"no rtp", MOST_FOREIGN)])
def test_a_flood_is_known_as_one(packet: bytes, most: int) -> None:
    look = Look(96, "H264", 0.0)
    for _ in range(most):
        look.take(packet, 1.0)
    assert not look.is_flood
    look.take(packet, 1.0)
    assert look.is_flood
