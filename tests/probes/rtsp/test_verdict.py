"""What a look says of a camera: no video, stopped, frozen, lossy, good."""

from __future__ import annotations

import pytest

from probes.rtsp.rtp import Look
from probes.rtsp.settings import Settings
from probes.rtsp.verdict import LOOKS_REMEMBERED, Memory, Verdict, judge
from probes.sample import Reason
from tests.probes.rtsp.test_rtp import KEY, OTHER, rtp

FOUR_SECONDS = range(1, 41)


def look_of(packets: dict[int, bytes]) -> Look:
    """A look at packets by the tenth of a second in which they come."""
    look = Look(96, "H264", 100.0)
    for tenth, packet in packets.items():
        look.take(packet, 100.0 + tenth / 10)
    return look


def verdict_on(
    look: Look,
    settings: Settings | None = None,
    known: frozenset[bytes] = frozenset(),
    *,
    is_own_loss: bool = False,
) -> Verdict:
    return judge(look, 104.0, settings=settings or Settings(), known=known, is_own_loss=is_own_loss)


def told(verdict: Verdict) -> tuple[bool, bool | None, Reason | None, str]:
    failure = verdict.failure
    return (
        verdict.is_playing,
        verdict.is_frozen,
        failure and failure.reason,
        failure.detail if failure else "",
    )


def moving(tenth: int) -> bytes:
    return rtp(tenth, tenth, (KEY if tenth % 10 == 1 else OTHER) + bytes([tenth]))


def still(tenth: int) -> bytes:
    """Key frames of a still picture differ in a number that is 0 or 1 in turn."""
    return rtp(tenth, tenth, KEY + bytes([tenth // 10 % 2]) if tenth % 10 == 1 else OTHER)


def test_a_live_picture_is_good() -> None:
    assert verdict_on(look_of({t: moving(t) for t in FOUR_SECONDS})) == Verdict(True, False, None)


def test_no_packet_at_all() -> None:
    detail = "the camera agreed to play, but no video came within 4.0 s"
    assert told(verdict_on(look_of({}))) == (False, None, Reason.TIMEOUT, detail)


def test_packets_that_are_no_video() -> None:
    detail = "no video within 4.0 s, but packets of something else"
    assert told(verdict_on(look_of({1: b"x" * 20}))) == (False, None, Reason.PROTOCOL, detail)


@pytest.mark.parametrize(("last", "is_playing"), [(20, False), (21, True)])
def test_video_has_stopped_after_two_seconds_of_silence(last: int, is_playing: bool) -> None:
    verdict = verdict_on(look_of({t: moving(t) for t in range(1, last + 1)}))
    assert verdict.is_playing == is_playing
    assert (verdict.failure is None) == is_playing
    if verdict.failure:
        assert verdict.failure.detail == "the video stopped 2.0 s after it was asked for"


@pytest.mark.parametrize(("last_move", "is_frozen"), [(20, True), (21, False)])
def test_a_timestamp_that_stood_still_for_two_seconds_is_frozen(last_move: int, is_frozen: bool) -> None:
    packets = {t: moving(t) if t <= last_move else rtp(t, last_move) for t in FOUR_SECONDS}
    verdict = verdict_on(look_of(packets))
    assert (verdict.is_playing, verdict.is_frozen) == (True, is_frozen)
    assert (verdict.failure is not None) == is_frozen


def test_a_picture_too_big_for_its_line_is_slow_not_frozen() -> None:
    packets = {t: moving(t) if t <= 15 else rtp(t, 15, marker=False) for t in FOUR_SECONDS}
    packets[15] = rtp(15, 15, KEY, marker=False)
    detail = "the video comes too slowly: a single picture has taken 2.5 s and is not whole yet"
    assert told(verdict_on(look_of(packets))) == (True, False, Reason.TIMEOUT, detail)


def test_a_pause_that_is_over_is_no_freeze() -> None:
    packets = {t: moving(t) for t in (*range(1, 6), *range(31, 41))}
    assert verdict_on(look_of({t: rtp(i, t) for i, t in enumerate(packets)})) == Verdict(True, False, None)


def test_key_frames_that_repeat_are_frozen() -> None:
    look = look_of({t: still(t) for t in FOUR_SECONDS})
    detail = "the picture is frozen: 4 key frames repeat byte for byte"
    assert told(verdict_on(look)) == (True, True, Reason.PROTOCOL, detail)
    assert verdict_on(look, Settings(compare_pictures=False)) == Verdict(True, False, None)


def test_key_frames_of_earlier_looks_are_frozen_and_one_new_one_is_enough_to_be_live() -> None:
    memory, two_key_frames = Memory(), {t: still(t) for t in (*range(1, 13), 38, 39, 40)}
    earlier = look_of(two_key_frames)
    assert verdict_on(earlier, known=memory.known).is_frozen is False
    memory.remember(earlier.key_frames)
    again = look_of(two_key_frames)
    detail = "the picture is frozen: its key frames are those of earlier looks, byte for byte"
    assert told(verdict_on(again, known=memory.known)) == (True, True, Reason.PROTOCOL, detail)
    moved = look_of({t: still(t) if t < 20 else moving(t) for t in range(1, 25)})
    assert verdict_on(moved, known=memory.known).is_frozen is False


def test_a_look_without_key_frames_says_nothing_of_repetition() -> None:
    look = look_of({t: rtp(t, t) for t in FOUR_SECONDS})
    assert verdict_on(look, known=frozenset({b"x"})) == Verdict(True, False, None)


def test_only_the_last_looks_are_remembered() -> None:
    memory = Memory()
    for number in range(LOOKS_REMEMBERED + 1):
        memory.remember([bytes([number])])
        memory.remember([])
    assert memory.known == {bytes([number]) for number in range(1, LOOKS_REMEMBERED + 1)}


def test_too_much_loss_is_told_unless_it_was_ours() -> None:
    look = look_of({t: moving(t) for t in FOUR_SECONDS if t % 10})
    assert told(verdict_on(look)) == (
        True,
        False,
        Reason.PROTOCOL,
        "8% of the video is lost (3 of 39 packets)",
    )
    assert verdict_on(look, Settings(max_loss=0.08)).failure is None
    assert verdict_on(look, is_own_loss=True).failure is None
