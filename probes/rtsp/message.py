"""RTSP messages (RFC 2326): requests as bytes, and a stream of bytes as answers and interleaved packets.

Pure: bytes go in, messages come out. Nothing grows beyond the limits below, whatever a peer sends.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

MAX_HEAD_BYTES = 16_384
"""Start line and headers of one message."""

MAX_BODY_BYTES = 65_536
"""A description of some streams is a few hundred bytes."""

FOREIGN_BYTES = "surrogateescape"
"""Headers that are no UTF-8 (a realm in Chinese or in an old Vietnamese encoding) go back as they came."""

_DOLLAR = ord("$")
_INTERLEAVED_HEADER = 4
_STATUS_LINE = re.compile(r"RTSP/\d\.\d +([1-6]\d\d)(?: .*)?", re.DOTALL)
_REQUEST_LINE = re.compile(r"[A-Z_]{1,32} +\S+ +RTSP/\d\.\d")
_LENGTH = re.compile(r"\d{1,9}")
_SEQUENCE = re.compile(r"[0-9]{1,10}")
_HEAD_END = re.compile(rb"\r?\n\r?\n")
"""Some cameras end lines without a carriage return; players let them."""


class Garbage(Exception):  # noqa: N818 - reads as what it is
    """What a peer sent is no RTSP. The text says what is wrong, without quoting the peer."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A response. Names of headers are lower case; of equal ones all values are kept, in their order."""

    status: int
    headers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    body: bytes = b""

    def header(self, name: str) -> str:
        """The first value of a header, or nothing."""
        return self.headers.get(name, ("",))[0]

    @property
    def sequence(self) -> int | None:
        """The number of the request that this answers, however it is written, if it is one."""
        text = self.header("cseq")
        return int(text) if _SEQUENCE.fullmatch(text) else None


@dataclass(frozen=True, slots=True)
class Packet:
    """A binary packet between the messages (RFC 2326, 10.12)."""

    channel: int
    data: bytes


def render_request(method: str, url: str, sequence: int, headers: Mapping[str, str]) -> bytes:
    """A request without a body. The caller answers for it that no text holds a line break."""
    lines = [f"{method} {url} RTSP/1.0", f"CSeq: {sequence}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("utf-8", FOREIGN_BYTES)


class Reader:
    """Takes a stream of bytes apart, however it was cut on the way."""

    def __init__(self) -> None:
        self._pending = bytearray()
        self._wanted = 1
        """So many bytes must be there before another look at them makes sense."""
        self._body_bytes = 0
        """Of the message that is not whole yet."""

    @property
    def lack(self) -> str:
        """What the message that waits for its end has too little of, for people; nothing if none does."""
        missing = self._wanted - len(self._pending)
        if not self._body_bytes or missing <= 0:
            return ""
        return f"an answer that lacks {missing} of its {self._body_bytes} bytes"

    def feed(self, data: bytes | bytearray) -> Iterator[Answer | Packet]:
        """What `data` completes; raises Garbage, after which nothing more is to be fed.

        Requests of the server (keep-alives, announcements) are read over.
        """
        self._pending += data
        while len(self._pending) >= self._wanted:
            self._wanted, self._body_bytes = 1, 0
            taken = self._take_packet() if self._pending[0] == _DOLLAR else self._take_message()
            if taken is None:
                return
            size, found = taken
            del self._pending[:size]
            if found is not None:
                yield found

    def _take_packet(self) -> tuple[int, Packet] | None:
        if len(self._pending) < _INTERLEAVED_HEADER:
            return None
        end = _INTERLEAVED_HEADER + int.from_bytes(self._pending[2:4], "big")
        if len(self._pending) < end:
            return None
        return end, Packet(self._pending[1], bytes(self._pending[_INTERLEAVED_HEADER:end]))

    def _take_message(self) -> tuple[int, Answer | None] | None:
        """One message, or its size alone where it is a request or an empty line between messages."""
        if self._pending.startswith(b"\n"):
            return 1, None
        if self._pending.startswith(b"\r"):
            return (2, None) if len(self._pending) > 1 else None
        end = _HEAD_END.search(self._pending, 0, MAX_HEAD_BYTES)
        if end is None:
            self._refuse_nonsense()
            return None
        start, *lines = self._pending[: end.start()].decode("utf-8", FOREIGN_BYTES).split("\n")
        headers, start = _parse_headers(lines), start.removesuffix("\r")
        body_at, size = end.end(), _body_length(headers)
        status = _STATUS_LINE.fullmatch(start)
        if status is None and not _REQUEST_LINE.fullmatch(start):
            raise Garbage("the answer is no RTSP")
        if len(self._pending) < body_at + size:
            self._wanted, self._body_bytes = body_at + size, size
            return None
        body = bytes(self._pending[body_at : body_at + size])
        return body_at + size, Answer(int(status[1]), headers, body) if status else None

    def _refuse_nonsense(self) -> None:
        """Do not wait for the end of what cannot become a message."""
        if len(self._pending) >= MAX_HEAD_BYTES:
            raise Garbage(f"a message with more than {MAX_HEAD_BYTES} bytes of headers")
        if not self._pending[:1].isalpha():
            raise Garbage("the answer is no RTSP")


def _parse_headers(lines: list[str]) -> dict[str, tuple[str, ...]]:
    headers: dict[str, list[str]] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if colon:
            headers.setdefault(name.strip().lower(), []).append(value.strip())
    return {name: tuple(values) for name, values in headers.items()}


def _body_length(headers: Mapping[str, tuple[str, ...]]) -> int:
    text = headers.get("content-length", ("0",))[0]
    if not _LENGTH.fullmatch(text):
        raise Garbage("a body without a sound length")
    if int(text) > MAX_BODY_BYTES:
        raise Garbage(f"a body of more than {MAX_BODY_BYTES} bytes")
    return int(text)
