"""NTP packets (RFC 5905, modes 3 and 4): a request out, a reply in, offset and delay of both. Pure."""

from __future__ import annotations

import struct
from collections.abc import Container
from dataclasses import dataclass
from ipaddress import IPv4Address

PACKET_BYTES = 48
NONCE_BYTES = 8
UNSYNCHRONISED = 3
"""The leap indicator of a server whose clock is not synchronised."""
MAX_STRATUM = 15

_FORM = struct.Struct("!BBbbII4s8s8sQQ")
_VERSION, _CLIENT, _SERVER = 4, 3, 4
_UNIX_EPOCH_S = 2_208_988_800  # 1970 in seconds since 1900
_ERA = 1 << 64


@dataclass(frozen=True, slots=True)
class Reply:
    """What a server says. `received`, `sent`: NTP timestamps, 32.32 bits of seconds since 1900."""

    leap: int
    version: int
    stratum: int
    root_delay_s: float
    root_dispersion_s: float
    reference_id: bytes
    received: int
    sent: int
    nonce: bytes
    """That of the request which this answers."""

    @property
    def is_synchronised(self) -> bool:
        """Whether the server claims to know the time."""
        return self.leap != UNSYNCHRONISED and 1 <= self.stratum <= MAX_STRATUM

    @property
    def kiss_code(self) -> str:
        """The code of a kiss-o'-death (section 7.4), or nothing."""
        is_code = self.stratum == 0 and self.reference_id.isalpha() and self.reference_id.isupper()
        return self.reference_id.decode("ascii") if is_code else ""

    @property
    def reference(self) -> str:
        """Where the server has its time from: a kind of clock at stratum 1, else an address (or its hash)."""
        if self.stratum > 1:
            return str(IPv4Address(self.reference_id))
        text = self.reference_id.rstrip(b"\0").decode("ascii", "replace")
        return text if text.isprintable() and text.isascii() else self.reference_id.hex()


@dataclass(frozen=True, slots=True)
class Measurement:
    """`offset_s`: how far the server's clock is ahead of ours; wrong by half of `delay_s` at most, as far as
    the network is to blame. `processing_s`: how long the server had the request."""

    offset_s: float
    delay_s: float
    processing_s: float


def make_request(nonce: bytes) -> bytes:
    """A request that tells nothing of us: the place of our time holds `nonce`, which the reply repeats and
    nobody can guess."""
    return bytes([_VERSION << 3 | _CLIENT]).ljust(PACKET_BYTES - NONCE_BYTES, b"\0") + nonce


def read_reply(packet: bytes, nonces: Container[bytes]) -> Reply:
    """The reply in `packet` to a request with one of `nonces`; raises ValueError with what is wrong."""
    if len(packet) < PACKET_BYTES:
        raise ValueError(f"a packet of {len(packet)} bytes")
    fields = _FORM.unpack_from(packet)
    first, stratum, _, _, root_delay, root_dispersion, reference_id, _, origin, received, sent = fields
    leap, version, mode = first >> 6, first >> 3 & 7, first & 7
    if mode != _SERVER or not 1 <= version <= _VERSION:
        raise ValueError(f"a packet of mode {mode}, version {version}")
    if origin not in nonces:
        raise ValueError("a reply to another request")
    delay_s, dispersion_s = root_delay / 65536, root_dispersion / 65536
    return Reply(leap, version, stratum, delay_s, dispersion_s, reference_id, received, sent, origin)


def measure(sent_ns: int, round_trip_s: float, reply: Reply) -> Measurement:
    """Offset and delay (section 8). `sent_ns`: our clock when the request left, nanoseconds since 1970;
    `round_trip_s`: by a monotonic clock, so that a step of ours meanwhile does no harm.

    Differences are taken modulo 2^64, which is right across the end of the era in 2036.
    """
    seconds, rest_ns = divmod(sent_ns, 1_000_000_000)
    left = (seconds + _UNIX_EPOCH_S << 32) + (rest_ns << 32) // 1_000_000_000
    there_s = _difference_s(reply.received, left)
    processing_s = _difference_s(reply.sent, reply.received)
    delay_s = round_trip_s - processing_s
    return Measurement(there_s - delay_s / 2, delay_s, processing_s)


def _difference_s(later: int, earlier: int) -> float:
    difference = (later - earlier) % _ERA
    return (difference - _ERA if difference >= _ERA // 2 else difference) / (1 << 32)
