"""The in-kernel filter of raw sockets (classic BPF): without it each would get all ICMP of the machine."""

from __future__ import annotations

import ctypes
import socket
import struct

from probes.icmp.packet import ECHO_BYTES, Wire

Instruction = tuple[int, int, int, int]
"""Code, jump if true, jump if false, constant: struct sock_filter of <linux/filter.h>."""

_LOAD_BYTE, _LOAD_HALF = 0x50, 0x48
"""Load from X + constant."""
_X_IS_HEADER_LENGTH, _X_IS_ZERO = 0xB1, 0x01
"""X = 4 * (packet[0] & 0xf), the length of an IPv4 header; X = 0."""
_AND, _SHIFT_LEFT, _ADD_X, _TO_X = 0x54, 0x64, 0x0C, 0x07
_JUMP_IF_EQUAL, _RETURN = 0x15, 0x06
_ALL = 0xFFFFFFFF
_DROP: Instruction = (_RETURN, 0, 0, 0)
_KEEP: Instruction = (_RETURN, 0, 0, _ALL)

_SO_ATTACH_FILTER = 26
_IPV6_HEADER_BYTES = 40


def filter_program(wire: Wire, ident: int) -> list[Instruction]:
    """Keeps echo replies with our ident, and ICMP errors that quote an echo request with our ident.

    X holds the start of the ICMP header: behind the IP header for IPv4, 0 for IPv6, whose raw sockets
    deliver none.
    """
    start: Instruction = (_X_IS_HEADER_LENGTH if wire.version == 4 else _X_IS_ZERO, 0, 0, 0)
    reply = [(_LOAD_HALF, 0, 0, 4), *_require(ident), _KEEP]
    errors: list[Instruction] = [
        (_JUMP_IF_EQUAL, len(wire.errors) - place, 0, kind) for place, kind in enumerate(wire.errors)
    ]
    return [
        start,
        (_LOAD_BYTE, 0, 0, 0),
        (_JUMP_IF_EQUAL, 0, len(reply), wire.reply),
        *reply,
        *errors,
        _DROP,
        *_quotes(wire, ident),
        _KEEP,
    ]


def _quotes(wire: Wire, ident: int) -> list[Instruction]:
    """Require that the error quotes an echo request of ours."""
    protocol_at = ECHO_BYTES + (9 if wire.version == 4 else 6)
    enter, echo_at = (
        (_skip_quoted_ipv4(), ECHO_BYTES) if wire.version == 4 else ([], ECHO_BYTES + _IPV6_HEADER_BYTES)
    )
    return [
        (_LOAD_BYTE, 0, 0, protocol_at),
        *_require(wire.protocol),
        *enter,
        (_LOAD_BYTE, 0, 0, echo_at),
        *_require(wire.request),
        (_LOAD_HALF, 0, 0, echo_at + 4),
        *_require(ident),
    ]


def _skip_quoted_ipv4() -> list[Instruction]:
    """Add the length of the quoted IPv4 header, which may have options, to X."""
    length = [(_LOAD_BYTE, 0, 0, ECHO_BYTES), (_AND, 0, 0, 0x0F), (_SHIFT_LEFT, 0, 0, 2)]
    return [*length, (_ADD_X, 0, 0, 0), (_TO_X, 0, 0, 0)]


def _require(value: int) -> list[Instruction]:
    return [(_JUMP_IF_EQUAL, 1, 0, value), _DROP]


def attach_filter(opened: socket.socket, wire: Wire, ident: int) -> None:
    """Attach the filter to a raw socket."""
    attach_program(opened, filter_program(wire, ident))


def attach_program(opened: socket.socket, program: list[Instruction]) -> None:
    """Attach any program to a socket."""
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *line) for line in program))
    argument = struct.pack("HxxxxxxP", len(program), ctypes.addressof(code))
    opened.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, argument)
