"""Which stream of a description (SDP, RFC 8866; its use in RTSP: RFC 2326, appendix C) is the video."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise

_MAX_LINES = 2000
_URL = re.compile(r"[!-~]{1,2000}")
_RTPMAP = re.compile(r"rtpmap:(\d{1,3}) +([\w.-]{1,40})/(\d{1,9})")
_STATIC = {26: ("JPEG", 90_000), 32: ("MPV", 90_000)}
"""Types that need no `rtpmap` (RFC 3551, table 5): Motion JPEG and MPEG video."""


@dataclass(frozen=True, slots=True)
class Video:
    """The first video of a description. `encoding` in capitals, `clock_hz` of its RTP timestamps."""

    payload_type: int
    encoding: str
    clock_hz: int
    url: str
    session_url: str
    """What PLAY and TEARDOWN speak of: all streams together."""


def find_video(body: bytes, base_url: str) -> Video | None:
    """The first video in a description, or None; `base_url` is what its relative URLs are below."""
    common, medium = _split(body.decode("utf-8", "replace").splitlines()[:_MAX_LINES])
    words = medium[0].split() if medium else []
    if len(words) < 4 or not (words[3].isascii() and words[3].isdigit() and int(words[3]) < 128):
        return None
    payload_type = int(words[3])
    maps = {int(found[1]): found for line in medium if (found := _RTPMAP.fullmatch(line[2:].split(";")[0]))}
    encoding, clock_hz = _STATIC.get(payload_type, ("", 90_000))
    if found := maps.get(payload_type):
        encoding, clock_hz = found[2].upper(), int(found[3]) or 90_000
    session_url = below(base_url, _control(common))
    return Video(payload_type, encoding, clock_hz, below(session_url, _control(medium)), session_url)


def below(base_url: str, control: str) -> str:
    """The URL of a stream, made as all players make it; what is no clean URL is taken for the base itself."""
    if control in ("", "*") or not _URL.fullmatch(control):
        return base_url
    if "://" in control:
        return control
    return f"{base_url.rstrip('/')}/{control.lstrip('/')}"


def is_clean_url(text: str) -> bool:
    """Whether a text of a peer may stand in a request line."""
    return bool(_URL.fullmatch(text)) and text.lower().startswith("rtsp://")


def _split(lines: list[str]) -> tuple[list[str], list[str]]:
    """The lines of the whole session, and those of its first video."""
    starts = [i for i, line in enumerate(lines) if line.startswith("m=")]
    for start, end in pairwise([*starts, len(lines)]):
        if lines[start].startswith("m=video "):
            return lines[: starts[0]], lines[start:end]
    return lines, []


def _control(lines: list[str]) -> str:
    return next((line[10:].strip() for line in lines if line.startswith("a=control:")), "")
