"""Where whole pictures stand in a stream: told from the first bytes of a payload, nothing is decoded.

A key frame is a picture that needs no other. Two of them from a live sensor are never the same, byte for
byte, since a sensor has noise; an encoder that is fed with one picture for ever repeats itself.
"""

from __future__ import annotations

from typing import NamedTuple

_H264_KEY, _H264_STAP_A, _H264_STAP_B, _H264_FU_A, _H264_FU_B = 5, 24, 25, 28, 29
_H265_KEY, _H265_AP, _H265_FU = range(16, 22), 48, 49


class Unit(NamedTuple):
    """`is_key`: it belongs to a key frame. `is_start`: nothing of its picture unit came before it."""

    is_key: bool
    is_start: bool


def inspect(encoding: str, payload: bytes) -> Unit:
    """What a payload is part of; of an encoding that is not known here no key frames are seen."""
    if len(payload) < 4:
        return Unit(is_key=False, is_start=True)
    if encoding == "H264":
        return _inspect_h264(payload)
    if encoding in ("H265", "HEVC"):
        return _inspect_h265(payload)
    if (
        encoding == "JPEG"
    ):  # every picture is whole; three bytes say how far into it this is (RFC 2435, 3.1.2)
        return Unit(is_key=True, is_start=payload[1:4] == b"\0\0\0")
    return Unit(is_key=False, is_start=True)


def _inspect_h264(payload: bytes) -> Unit:
    """RFC 6184, 5.2: single units, aggregated ones, and fragments."""
    kind = payload[0] & 0x1F
    if kind in (_H264_FU_A, _H264_FU_B):
        return Unit(payload[1] & 0x1F == _H264_KEY, bool(payload[1] & 0x80))
    if kind in (_H264_STAP_A, _H264_STAP_B):
        first = 1 if kind == _H264_STAP_A else 3
        return Unit(any(unit & 0x1F == _H264_KEY for unit in _aggregated(payload, first)), is_start=True)
    return Unit(kind == _H264_KEY, is_start=True)


def _inspect_h265(payload: bytes) -> Unit:
    """RFC 7798, 4.4: the same with a header of two bytes."""
    kind = payload[0] >> 1 & 0x3F
    if kind == _H265_FU:
        return Unit(payload[2] & 0x3F in _H265_KEY, bool(payload[2] & 0x80))
    if kind == _H265_AP:
        return Unit(any(unit >> 1 & 0x3F in _H265_KEY for unit in _aggregated(payload, 2)), is_start=True)
    return Unit(kind in _H265_KEY, is_start=True)


def _aggregated(payload: bytes, place: int) -> list[int]:
    """The first byte of each unit, each of which stands behind its length."""
    found = []
    while place + 2 < len(payload):
        found.append(payload[place + 2])
        place += 2 + int.from_bytes(payload[place : place + 2], "big")
    return found
