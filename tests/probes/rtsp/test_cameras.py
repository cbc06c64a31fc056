"""The RTSP probe against a real server with video (GStreamer), good and spoilt on the way."""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO

import pytest

from probes.rtsp import Settings, open_session, probe
from probes.sample import Reason, Sample, Target
from tests.probes.rtsp.relay import Spoil, keep, lose_a_fifth, lose_all, relay_to, stop_after, stop_clock

SYSTEM_PYTHON = "/usr/bin/python3"
SERVER = Path(__file__).with_name("gst_server.py")
PACKAGES = "python3-gst-1.0 gir1.2-gst-rtsp-server-1.0 gstreamer1.0-plugins-{base,good,bad,ugly}"
LOOK = Settings(path="/live", watch_s=1.2, frozen_after_s=0.6)
ALL_REQUESTS = ["OPTIONS", "DESCRIBE", "SETUP", "PLAY", "TEARDOWN"]


@dataclass(frozen=True)
class Server:
    open: int
    digest: int
    basic: int
    orders: IO[str]

    def obey(self, order: str) -> None:
        self.orders.write(order + "\n")
        self.orders.flush()


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    if not Path(SYSTEM_PYTHON).exists():
        pytest.skip(f"needs the system's Python and GStreamer: apt-get install {PACKAGES}")
    command = [SYSTEM_PYTHON, str(SERVER)]
    with subprocess.Popen(command, stdin=-1, stdout=-1, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        line = process.stdout.readline()
        if not line:
            pytest.skip(f"needs GStreamer: apt-get install {PACKAGES}")
        yield Server(**json.loads(line), orders=process.stdin)
        process.terminate()


async def look(port: int, settings: Settings = LOOK, deadline_s: float = 8.0) -> Sample:
    return await probe(Target("cam", f"127.0.0.1:{port}"), settings, deadline_s)


async def look_spoilt(server: Server, spoil: Spoil, settings: Settings = LOOK) -> tuple[Sample, list[str]]:
    async with relay_to(server.open, spoil) as relay:
        sample = await look(relay.port, settings)
    return sample, relay.methods


def value(sample: Sample, metric: str) -> float | None:
    return sample.values.get((f"linkwatch_rtsp_{metric}", ()))


@pytest.mark.parametrize("transport", ["tcp", "udp"])
@pytest.mark.parametrize(
    ("path", "encoding"), [("/live", "H264"), ("/live-h265", "H265"), ("/live-jpeg", "JPEG")]
)
async def test_a_live_camera_is_good(server: Server, transport: str, path: str, encoding: str) -> None:
    sample = await look(server.open, replace(LOOK, path=path, transport=transport))
    assert sample.ok, sample.detail
    assert sample.facts["encoding"] == encoding
    assert (value(sample, "video"), value(sample, "frozen"), value(sample, "loss_ratio")) == (1, 0, 0)
    assert value(sample, "frames_per_second") == pytest.approx(15, rel=0.3)
    assert (value(sample, "bytes_per_second") or 0) > 20_000
    assert (value(sample, "pause_seconds") or 1) < 0.6
    asked = {
        dict(labels)["method"] for metric, labels in sample.values if metric.endswith("response_seconds")
    }
    assert asked == {"options", "describe", "setup", "play"}


async def test_every_look_ends_with_teardown(server: Server) -> None:
    sample, methods = await look_spoilt(server, keep)
    assert sample.ok, sample.detail
    assert methods == ALL_REQUESTS


async def test_a_camera_that_answers_but_sends_no_video(server: Server) -> None:
    sample, methods = await look_spoilt(server, lose_all)
    assert (sample.ok, sample.reason) == (False, Reason.TIMEOUT)
    assert sample.detail.startswith("the camera agreed to play, but no video came within 1.2 s")
    assert (value(sample, "video"), value(sample, "packets"), value(sample, "frozen")) == (0, 0, None)
    assert value(sample, "status_code") == 200
    assert methods == ALL_REQUESTS


async def test_video_that_stops_at_the_source_while_rtsp_answers(server: Server) -> None:
    settings = replace(LOOK, path="/valve", watch_s=2.0)
    watching = asyncio.create_task(look(server.open, settings))
    await asyncio.sleep(0.8)
    server.obey("silent")
    sample = await watching
    server.obey("playing")
    assert (sample.reason, value(sample, "video")) == (Reason.TIMEOUT, 0)
    assert sample.detail.startswith("the video stopped ")
    assert (value(sample, "packets") or 0) > 0
    assert (await look(server.open, settings)).ok


async def test_video_that_stops_in_the_middle(server: Server) -> None:
    sample, _ = await look_spoilt(server, stop_after(40))
    assert (sample.reason, value(sample, "video"), value(sample, "packets")) == (Reason.TIMEOUT, 0, 40)


async def test_a_timestamp_that_stands_still_is_a_frozen_picture(server: Server) -> None:
    sample, methods = await look_spoilt(server, stop_clock)
    assert sample.reason is Reason.PROTOCOL
    assert sample.detail.startswith("the picture is frozen: packets come, but the same timestamp for ")
    assert (value(sample, "video"), value(sample, "frozen")) == (1, 1)
    assert methods == ALL_REQUESTS


@pytest.mark.parametrize("path", ["/still", "/still-h265", "/still-jpeg"])
async def test_key_frames_that_repeat_are_a_frozen_picture(server: Server, path: str) -> None:
    settings = replace(LOOK, path=path, watch_s=2.5)
    frozen, allowed = await asyncio.gather(
        look(server.open, settings), look(server.open, replace(settings, compare_pictures=False))
    )
    assert frozen.reason is Reason.PROTOCOL
    assert frozen.detail.endswith("key frames repeat byte for byte")
    assert (value(frozen, "video"), value(frozen, "frozen")) == (1, 1)
    assert allowed.ok, allowed.detail


async def test_a_picture_that_is_the_same_in_the_next_look_is_frozen(server: Server) -> None:
    """Here each look is too short for three key frames."""
    details = []
    for path in ("/still", "/live"):
        session = open_session(
            Target("cam", f"127.0.0.1:{server.open}"), replace(LOOK, path=path, watch_s=1.0)
        )
        details += [(await session.probe(5.0)).detail for _ in range(3)]
        await session.close()
    assert details[2] == "the picture is frozen: its key frames are those of earlier looks, byte for byte"
    assert details[0] == ""
    assert details[3:] == ["", "", ""]


async def test_a_stream_that_loses_packets(server: Server) -> None:
    (lossy, _), (allowed, _) = await asyncio.gather(
        look_spoilt(server, lose_a_fifth), look_spoilt(server, lose_a_fifth, replace(LOOK, max_loss=0.5))
    )
    assert lossy.reason is Reason.PROTOCOL
    assert lossy.detail.startswith(("19% of the video is lost", "20% of the video is lost"))
    assert value(lossy, "loss_ratio") == pytest.approx(0.2, abs=0.02)
    assert (value(lossy, "video"), value(lossy, "frozen")) == (1, 0)
    assert allowed.ok, allowed.detail


@pytest.mark.parametrize("method", ["digest", "basic"])
async def test_the_right_login_shows_the_video(server: Server, method: str) -> None:
    sample = await look(getattr(server, method), replace(LOOK, user="cam", password="s3cret"))
    assert sample.ok, sample.detail


@pytest.mark.parametrize("method", ["digest", "basic"])
@pytest.mark.parametrize(("user", "password"), [("", ""), ("cam", "wrong"), ("nobody", "s3cret")])
async def test_a_refused_login_is_no_dead_camera(
    server: Server, method: str, user: str, password: str
) -> None:
    sample = await look(getattr(server, method), replace(LOOK, user=user, password=password))
    assert (sample.ok, sample.reason, value(sample, "status_code")) == (False, Reason.AUTH, 401)
    assert sample.detail.startswith("the camera answers, but ")
    assert "s3cret" not in repr(sample)


async def test_a_refused_login_is_not_tried_again_at_once_lest_the_camera_locks_us_out(
    server: Server,
) -> None:
    settings = replace(LOOK, user="cam", password="wrong")
    async with relay_to(server.digest, keep) as relay:
        session = open_session(Target("cam", f"127.0.0.1:{relay.port}"), settings)
        first, second = await session.probe(5.0), await session.probe(5.0)
        await session.close()
    assert first.detail == "the camera answers, but refuses user and password (401)"
    assert second.detail == "the camera answers; it refused user and password a while ago (401)"
    assert second.reason is Reason.AUTH
    assert relay.methods == ["OPTIONS", "DESCRIBE", "DESCRIBE", "OPTIONS", "DESCRIBE"]


@pytest.mark.parametrize(
    ("path", "status", "detail"),
    [("/none", 404, "there is no stream at this path (404)"), ("/audio", 200, "the stream has no video")],
)
async def test_a_wrong_path_is_told_apart(server: Server, path: str, status: int, detail: str) -> None:
    sample = await look(server.open, replace(LOOK, path=path))
    assert (sample.reason, sample.detail) == (Reason.PROTOCOL, detail)
    assert (value(sample, "status_code"), value(sample, "video")) == (status, None)


async def test_a_look_that_is_cancelled_or_out_of_time_says_teardown_too(server: Server) -> None:
    async with relay_to(server.open, keep) as relay:
        watching = asyncio.create_task(look(relay.port, replace(LOOK, watch_s=5.0)))
        await asyncio.sleep(0.5)
        watching.cancel()
        with suppress(asyncio.CancelledError):
            await watching
        assert relay.methods == ALL_REQUESTS
        relay.methods.clear()
        cut = await look(relay.port, replace(LOOK, watch_s=5.0), deadline_s=1.5)
        assert relay.methods == ALL_REQUESTS
    assert cut.ok, cut.detail
    assert cut.duration_s < 1.5
