"""The in-kernel filters of the raw sockets (classic BPF): only what concerns our flows is handed over.

A machine that serves cameras would else copy all of its TCP into here.
"""

from __future__ import annotations

from probes.icmp.filter import Instruction
from probes.icmp.packet import ECHO_BYTES, Wire
from probes.path.packet import FIRST_PORT, IPV6_BYTES

_LOAD_BYTE, _LOAD_HALF = 0x50, 0x48
"""Load from X + constant."""
_X_IS_HEADER_LENGTH, _X_IS_ZERO = 0xB1, 0x01
_STORE, _LOAD_STORED = 0x02, 0x60
_AND, _SHIFT_LEFT, _ADD_X, _TO_X = 0x54, 0x64, 0x0C, 0x07
_JUMP_IF_EQUAL, _RETURN = 0x15, 0x06
_DROP: Instruction = (_RETURN, 0, 0, 0)
_KEEP: Instruction = (_RETURN, 0, 0, 0xFFFFFFFF)
_BLOCK_OF_PORTS = 0xFF00
_IDENT_AT, _TCP_PORT_AT = 4, 2


def icmp_program(wire: Wire) -> list[Instruction]:
    """Keeps echo replies to our flows, and errors that quote packets of our flows."""
    reply = _keep_if_ours(_IDENT_AT)
    kinds: list[Instruction] = [
        (_JUMP_IF_EQUAL, len(wire.errors) - place, 0, kind) for place, kind in enumerate(wire.errors)
    ]
    return [
        _start(wire),
        (_LOAD_BYTE, 0, 0, 0),
        (_JUMP_IF_EQUAL, 0, len(reply), wire.reply),
        *reply,
        *kinds,
        _DROP,
        *_keep_quotes(wire),
    ]


def tcp_program(wire: Wire) -> list[Instruction]:
    """Keeps segments to the ports of our flows."""
    return [_start(wire), *_keep_if_ours(_TCP_PORT_AT)]


def _start(wire: Wire) -> Instruction:
    """X is where the message begins: raw sockets of IPv6 deliver no IP header."""
    return (_X_IS_HEADER_LENGTH if wire.version == 4 else _X_IS_ZERO, 0, 0, 0)


def _keep_quotes(wire: Wire) -> list[Instruction]:
    """The quoted protocol says where the source port, or the identifier, stands."""
    quoted_at, after = (ECHO_BYTES + 9, 0) if wire.version == 4 else (ECHO_BYTES + 6, IPV6_BYTES)
    skip: list[Instruction] = [
        (_LOAD_BYTE, 0, 0, ECHO_BYTES),
        (_AND, 0, 0, 0x0F),
        (_SHIFT_LEFT, 0, 0, 2),
        (_ADD_X, 0, 0, 0),
        (_TO_X, 0, 0, 0),
    ]
    echo = _keep_if_ours(ECHO_BYTES + after + _IDENT_AT)
    return [
        (_LOAD_BYTE, 0, 0, quoted_at),
        (_STORE, 0, 0, 0),
        *(skip if wire.version == 4 else []),
        (_LOAD_STORED, 0, 0, 0),
        (_JUMP_IF_EQUAL, 0, len(echo), wire.protocol),
        *echo,
        *_keep_if_ours(ECHO_BYTES + after),
    ]


def _keep_if_ours(offset: int) -> list[Instruction]:
    """End here: kept if the port at `offset` belongs to a flow of ours."""
    return [
        (_LOAD_HALF, 0, 0, offset),
        (_AND, 0, 0, _BLOCK_OF_PORTS),
        (_JUMP_IF_EQUAL, 0, 1, FIRST_PORT),
        _KEEP,
        _DROP,
    ]
