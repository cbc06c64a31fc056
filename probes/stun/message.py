"""STUN messages (RFC 8489; TURN's attributes: RFC 8656): attributes to bytes and back. Pure.

Small enough to be ours: aioice's codec, the one that is kept well, is not public, lets a short LIFETIME out
as struct.error, and drops what has a wrong FINGERPRINT without a word.
"""

from __future__ import annotations

import hmac
import struct
import unicodedata
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from hashlib import md5
from ipaddress import ip_address

from probes.endpoint import Endpoint

HEADER_BYTES = 20
TRANSACTION_BYTES = 12

_COOKIE = 0x2112A442
_FINGERPRINT_XOR = 0x5354554E
_INTEGRITY_BYTES, _FINGERPRINT_BYTES = 24, 8
_KIND_BITS = 0x0110


class Method(IntEnum):
    """What is asked."""

    BINDING = 0x001
    ALLOCATE = 0x003
    REFRESH = 0x004


class Kind(IntEnum):
    """The class of a message."""

    REQUEST = 0x000
    SUCCESS = 0x100
    ERROR = 0x110


class Attribute(IntEnum):
    """The attributes that are sent or read here."""

    MAPPED_ADDRESS = 0x0001
    USERNAME = 0x0006
    MESSAGE_INTEGRITY = 0x0008
    ERROR_CODE = 0x0009
    LIFETIME = 0x000D
    REALM = 0x0014
    NONCE = 0x0015
    XOR_RELAYED_ADDRESS = 0x0016
    REQUESTED_TRANSPORT = 0x0019
    XOR_MAPPED_ADDRESS = 0x0020
    SOFTWARE = 0x8022
    ALTERNATE_SERVER = 0x8023
    FINGERPRINT = 0x8028


_XORED = {Attribute.XOR_RELAYED_ADDRESS, Attribute.XOR_MAPPED_ADDRESS}


class MalformedMessage(ValueError):  # noqa: N818 - reads as what it is
    """Bytes that are no STUN message, or one that was damaged; the text says how."""


@dataclass(frozen=True, slots=True)
class Message:
    """A message that was received. Of an attribute that comes twice the first counts."""

    method: int
    kind: int
    transaction: bytes
    attributes: Mapping[int, bytes] = field(repr=False)
    signed: bytes = field(default=b"", repr=False)
    """What MESSAGE-INTEGRITY is made over; empty where there is none."""

    def is_signed_with(self, key: bytes) -> bool:
        """Whether MESSAGE-INTEGRITY is there and right."""
        given = self.attributes.get(Attribute.MESSAGE_INTEGRITY, b"")
        return bool(self.signed) and hmac.compare_digest(given, _sign(self.signed, key))

    def address(self, attribute: Attribute) -> Endpoint | None:
        """The address in an attribute, None if it is not there; raises MalformedMessage."""
        value = self.attributes.get(attribute)
        if value is None:
            return None
        if (len(value), value[1:2]) not in ((8, b"\x01"), (20, b"\x02")):
            raise MalformedMessage(f"{attribute.name} is no address")
        if attribute in _XORED:
            mask = _COOKIE.to_bytes(4, "big")
            mask = bytes(2) + mask[:2] + mask + self.transaction
            value = bytes(a ^ b for a, b in zip(value, mask, strict=False))
        return Endpoint(ip_address(value[4:]), int.from_bytes(value[2:4], "big"))

    def number(self, attribute: Attribute) -> int | None:
        """The number of 32 bits in an attribute, None if it is not there; raises MalformedMessage."""
        value = self.attributes.get(attribute)
        if value is not None and len(value) != 4:
            raise MalformedMessage(f"{attribute.name} is no number")
        return None if value is None else int.from_bytes(value, "big")

    @property
    def error(self) -> tuple[int, bytes]:
        """Code (300 to 699) and phrase of an error response; raises MalformedMessage."""
        value = self.attributes.get(Attribute.ERROR_CODE, b"")
        code = (value[2] & 7) * 100 + value[3] if len(value) >= 4 else 0
        if not 300 <= code <= 699:
            raise MalformedMessage("an error without a code")
        return code, value[4:]


