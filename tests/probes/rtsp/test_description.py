"""Descriptions of streams, as cameras write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.rtsp.description import below, find_video, is_clean_url

BASE = "rtsp://10.0.0.9/live"
CAMERA = b"""v=0\r
o=- 1 1 IN IP4 10.0.0.9\r
s=Media Presentation\r
a=control:*\r
m=audio 0 RTP/AVP 8\r
a=control:trackID=2\r
m=video 0 RTP/AVP 96\r
b=AS:5000\r
a=rtpmap:96 H265/90000\r
a=fmtp:96 sprop-sps=QgEB\r
a=control:trackID=1\r
"""


def test_the_video_is_found_behind_the_audio() -> None:
    video = find_video(CAMERA, BASE)
    assert video is not None
    assert (video.payload_type, video.encoding) == (96, "H265")
    assert (video.url, video.session_url) == (f"{BASE}/trackID=1", BASE)


def test_motion_jpeg_needs_no_map() -> None:
    video = find_video(b"v=0\nm=video 0 RTP/AVP 26\n", BASE)
    assert video is not None
    assert (video.encoding, video.url) == ("JPEG", BASE)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"v=0\n",
        b"m=audio 0 RTP/AVP 8\n",
        b"m=video 0\n",
        b"m=video 0 RTP/AVP x\n",
        b"m=video 0 RTP/AVP 999\n",
    ],
)
def test_no_video(body: bytes) -> None:
    assert find_video(body, BASE) is None


@pytest.mark.parametrize(
    ("base", "control", "wanted"),
    [
        (BASE, "", BASE),
        (BASE, "*", BASE),
        (BASE, "trackID=1", f"{BASE}/trackID=1"),
        (f"{BASE}/", "trackID=1", f"{BASE}/trackID=1"),
        (BASE, "rtsp://10.0.0.9/other", "rtsp://10.0.0.9/other"),
        (BASE, "x\r\nEvil: 1", BASE),
        (BASE, "two words", BASE),
    ],
)
def test_the_url_of_a_stream(base: str, control: str, wanted: str) -> None:
    assert below(base, control) == wanted


@pytest.mark.parametrize("text", ["", "http://x/", "rtsp://x/ y", "rtsp://x/\n"])
def test_what_may_not_stand_in_a_request_is_no_url(text: str) -> None:
    assert not is_clean_url(text)


@given(st.binary(max_size=500))
def test_no_description_whatever_does_harm(body: bytes) -> None:
    for lines in (body, b"m=video 0 RTP/AVP 96\n" + body, b"m=video 0 RTP/AVP 96\na=control:" + body):
        video = find_video(lines, BASE)
        assert video is None or not set(video.url) & set("\r\n ")
