"""ICMP echo packets, whole batches at a time: composing, checksums, reading replies and errors.

An echo request carries, after the eight bytes of RFC 792 / RFC 4443, sixteen bytes of ours: a token
drawn at start, the serial number of the ping and a nonce drawn for it alone. Whoever has not seen the
request cannot answer it. The low half of the serial number is also the sequence number, because an old
router quotes only the first eight bytes of what it refuses.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from typing import Any

import numpy as np
from numpy.typing import NDArray

from probes.icmp.columns import Addresses, Integers, Mask, Numbers, Rows

Bytes = NDArray[np.uint8]
Headers = NDArray[Any]
"""Structured array of `HEADER`."""

HEADER = np.dtype(
    [
        ("type", "u1"),
        ("code", "u1"),
        ("checksum", ">u2"),
        ("ident", ">u2"),
        ("sequence", ">u2"),
        ("token", ">u8"),
        ("serial", ">u4"),
        ("nonce", ">u4"),
    ]
)
ECHO_BYTES = 8
"""The part of the header that every ICMP echo has, and that every ICMP error quotes."""
IPV4_TTL_AT = 8
MIN_SIZE = HEADER.itemsize - ECHO_BYTES
MAX_SIZE = 65535 - 20 - ECHO_BYTES
"""Payload sizes in bytes: room for our sixteen; the largest that fits an IPv4 datagram."""

CAPTURE_BYTES = 60 + ECHO_BYTES + 60 + HEADER.itemsize
"""What must be read of a packet: two IPv4 headers with options, the error's header and the quoted echo."""


@dataclass(frozen=True, slots=True)
class Wire:
    """What differs between ICMP (RFC 792) and ICMPv6 (RFC 4443)."""

    version: int
    request: int
    reply: int
    errors: tuple[int, ...]
    protocol: int
    quoted_destination: slice
    too_big: tuple[int, int]


V4 = Wire(
    4,
    request=8,
    reply=0,
    errors=(3, 11, 12),
    protocol=1,
    quoted_destination=slice(16, 20),
    too_big=(3, 4),
)
"""Errors: unreachable, time exceeded, parameter problem (source quench is dead: RFC 6633)."""
V6 = Wire(
    6,
    request=128,
    reply=129,
    errors=(1, 2, 3, 4),
    protocol=58,
    quoted_destination=slice(24, 40),
    too_big=(2, 0),
)
"""Errors: unreachable, packet too big, time exceeded, parameter problem. `too_big`: type and code of the one
that says so (RFC 1191, RFC 4443)."""


def filler(size: int) -> Bytes:
    """Payload bytes behind ours, of a packet with `size` bytes of payload."""
    return np.arange(size - MIN_SIZE, dtype=np.uint64).astype(np.uint8)


def word_sum(data: Bytes) -> int:
    """Sum of the big-endian 16-bit words of `data`, the last one padded (RFC 1071)."""
    padded = np.append(data, np.uint8(0)) if data.size % 2 else data
    return int(np.ascontiguousarray(padded).view(">u2").sum(dtype=np.uint64))


def checksums(sums: Integers) -> NDArray[np.uint16]:
    """Internet checksums (RFC 1071) from sums of 16-bit words."""
    folded = (sums & 0xFFFF) + (sums >> 16)
    folded = (folded & 0xFFFF) + (folded >> 16)
    return (0xFFFF - folded).astype(np.uint16)


def constant_sum(wire: Wire, ident: int, token: int, size: int) -> int:
    """The part of a request's word sum that is the same for every ping of this size."""
    token_words = word_sum(np.frombuffer(token.to_bytes(8, "big"), dtype=np.uint8))
    return (wire.request << 8) + ident + token_words + word_sum(filler(size))


def compose(
    headers: Headers, wire: Wire, ident: int, token: int, serials: Numbers, nonces: Numbers, sums: Integers
) -> None:
    """Fill `headers` with echo requests; `sums` are the `constant_sum` of each."""
    sequence = serials & 0xFFFF
    words = sequence + sequence + (serials >> 16) + (nonces & 0xFFFF) + (nonces >> 16)
    headers["type"] = wire.request
    headers["code"] = 0
    headers["checksum"] = checksums(sums + words)
    headers["ident"] = ident
    headers["sequence"] = sequence
    headers["token"] = token
    headers["serial"] = serials
    headers["nonce"] = nonces


