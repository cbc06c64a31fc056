"""Offset and delay, and what hostile packets come to."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.ntp.packet import Reply, make_request, measure, read_reply

ERA_END_NS = (2**32 - 2_208_988_800) * 1_000_000_000
"""2036-02-07 06:28:16 UTC, when the seconds since 1900 start anew."""


def reply(received_ns: int, sent_ns: int) -> Reply:
    stamps = [(ns + 2_208_988_800 * 10**9 << 32) // 10**9 % 2**64 for ns in (received_ns, sent_ns)]
    return Reply(0, 4, 2, 0.0, 0.0, b"\x7f\0\0\1", *stamps, b"a nonce!")


@pytest.mark.parametrize("left_ns", [1_800_000_000_123_456_789, ERA_END_NS - 1_000_000, ERA_END_NS + 5])
@pytest.mark.parametrize("ahead_ns", [0, 7_000_000, -3_600_000_000_000])
def test_offset_and_delay_are_right_also_across_the_end_of_the_era(left_ns: int, ahead_ns: int) -> None:
    arrived, left_again = left_ns + ahead_ns + 20_000_000, left_ns + ahead_ns + 21_000_000
    found = measure(left_ns, 0.041, reply(arrived, left_again))
    assert found.offset_s == pytest.approx(ahead_ns / 1e9, abs=1e-8)
    assert found.delay_s == pytest.approx(0.040, abs=1e-8)
    assert found.processing_s == pytest.approx(0.001, abs=1e-8)


def test_a_way_there_that_is_slower_shows_as_half_the_difference() -> None:
    left_ns = 1_800_000_000_000_000_000
    found = measure(left_ns, 0.1, reply(left_ns + 90_000_000, left_ns + 90_000_000))
    assert found.offset_s == pytest.approx(0.04)
    assert found.delay_s == pytest.approx(0.1)


@given(st.binary(max_size=200))
def test_any_packet_is_read_or_refused_in_words(packet: bytes) -> None:
    with pytest.raises(ValueError, match=r"^a (packet of|reply to)"):
        read_reply(packet, {b"a secret"})


@given(st.binary(min_size=48, max_size=48))
def test_any_reply_can_be_shown(packet: bytes) -> None:
    nonce = b"a secret"
    answer = read_reply(bytes([packet[0] & 0xC0 | 0x24]) + packet[1:24] + nonce + packet[32:], {nonce})
    assert answer.reference.isprintable()
    assert answer.kiss_code.isascii()
    assert measure(1_800_000_000_000_000_000, 0.1, answer).delay_s < 2**32


def test_a_request_is_48_bytes_of_mode_3() -> None:
    assert make_request(b"a secret") == b"\x23" + bytes(39) + b"a secret"
