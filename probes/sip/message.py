"""SIP messages (RFC 3261), as far as OPTIONS needs them: a request out, responses in. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from probes.bytestream import quote
from probes.endpoint import Endpoint

_HEAD_END = b"\r\n\r\n"
_LONGEST_HEAD = 16_384
_MOST_BLANK = 256
_STATUS_LINE = re.compile(r"SIP/2\.0 ([1-6]\d\d)(?: (.*))?")
_REQUEST_LINE = re.compile(r"[A-Za-z]+ \S+ SIP/2\.0")
_COMPACT = {"v": "via", "l": "content-length", "s": "subject", "i": "call-id", "f": "from", "t": "to"}
_MAGIC = "z9hG4bK"  # begins every branch since RFC 3261 (8.1.1.7)


class MalformedMessage(ValueError):  # noqa: N818 - reads as what it is
    """Bytes that are no SIP message; the text says why."""


@dataclass(frozen=True, slots=True)
class Options:
    """One OPTIONS request. `identity`: random text, which makes it this one and no other."""

    uri: str
    transport: str
    identity: str

    @property
    def branch(self) -> str:
        """What the response to it repeats."""
        return _MAGIC + self.identity

    def encode(self, local: Endpoint) -> bytes:
        """The request from `local` (RFC 3261, 11.1), with `rport`, so that its response comes back the same
        way through a NAT (RFC 3581)."""
        us = f"sip:linkwatch@{local}"
        lines = [
            f"OPTIONS {self.uri} SIP/2.0",
            f"Via: SIP/2.0/{self.transport.upper()} {local};branch={self.branch};rport",
            "Max-Forwards: 70",
            f"From: <{us}>;tag={self.identity[:10]}",
            f"To: <{self.uri}>",
            f"Call-ID: {self.identity}",
            "CSeq: 1 OPTIONS",
            f"Contact: <{us};transport={self.transport}>",
            "Accept: application/sdp",
            "User-Agent: LinkWatch",
            "Content-Length: 0",
        ]
        return "\r\n".join([*lines, "", ""]).encode()


@dataclass(frozen=True, slots=True)
class Response:
    """`headers`: the first of each name, names in lower case. `phrase`: fit to be shown."""

    status: int
    phrase: str
    headers: Mapping[str, str]

    def answers(self, request: Options) -> bool:
        """Whether it is the response to that request (RFC 3261, 17.1.3)."""
        is_options = self.headers.get("cseq", "").split() == ["1", "OPTIONS"]
        return is_options and self.via_parameter("branch") == request.branch

    def via_parameter(self, name: str) -> str:
        """A parameter of the topmost Via, empty if it has none."""
        via = self.headers.get("via", "").partition(",")[0]
        for parameter in via.split(";")[1:]:
            key, _, value = parameter.partition("=")
            if key.strip().lower() == name:
                return value.strip()
        return ""


def decode(data: bytes) -> Response | None:
    """The response in a message, None if it is a request of the peer's own; raises MalformedMessage."""
    head, end, _ = data.lstrip(b"\r\n").partition(_HEAD_END)
    first, *lines = head.decode("utf-8", "replace").split("\r\n")
    if not end:
        raise MalformedMessage("not a SIP message")
    if _REQUEST_LINE.fullmatch(first):
        return None
    match = _STATUS_LINE.fullmatch(first)
    if match is None:
        raise MalformedMessage("not a SIP message")
    return Response(int(match[1]), quote(match[2] or ""), _headers(lines))


def message_length(data: bytes) -> int | None:
    """Bytes of the message that a stream begins with, None while that cannot be told; raises
    MalformedMessage."""
    blank = len(data) - len(data.lstrip(b"\r\n"))  # sent to keep connections alive (RFC 5626, 3.5.1)
    if blank > _MOST_BLANK:
        raise MalformedMessage("nothing but empty lines")
    head, end, _ = data[blank:].partition(_HEAD_END)
    first, line_end, rest = head.decode("utf-8", "replace").partition("\r\n")
    if line_end and not (_STATUS_LINE.fullmatch(first) or _REQUEST_LINE.fullmatch(first)):
        raise MalformedMessage("not a SIP message")
    if len(head) > _LONGEST_HEAD:
        raise MalformedMessage(f"a head of more than {_LONGEST_HEAD} bytes")
    if not end:
        return None
    length = _headers(rest.split("\r\n")).get("content-length", "0")
    if not (length.isascii() and length.isdigit() and len(length) < 10):
        raise MalformedMessage("a Content-Length that is no length")
    return blank + len(head) + len(end) + int(length)


def _headers(lines: list[str]) -> dict[str, str]:
    headers: dict[str, str] = {}
    last = ""
    for line in lines:
        if line[:1] in (" ", "\t"):  # the line before goes on
            headers[last] = f"{headers.get(last, '')} {line.strip()}"
            continue
        name, _, value = line.partition(":")
        last = _COMPACT.get(name.strip().lower(), name.strip().lower())
        if last in headers:
            last = ""  # the first counts, and what continues this one must not be added to it
            continue
        headers[last] = value.strip()
    return headers