@dataclass(frozen=True, slots=True)
class Errors:
    """ICMP errors that quote an echo request. `index`: place in the batch; `echoes`: the quoted headers,
    of which only `ECHO_BYTES` mean something where `whole` is false; `destinations`: where they went; `mtu`:
    of those that say "too big" what would fit, 0 if they do not tell."""

    index: Rows
    type: Bytes
    code: Bytes
    echoes: Headers
    whole: Mask
    destinations: Addresses
    mtu: Integers


NO_ERRORS = Errors(
    index=np.zeros(0, np.intp),
    type=np.zeros(0, np.uint8),
    code=np.zeros(0, np.uint8),
    echoes=np.zeros(0, HEADER),
    whole=np.zeros(0, np.bool_),
    destinations=Addresses(np.zeros(0, np.uint64), np.zeros(0, np.uint64)),
    mtu=np.zeros(0, np.int64),
)


@dataclass(frozen=True, slots=True)
class Received:
    """One batch, read: maybe a view of its memory. `index`: places of echo replies in the batch; `replies`:
    their headers; `malformed`: packets that are neither a whole echo reply nor an error quoting an echo
    request."""

    wire: Wire
    index: Rows
    replies: Headers
    errors: Errors
    malformed: int


def read(wire: Wire, data: Bytes, lengths: Integers, has_ip_header: bool) -> Received:
    """Read a batch of packets: `data` (k, at least CAPTURE_BYTES), `lengths` in bytes."""
    start = _header_lengths(data[:, 0]) if has_ip_header else np.zeros(len(data), dtype=np.intp)
    headers = _headers_at(data, start)
    is_reply = (headers["type"] == wire.reply) & (lengths >= start + HEADER.itemsize)
    if is_reply.all():
        return Received(wire, np.arange(len(data)), headers, NO_ERRORS, 0)
    replies = np.flatnonzero(is_reply)
    refused = np.flatnonzero(np.isin(headers["type"], wire.errors) & (lengths >= start + ECHO_BYTES))
    errors = _read_errors(wire, data[refused], lengths[refused], start[refused], refused)
    malformed = len(data) - len(replies) - len(errors.index)
    return Received(wire, replies, headers[replies], errors, malformed)


def _read_errors(wire: Wire, data: Bytes, lengths: Integers, start: Rows, index: Rows) -> Errors:
    headers = _headers_at(data, start)
    quoted = start + ECHO_BYTES
    quoted_ip = np.take_along_axis(data, quoted[:, None] + np.arange(40), axis=1)
    inner = quoted + (_header_lengths(quoted_ip[:, 0]) if wire.version == 4 else 40)
    echoes = _headers_at(data, inner)
    ours = (echoes["type"] == wire.request) & (lengths >= inner + ECHO_BYTES)
    return Errors(
        index=index[ours],
        type=headers["type"][ours],
        code=headers["code"][ours],
        echoes=echoes[ours],
        whole=(lengths >= inner + HEADER.itemsize)[ours],
        destinations=addresses(quoted_ip[ours][:, wire.quoted_destination]),
        mtu=_mtu(wire, headers[ours]),
    )


def _mtu(wire: Wire, errors: Headers) -> Integers:
    """What would fit, of those errors that say that a packet was too big."""
    high = errors["ident"].astype(np.int64) if wire.version == 6 else 0
    says_so = (errors["type"] == wire.too_big[0]) & (errors["code"] == wire.too_big[1])
    return np.where(says_so, (high << 16) + errors["sequence"].astype(np.int64), 0)


def _header_lengths(first_bytes: Bytes) -> Rows:
    """Lengths of IPv4 headers in bytes."""
    return (first_bytes & 0x0F).astype(np.intp) * 4


def _headers_at(data: Bytes, start: Rows) -> Headers:
    if not len(start) or (start == start[0]).all():
        first = int(start[0]) if len(start) else 0
        found = data[:, first : first + HEADER.itemsize]
    else:
        places = np.minimum(start[:, None] + np.arange(HEADER.itemsize), data.shape[1] - 1)
        found = np.take_along_axis(data, places, axis=1)
    return found.view(HEADER)[:, 0]


def addresses(data: Bytes) -> Addresses:
    """From (k, 4) or (k, 16) bytes in network order."""
    if data.shape[1] == 4:
        return Addresses(np.zeros(len(data), np.uint64), data.view(">u4")[:, 0].astype(np.uint64))
    words = data.view(">u8").astype(np.uint64)
    return Addresses(words[:, 0], words[:, 1])


def address_text(wire: Wire, number: int) -> str:
    """The usual notation of an address given as a number."""
    return str(IPv4Address(number) if wire.version == 4 else IPv6Address(number))
