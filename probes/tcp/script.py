"""The script of a dialogue: what is expected and what is sent, one step a line."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from probes.pattern import check_pattern

LINE_ENDS = {"crlf": b"\r\n", "lf": b"\n", "none": b""}

_ESCAPE = re.compile(rb"\\(?:x([0-9a-fA-F]{2})|(.))", re.DOTALL)
_PLAIN_ESCAPES = {b"r": b"\r", b"n": b"\n", b"t": b"\t", b"\\": b"\\"}


class Expect(NamedTuple):
    """Wait for a line in which `pattern` is found."""

    pattern: str


class Send(NamedTuple):
    """Send `data`, and the end of a line behind it."""

    data: bytes


@lru_cache(maxsize=1024)
def parse_script(text: str) -> tuple[Expect | Send, ...]:
    """The steps of a script; raises ValueError, which names the step but never quotes it (secrets)."""
    lines = [line.strip() for line in text.splitlines()]
    return tuple(_parse_step(place, line) for place, line in enumerate(filter(None, lines), 1))


def _parse_step(place: int, line: str) -> Expect | Send:
    verb, _, rest = line.partition(" ")
    try:
        if verb == "expect" and rest:
            check_pattern(rest)
            return Expect(rest)
        if verb == "send":
            return Send(_unescape(rest.encode()))
    except ValueError:
        what = "a regular expression" if verb == "expect" else r"with no escapes but \r \n \t \\ \xNN"
        raise ValueError(f"dialogue: step {place} ({verb}) must be {what}") from None
    raise ValueError(f"dialogue: step {place} must be 'expect PATTERN' or 'send TEXT'")


def _unescape(text: bytes) -> bytes:
    def character(match: re.Match[bytes]) -> bytes:
        if match[1]:
            return bytes.fromhex(match[1].decode())
        if match[2] not in _PLAIN_ESCAPES:
            raise ValueError("unknown escape")
        return _PLAIN_ESCAPES[match[2]]

    if re.search(rb"(?<!\\)(?:\\\\)*\\$", text):
        raise ValueError("unknown escape")  # a lone backslash at the end
    return _ESCAPE.sub(character, text)
