"""RTSP messages: whatever way the bytes come, and whatever they are."""

from __future__ import annotations

from contextlib import suppress
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.rtsp.message import MAX_HEAD_BYTES, Answer, Garbage, Packet, Reader, render_request

STREAM = (
    b"RTSP/1.0 200 OK\r\nCSeq: 2\r\nContent-Length: 4\r\n\r\nv=0\n"
    b"$\x00\x00\x05hello"
    b"$\x01\x00\x00"
    b"OPTIONS rtsp://us/ RTSP/1.0\r\nCSeq: 1\r\n\r\n"
    b"\r\n"
    b"RTSP/1.0 401 Unauthorized\r\ncseq:3\r\nWWW-Authenticate: Basic\r\nWWW-Authenticate: Digest\r\n\r\n"
)
MESSAGES = [
    Answer(200, {"cseq": ("2",), "content-length": ("4",)}, b"v=0\n"),
    Packet(0, b"hello"),
    Packet(1, b""),
    Answer(401, {"cseq": ("3",), "www-authenticate": ("Basic", "Digest")}),
]


def read(*pieces: bytes) -> list[Answer | Packet]:
    reader = Reader()
    return [message for piece in pieces for message in reader.feed(piece)]


def test_a_request_is_written_as_the_standard_has_it() -> None:
    assert render_request("PLAY", "rtsp://cam/live", 4, {"Session": "1a"}) == (
        b"PLAY rtsp://cam/live RTSP/1.0\r\nCSeq: 4\r\nSession: 1a\r\n\r\n"
    )


@given(st.lists(st.integers(0, len(STREAM)), max_size=20))
def test_answers_and_packets_are_told_apart_however_the_stream_was_cut(cuts: list[int]) -> None:
    places = [0, *sorted(cuts), len(STREAM)]
    pieces = [STREAM[start:end] for start, end in pairwise(places)]
    assert read(*pieces) == MESSAGES


@given(st.lists(st.integers(0, len(STREAM)), max_size=20))
def test_lines_may_end_as_old_cameras_end_them(cuts: list[int]) -> None:
    stream = STREAM.replace(b"\r\n", b"\n")
    places = [0, *(min(cut, len(stream)) for cut in sorted(cuts)), len(stream)]
    assert read(*(stream[start:end] for start, end in pairwise(places))) == MESSAGES


@pytest.mark.parametrize(
    ("written", "number"), [("2", 2), ("02", 2), (" 2 ", 2), ("", None), ("x", None), ("9" * 30, None)]
)
def test_the_number_of_an_answer_is_read_as_a_number(written: str, number: int | None) -> None:
    (answer,) = read(f"RTSP/1.0 200 OK\r\nCSeq: {written}\r\n\r\n".encode())
    assert isinstance(answer, Answer)
    assert answer.sequence == number


def test_what_a_message_lacks_is_told() -> None:
    reader = Reader()
    assert list(reader.feed(b"RTSP/1.0 200 OK\r\nContent-Length: 40\r\n\r\nv=0\r\n")) == []
    assert reader.lack == "an answer that lacks 35 of its 40 bytes"
    assert len(list(reader.feed(b"x" * 35))) == 1
    assert reader.lack == ""


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "the answer is no RTSP"),
        (b"\x16\x03\x01\x02", "the answer is no RTSP"),
        (b"RTSP/1.0 999 Odd\r\n\r\n", "the answer is no RTSP"),
        (b"R" * MAX_HEAD_BYTES, "a message with more than 16384 bytes of headers"),
        (b"RTSP/1.0 200 OK\r\nContent-Length: -1\r\n\r\n", "a body without a sound length"),
        (b"RTSP/1.0 200 OK\r\nContent-Length: 999999\r\n\r\n", "a body of more than 65536 bytes"),
    ],
)
def test_what_is_no_rtsp_is_refused_without_a_quotation(data: bytes, why: str) -> None:
    with pytest.raises(Garbage, match=f"^{why}$"):
        read(data)


@given(st.lists(st.binary(max_size=200), max_size=20))
def test_no_bytes_whatever_do_more_than_be_refused(pieces: list[bytes]) -> None:
    for start in (b"", b"RTSP/1.0 200 OK\r\n", b"$\0"):
        with suppress(Garbage):
            read(start, *pieces)