def encode(
    method: Method, kind: Kind, transaction: bytes, attributes: Mapping[Attribute, bytes], key: bytes = b""
) -> bytes:
    """A message that ends in FINGERPRINT, signed if there is a `key`."""
    body = b"".join(_pack(attribute, value) for attribute, value in attributes.items())
    if key:
        signed = _header(method | kind, len(body) + _INTEGRITY_BYTES, transaction) + body
        body += _pack(Attribute.MESSAGE_INTEGRITY, _sign(signed, key))
    checked = _header(method | kind, len(body) + _FINGERPRINT_BYTES, transaction) + body
    return checked + _pack(Attribute.FINGERPRINT, _fingerprint(checked))


def decode(data: bytes) -> Message:
    """One whole message, its FINGERPRINT checked if it has one; raises MalformedMessage."""
    if message_length(data) != len(data):
        raise MalformedMessage("not a whole STUN message")
    transaction = data[HEADER_BYTES - TRANSACTION_BYTES : HEADER_BYTES]
    attributes: dict[int, bytes] = {}
    signed = b""
    for place, attribute, value in _attributes(data):
        if attribute == Attribute.FINGERPRINT:
            if place + _FINGERPRINT_BYTES != len(data) or value != _fingerprint(data[:place]):
                raise MalformedMessage("wrong FINGERPRINT")
        elif signed:
            continue  # nobody has signed it (RFC 8489, 14.5)
        elif attribute == Attribute.MESSAGE_INTEGRITY:
            signed = data[:2] + struct.pack("!H", place - HEADER_BYTES + _INTEGRITY_BYTES) + data[4:place]
        attributes.setdefault(attribute, value)
    kind = int.from_bytes(data[:2], "big")
    return Message(kind & ~_KIND_BITS, kind & _KIND_BITS, transaction, attributes, signed)


def message_length(data: bytes) -> int | None:
    """Bytes of the message that `data` begins with, None while that cannot be told; raises
    MalformedMessage if no STUN message begins so (RFC 8489, 5)."""
    if len(data) < HEADER_BYTES:
        return None
    kind, length, cookie = struct.unpack_from("!HHI", data)
    if kind >= 0x4000 or length % 4 or cookie != _COOKIE:
        raise MalformedMessage("not a STUN message")
    return HEADER_BYTES + int(length)


def long_term_key(user: str, realm: bytes, password: str) -> bytes:
    """The key of a user in a realm (RFC 8489, 18.5.1.1)."""
    names = (
        unicodedata.normalize("NFC", user).encode(),
        realm,
        unicodedata.normalize("NFC", password).encode(),
    )
    return md5(b":".join(names), usedforsecurity=False).digest()


def _attributes(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Place, type and value of each attribute."""
    place = HEADER_BYTES
    while place < len(data):
        attribute, length = struct.unpack_from("!HH", data, place)
        value = data[place + 4 : place + 4 + length]
        if len(value) < length:
            raise MalformedMessage("an attribute is longer than its message")
        yield place, attribute, value
        place += 4 + length + -length % 4


def _pack(attribute: Attribute, value: bytes) -> bytes:
    return struct.pack("!HH", attribute, len(value)) + value + bytes(-len(value) % 4)


def _header(kind: int, length: int, transaction: bytes) -> bytes:
    return struct.pack("!HHI", kind, length, _COOKIE) + transaction


def _sign(signed: bytes, key: bytes) -> bytes:
    return hmac.digest(key, signed, "sha1")


def _fingerprint(checked: bytes) -> bytes:
    return (zlib.crc32(checked) ^ _FINGERPRINT_XOR).to_bytes(4, "big")
