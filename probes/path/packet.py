"""What is sent: whole IPv4 and IPv6 packets with a hop limit, all of one flow. Pure.

Routers that spread traffic over several ways look at addresses, protocol, ports (of an echo request: the
identifier, with some the checksum) and flow label. All packets of a trace are the same in these, so that all
take the same way ("Paris traceroute", Augustin et al., 2006). What tells them apart, the serial, stands where
no router looks, and within the eight bytes that even an old router quotes:

- icmp: the sequence number, with a word in the payload that keeps the checksum the same
- udp: the length
- tcp: the sequence number of the SYN
"""

from __future__ import annotations

import struct
from enum import StrEnum
from ipaddress import IPv4Address
from typing import NamedTuple

import numpy as np

from probes.icmp.packet import V4, V6, checksums, word_sum
from probes.sample import IPAddress

FIRST_PORT = 0x7A00
"""The source port (or echo identifier) of flow 0. Below the ports that Linux gives out by itself."""
FLOWS = 256

MIN_PACKET_BYTES = 60
"""Size of a packet whose size does not matter, unless its length is its serial."""
IPV4_BYTES, IPV6_BYTES, ECHO_BYTES, UDP_BYTES = 20, 40, 8, 8

_DF = 0x4000
_WORD = 0xFFFF
_TCP_SYN = 5 << 12 | 0x02
"""Five words of header, and the flag."""
_WINDOW_BYTES = 64240


class Method(StrEnum):
    """What is sent to make hops speak."""

    ICMP = "icmp"
    UDP = "udp"
    TCP = "tcp"


_NUMBERS = {Method.UDP: 17, Method.TCP: 6}


class Flow(NamedTuple):
    """What all packets of a trace have in common. `port`: of the destination, none with ICMP."""

    method: Method
    source: IPAddress
    destination: IPAddress
    source_port: int
    port: int


def compose(flow: Flow, serial: int, hop_limit: int, size: int = 0, *, dont_fragment: bool = False) -> bytes:
    """One packet. `size`: bytes of the whole packet, where more than needed (not with UDP)."""
    version = flow.destination.version
    header_bytes = IPV4_BYTES if version == 4 else IPV6_BYTES
    body = _BODIES[flow.method](flow, serial, max(size, MIN_PACKET_BYTES) - header_bytes)
    header = _ipv4_header if version == 4 else _ipv6_header
    return header(flow, len(body), hop_limit, _DF if dont_fragment else 0) + body


def _echo(flow: Flow, serial: int, size: int) -> bytes:
    """An echo request whose payload begins with what makes up for the serial in the checksum."""
    wire = V4 if isinstance(flow.destination, IPv4Address) else V6
    words = (flow.source_port, serial, _WORD - serial)
    payload = bytes(max(size - ECHO_BYTES - 2, 0))
    unsigned = struct.pack("!BBHHHH", wire.request, 0, 0, *words) + payload
    sums = b"" if wire is V4 else _pseudo_header(flow, len(unsigned), wire.protocol)
    return struct.pack("!BBHHHH", wire.request, 0, _checksum(sums + unsigned), *words) + payload


def _datagram(flow: Flow, serial: int, _size: int) -> bytes:
    length = UDP_BYTES + serial
    header = struct.pack("!HHHH", flow.source_port, flow.port, length, 0)
    checksum = _checksum(_pseudo_header(flow, length, _NUMBERS[Method.UDP]) + header) or _WORD
    return header[:6] + struct.pack("!H", checksum) + bytes(serial)


def _syn(flow: Flow, serial: int, _size: int) -> bytes:
    words = (flow.source_port, flow.port, serial, 0, _TCP_SYN, _WINDOW_BYTES)
    header = struct.pack("!HHIIHHHH", *words, 0, 0)
    checksum = _checksum(_pseudo_header(flow, len(header), _NUMBERS[Method.TCP]) + header)
    return struct.pack("!HHIIHHHH", *words, checksum, 0)


_BODIES = {Method.ICMP: _echo, Method.UDP: _datagram, Method.TCP: _syn}


def _ipv4_header(flow: Flow, body_bytes: int, hop_limit: int, fragmenting: int) -> bytes:
    """RFC 791; the kernel writes the checksum and an identification."""
    number = _NUMBERS.get(flow.method, V4.protocol)
    length = IPV4_BYTES + body_bytes
    start = struct.pack("!BBHHHBBH", 0x45, 0, length, 0, fragmenting, hop_limit, number, 0)
    return start + flow.source.packed + flow.destination.packed


def _ipv6_header(flow: Flow, body_bytes: int, hop_limit: int, _fragmenting: int) -> bytes:
    """RFC 8200; routers never fragment. The flow label follows the flow, too."""
    number = _NUMBERS.get(flow.method, V6.protocol)
    start = struct.pack("!IHBB", 6 << 28 | flow.source_port, body_bytes, number, hop_limit)
    return start + flow.source.packed + flow.destination.packed


def _pseudo_header(flow: Flow, length: int, number: int) -> bytes:
    """The same words in the sum for both families: addresses, length, protocol."""
    return flow.source.packed + flow.destination.packed + struct.pack("!II", length, number)


def _checksum(data: bytes) -> int:
    """RFC 1071."""
    return int(checksums(np.asarray(word_sum(np.frombuffer(data, dtype=np.uint8)))))
