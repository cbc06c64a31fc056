"""What a look at a stream says of the camera. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from probes.failure import ProbeError
from probes.rtsp.rtp import Look
from probes.rtsp.settings import Settings
from probes.sample import Reason

_ENOUGH_KEY_FRAMES = 3
_FEW_PICTURES = 2
"""H.264 has neighbouring key frames told apart by a number (`idr_pic_id`): a still picture has two forms."""

LOOKS_REMEMBERED = 4


@dataclass(frozen=True, slots=True)
class Verdict:
    """`is_playing`: video still came at the end. `is_frozen`: None without video. `failure`: the fault."""

    is_playing: bool
    is_frozen: bool | None = None
    failure: ProbeError | None = None


class Memory:
    """Fingerprints of the key frames of the last looks, to compare those of the next one with."""

    def __init__(self) -> None:
        self._looks: deque[frozenset[bytes]] = deque(maxlen=LOOKS_REMEMBERED)

    def remember(self, key_frames: Iterable[bytes]) -> None:
        """A look is over; one without key frames says nothing."""
        if seen := frozenset(key_frames):
            self._looks.append(seen)

    @property
    def known(self) -> frozenset[bytes]:
        """What was seen in these looks."""
        return frozenset().union(*self._looks)


def judge(
    look: Look, ended_s: float, *, settings: Settings, known: Collection[bytes], is_own_loss: bool
) -> Verdict:
    """The verdict on a look that ended at `ended_s` (monotonic).

    `known`: key frames of earlier looks. `is_own_loss`: this machine dropped packets, so that what is
    missing says nothing of the camera.
    """
    if look.first_packet_s is None:
        return Verdict(is_playing=False, failure=_no_video(look, ended_s - look.started_s))
    still_s, silent_s = ended_s - look.last_frame_s, ended_s - look.last_packet_s
    if silent_s >= settings.frozen_after_s:
        after = f"{look.last_packet_s - look.started_s:.1f} s"
        return Verdict(
            False, None, ProbeError(Reason.TIMEOUT, f"the video stopped {after} after it was asked for")
        )
    if still_s >= settings.frozen_after_s:
        return _standstill(look, still_s)
    if settings.compare_pictures and (repeated := _repetition(look.key_frames, known)):
        return Verdict(True, True, ProbeError(Reason.PROTOCOL, f"the picture is frozen: {repeated}"))
    return Verdict(True, False, None if is_own_loss else _loss(look, settings.max_loss))


def loss_ratio(look: Look) -> float:
    """The share of packets that are missing between the first and the last."""
    return look.continuity.lost / max(1, look.continuity.lost + look.continuity.packets)


def _no_video(look: Look, watched_s: float) -> ProbeError:
    if look.foreign:
        return ProbeError(
            Reason.PROTOCOL, f"no video within {watched_s:.1f} s, but packets of something else"
        )
    return ProbeError(
        Reason.TIMEOUT, f"the camera agreed to play, but no video came within {watched_s:.1f} s"
    )


def _standstill(look: Look, still_s: float) -> Verdict:
    """Packets come, but no other timestamp: the camera's clock stands still, or the line is too slow."""
    if look.is_clock_stopped:
        detail = f"the picture is frozen: packets come, but the same timestamp for {still_s:.1f} s"
        return Verdict(True, True, ProbeError(Reason.PROTOCOL, detail))
    slow = f"a single picture has taken {still_s:.1f} s and is not whole yet"
    return Verdict(True, False, ProbeError(Reason.TIMEOUT, f"the video comes too slowly: {slow}"))


def _repetition(key_frames: list[bytes], known: Collection[bytes]) -> str:
    """How key frames repeat themselves, or nothing."""
    if len(key_frames) >= _ENOUGH_KEY_FRAMES and len(set(key_frames)) <= _FEW_PICTURES:
        return f"{len(key_frames)} key frames repeat byte for byte"
    if key_frames and all(frame in known for frame in key_frames):
        return "its key frames are those of earlier looks, byte for byte"
    return ""


def _loss(look: Look, max_loss: float) -> ProbeError | None:
    ratio = loss_ratio(look)
    if ratio <= max_loss:
        return None
    lost, sent = look.continuity.lost, look.continuity.lost + look.continuity.packets
    return ProbeError(Reason.PROTOCOL, f"{ratio:.0%} of the video is lost ({lost} of {sent} packets)")
