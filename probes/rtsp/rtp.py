"""RTP (RFC 3550): headers, and what the packets of one look at a stream come to.

Pure; packets are counted and their bytes compared by fingerprint. No picture is decoded, kept or shown.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import NamedTuple

from probes.rtsp.picture import inspect

_FIXED_HEADER = 12
_LONGEST_GAP = 3000
"""A jump beyond this is a source that started anew, not a loss (MAX_DROPOUT of RFC 3550, A.1)."""

MOST_PACKETS = 200_000
"""Far more than any camera sends during the longest look."""

MOST_FOREIGN = 1000

MOST_KEY_FRAMES = 4096


class RtpPacket(NamedTuple):
    """A packet without its header."""

    payload_type: int
    is_last: bool
    """By the marker bit: of its picture."""
    sequence: int
    timestamp: int
    source: int
    payload: bytes


def parse_packet(data: bytes) -> RtpPacket | None:
    """An RTP packet (RFC 3550, 5.1), or None if it is none."""
    if len(data) < _FIXED_HEADER or data[0] >> 6 != 2:
        return None
    start = _FIXED_HEADER + 4 * (data[0] & 0x0F)
    if data[0] & 0x10:  # an extension: its length in words stands in its second half-word
        start += 4 + 4 * int.from_bytes(data[start + 2 : start + 4], "big")
    end = len(data) - (data[-1] if data[0] & 0x20 else 0)
    if start > end:
        return None
    return RtpPacket(
        payload_type=data[1] & 0x7F,
        is_last=bool(data[1] & 0x80),
        sequence=int.from_bytes(data[2:4], "big"),
        timestamp=int.from_bytes(data[4:8], "big"),
        source=int.from_bytes(data[8:12], "big"),
        payload=data[start:end],
    )


@dataclass(slots=True)
class Continuity:
    """Which sequence numbers came: what is lost, what came twice (RFC 3550, A.1 and A.3)."""

    lost_before: int = 0
    came_before: int = 0
    first: int = -1
    last: int = -1
    came: set[int] = field(default_factory=set)

    def take(self, sequence: int) -> int:
        """How far `sequence` is ahead of all before it: 1 is next, more is a gap, 0 and less came late.

        The first packet is next to nothing: 1.
        """
        if not self.came:
            self.first = self.last = sequence
            self.came.add(sequence)
            return 1
        ahead = (sequence - self.last + 0x8000) % 0x10000 - 0x8000
        if abs(ahead) > _LONGEST_GAP:
            self.start_anew()
            self.take(sequence)
            return ahead
        place = self.last + ahead
        self.came.add(place)
        self.first, self.last = min(self.first, place), max(self.last, place)
        return ahead

    def start_anew(self) -> None:
        """The source counts from elsewhere: between then and now nothing is lost."""
        self.lost_before, self.came_before = self.lost, self.packets
        self.came = set()

    @property
    def packets(self) -> int:
        """Different packets that came."""
        return self.came_before + len(self.came)

    @property
    def lost(self) -> int:
        """Packets between the first and the last that did not come."""
        return self.lost_before + (self.last - self.first + 1 - len(self.came) if self.came else 0)


class _Frame:
    """The packets of one timestamp; what makes it a key frame goes into a fingerprint."""

    def __init__(self, timestamp: int, *, is_whole: bool) -> None:
        self.timestamp = timestamp
        self.is_whole = is_whole
        self.is_key = False
        self.has_ended = False
        """Its last packet came."""
        self.is_overrun = False
        """More came after the last one: it is a second picture, of the same timestamp."""
        self._hash = hashlib.blake2b(digest_size=16)

    def take(self, encoding: str, packet: RtpPacket, *, is_first_of_look: bool) -> None:
        unit = inspect(encoding, packet.payload)
        self.is_overrun = self.is_overrun or self.has_ended
        self.has_ended = self.has_ended or packet.is_last
        if is_first_of_look:
            self.is_whole = unit.is_start
        if unit.is_key:
            self.is_key = True
            self._hash.update(packet.payload)

    @property
    def fingerprint(self) -> bytes:
        return self._hash.digest()


class Look:
    """What has come of one video stream since `started_s`; times are monotonic seconds."""

    def __init__(self, payload_type: int, encoding: str, started_s: float) -> None:
        self.started_s = started_s
        self.first_packet_s: float | None = None
        self.last_packet_s = started_s
        self.last_frame_s = started_s
        """When the timestamp last moved."""
        self.longest_pause_s = 0.0
        self.frames = 0
        self.payload_bytes = 0
        self.foreign = 0
        """Packets that are no RTP or of another stream."""
        self.key_frames: list[bytes] = []
        """Fingerprints of the key frames that came whole, in their order."""
        self.continuity = Continuity()
        self._payload_type, self._encoding = payload_type, encoding
        self._taken = 0
        self._source: int | None = None
        self._frame: _Frame | None = None

    @property
    def is_flood(self) -> bool:
        """Whether no camera sends like that: nothing more is to be taken."""
        return self.foreign > MOST_FOREIGN or self._taken > MOST_PACKETS

    @property
    def is_clock_stopped(self) -> bool:
        """Whether pictures share a timestamp; a big one that takes its time over a slow line does not."""
        return self._frame is not None and self._frame.is_overrun

    def take(self, data: bytes, at_s: float) -> None:
        """A packet that came at `at_s`."""
        self._taken += 1
        packet = parse_packet(data)
        if packet is None or packet.payload_type != self._payload_type:
            self.foreign += 1
            return
        if self._source is not None and packet.source != self._source:
            self.continuity.start_anew()
        is_first = self._source is None
        self._source = packet.source
        self.first_packet_s = at_s if self.first_packet_s is None else self.first_packet_s
        self.last_packet_s = at_s
        self.payload_bytes += len(packet.payload)
        ahead = self.continuity.take(packet.sequence)
        if ahead > 0 or abs(ahead) > _LONGEST_GAP:
            self._build_frame(packet, at_s, is_next=ahead == 1, is_first=is_first)

    def _build_frame(self, packet: RtpPacket, at_s: float, *, is_next: bool, is_first: bool) -> None:
        """Late packets are left out: by the gap before them their frame is not whole anyway.

        A frame ends where another timestamp begins; not every camera sets the marker bit as it should.
        """
        if self._frame is not None and not is_next:
            self._frame.is_whole = False
        if self._frame is None or packet.timestamp != self._frame.timestamp:
            if self._frame is not None:
                self.longest_pause_s = max(self.longest_pause_s, at_s - self.last_frame_s)
            self._end_frame()
            self._frame = _Frame(packet.timestamp, is_whole=is_next)
            self.last_frame_s = at_s
            self.frames += 1
        self._frame.take(self._encoding, packet, is_first_of_look=is_first)

    def _end_frame(self) -> None:
        frame = self._frame
        if frame and frame.is_key and frame.is_whole and len(self.key_frames) < MOST_KEY_FRAMES:
            self.key_frames.append(frame.fingerprint)
