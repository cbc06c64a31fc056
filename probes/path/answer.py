"""What comes back: ICMP errors that quote a packet of ours, and answers of the destination. Pure.

Whatever is no answer to a packet of ours is None; nothing that a stranger sends raises.
"""

from __future__ import annotations

import struct
from enum import Enum
from ipaddress import ip_address
from typing import NamedTuple

from probes.icmp.packet import ECHO_BYTES, V4, V6, Wire
from probes.path.packet import IPV4_BYTES, IPV6_BYTES, UDP_BYTES, Method
from probes.sample import IPAddress

_EXCEEDED = {4: (11, 0), 6: (3, 0)}
"""Type and code of "time to live exceeded in transit"."""
_UNREACHABLE = {4: 3, 6: 1}
_OF_DESTINATION = {4: {2, 3}, 6: {4}}
"""Codes with which only the destination itself refuses: protocol or port unreachable."""
_FRAGMENTATION_NEEDED = 4
_TOO_BIG = 2
_WHY = {
    4: {0: "network unreachable", 1: "host unreachable", 5: "source route failed", 6: "network unknown"}
    | {7: "host unknown", 11: "network unreachable for this service", 12: "host unreachable for this service"}
    | {9: "network prohibited", 10: "host prohibited", 13: "communication prohibited"},
    6: {0: "no route", 1: "communication prohibited", 2: "beyond the scope of the source"}
    | {3: "host unreachable", 5: "source address prohibited", 6: "route rejected"},
}
_METHODS = {17: Method.UDP, 6: Method.TCP}
_SYN_ACK, _ACK, _RST = 0x12, 0x10, 0x04


class Kind(Enum):
    """What an answer says of the packet: it died on the way, arrived, cannot arrive, or is too big."""

    HOP = "hop"
    ARRIVED = "arrived"
    REFUSED = "refused"
    TOO_BIG = "too big"


class Sent(NamedTuple):
    """Which packet of ours an answer is about: the trace it belongs to, and its serial."""

    method: Method
    destination: IPAddress
    source_port: int
    serial: int


class Answer(NamedTuple):
    """One answer. `why`: words for a refusal; `mtu`: what would fit, of a packet that was too big."""

    sent: Sent
    kind: Kind
    source: IPAddress
    why: str = ""
    mtu: int = 0


def read_icmp(data: bytes, source: IPAddress) -> Answer | None:
    """An ICMP message of `source`; of IPv4 with the IP header before it, as raw sockets give it."""
    wire = V4 if source.version == 4 else V6
    try:
        message = data[(data[0] & 0x0F) * 4 :] if wire is V4 else data
        kind, code, rest = struct.unpack_from("!BBxxI", message)
        if kind == wire.reply:
            return Answer(Sent(Method.ICMP, source, rest >> 16, rest & 0xFFFF), Kind.ARRIVED, source)
        sent = _read_quote(wire, message[ECHO_BYTES:])
    except (struct.error, IndexError, ValueError):
        return None
    return _read_error(wire.version, kind, code, rest, sent, source) if sent else None


def read_tcp(data: bytes, source: IPAddress) -> Answer | None:
    """A TCP segment of `source`; of IPv4 with the IP header before it. A SYN is answered by one that
    acknowledges it: with SYN, with RST, or bare where the destination has met an earlier SYN of the trace."""
    try:
        segment = data[(data[0] & 0x0F) * 4 :] if source.version == 4 else data
        _, port, acknowledged, flags = struct.unpack_from("!HH4xIxB", segment)
    except (struct.error, IndexError):
        return None
    if not flags & _ACK or flags & ~(_SYN_ACK | _RST):
        return None
    serial = (acknowledged - 1) % 2**32
    return Answer(Sent(Method.TCP, source, port, serial), Kind.ARRIVED, source)


def _read_error(
    version: int, kind: int, code: int, rest: int, sent: Sent, source: IPAddress
) -> Answer | None:
    if (kind, code) == _EXCEEDED[version]:
        return Answer(sent, Kind.HOP, source)
    if version == 6 and kind == _TOO_BIG:
        return Answer(sent, Kind.TOO_BIG, source, mtu=rest)
    if kind != _UNREACHABLE[version]:
        return None
    if version == 4 and code == _FRAGMENTATION_NEEDED:
        return Answer(sent, Kind.TOO_BIG, source, mtu=rest & 0xFFFF)
    if code in _OF_DESTINATION[version]:
        return Answer(sent, Kind.ARRIVED, source)
    return Answer(sent, Kind.REFUSED, source, why=_WHY[version].get(code, f"unreachable, code {code}"))


def _read_quote(wire: Wire, quote: bytes) -> Sent | None:
    """The packet that an error quotes, of which eight bytes behind the IP header are enough."""
    if quote[0] >> 4 != wire.version:
        return None
    is_v4 = wire is V4
    header_bytes = (quote[0] & 0x0F) * 4 if is_v4 else IPV6_BYTES
    if header_bytes < IPV4_BYTES:
        return None
    destination = ip_address(quote[wire.quoted_destination])
    number, body = quote[9 if is_v4 else 6], quote[header_bytes:]
    if number == wire.protocol:
        request, port, serial = struct.unpack_from("!BxxxHH", body)
        return Sent(Method.ICMP, destination, port, serial) if request == wire.request else None
    method = _METHODS.get(number)
    if method is Method.UDP:
        port, length = struct.unpack_from("!HxxH", body)
        return Sent(method, destination, port, length - UDP_BYTES)
    if method is Method.TCP:
        port, serial = struct.unpack_from("!HxxI", body)
        return Sent(method, destination, port, serial)
    return None
