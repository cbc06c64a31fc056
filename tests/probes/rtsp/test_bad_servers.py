"""The RTSP probe against what is no camera, or a bad one: always a reason, always in time."""

from __future__ import annotations

import asyncio
import random
import socket
from base64 import b64encode
from collections.abc import Awaitable, Callable
from dataclasses import replace
from hashlib import md5

import pytest

from probes.rtsp import Settings, open_session, probe
from probes.rtsp.message import MAX_HEAD_BYTES
from probes.sample import Reason, Sample, Target
from probes.testing import hang, serve_tcp
from tests.probes.rtsp.test_rtp import KEY, rtp

LOOK = Settings(watch_s=1.0, frozen_after_s=0.5)
SDP = "v=0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n"
TCP = "RTP/AVP/TCP;unicast;interleaved=0-1"
Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Camera:
    """A camera of our own: what it answers to a request can be said for each method."""

    def __init__(self, **answers: str | bytes) -> None:
        self.answers = {
            "OPTIONS": "RTSP/1.0 200 OK\r\nCSeq: {}\r\n\r\n",
            "DESCRIBE": f"RTSP/1.0 200 OK\r\nCSeq: {{}}\r\nContent-Length: {len(SDP)}\r\n\r\n{SDP}",
            "SETUP": f"RTSP/1.0 200 OK\r\nCSeq: {{}}\r\nSession: 1;timeout=60\r\nTransport: {TCP}\r\n\r\n",
            "PLAY": "RTSP/1.0 200 OK\r\nCSeq: {}\r\nSession: 1\r\n\r\n",
            "TEARDOWN": "RTSP/1.0 200 OK\r\nCSeq: {}\r\n\r\n",
            **answers,
        }
        self.heard: list[str] = []
        self.video: Callable[[asyncio.StreamWriter], Awaitable[None]] | None = None

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        sending: asyncio.Task[None] | None = None
        try:
            while request := (await reader.readuntil(b"\r\n\r\n")).decode():
                method = request.split(" ", 1)[0]
                self.heard.append(method)
                answer = self.answers[method]
                if not answer:
                    return
                sequence = request.split("CSeq: ")[1].split("\r\n")[0]
                writer.write(answer if isinstance(answer, bytes) else answer.format(sequence).encode())
                if method == "PLAY" and self.video:
                    sending = asyncio.create_task(self.video(writer))  # type: ignore[arg-type]
        except asyncio.IncompleteReadError:
            pass
        finally:
            if sending:
                sending.cancel()
                await asyncio.gather(sending, return_exceptions=True)


async def look_at(handler: Handler, settings: Settings = LOOK, deadline_s: float = 3.0) -> Sample:
    async with serve_tcp(handler) as port:
        return await probe(Target("cam", f"127.0.0.1:{port}"), settings, deadline_s)


def interleaved(packet: bytes) -> bytes:
    return b"$\0" + len(packet).to_bytes(2, "big") + packet


async def stream(writer: asyncio.StreamWriter) -> None:
    """A live picture, 50 times in a second."""
    for number in range(1000):
        writer.write(interleaved(rtp(number, number, KEY + bytes([number % 251]))))
        await asyncio.sleep(0.02)


async def hang_up(writer: asyncio.StreamWriter) -> None:
    for number in range(10):
        writer.write(interleaved(rtp(number, number, KEY + bytes([number]))))
    await asyncio.sleep(0.2)
    writer.close()


async def flood(writer: asyncio.StreamWriter) -> None:
    while True:
        writer.write(interleaved(rtp(1, 1)) * 1000)
        await writer.drain()


async def drizzle(writer: asyncio.StreamWriter) -> None:
    while True:
        writer.write(interleaved(b"") * 1000)
        await writer.drain()


async def test_our_own_camera_is_good_so_that_what_follows_is_by_its_faults() -> None:
    camera = Camera()
    camera.video = stream
    sample = await look_at(camera.handle)
    assert sample.ok, sample.detail
    assert camera.heard == ["OPTIONS", "DESCRIBE", "SETUP", "PLAY", "TEARDOWN"]


async def test_nobody_listens() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        sample = await probe(Target("cam", f"127.0.0.1:{unused.getsockname()[1]}"), LOOK, 3.0)
    assert (sample.ok, sample.reason) == (False, Reason.REFUSED)


async def test_a_camera_that_accepts_and_says_nothing() -> None:
    sample = await look_at(hang, deadline_s=0.6)
    assert (sample.reason, sample.detail) == (Reason.TIMEOUT, "no end of OPTIONS within 0.3 s")
    assert sample.duration_s < 0.6


async def test_an_address_out_of_scope_is_left_alone() -> None:
    reached = []

    async def note(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        reached.append(1)

    async with serve_tcp(note) as port:
        sample = await probe(Target("cam", f"127.0.0.1:{port}", lambda _address: False), LOOK, 3.0)
    assert sample.reason is Reason.PERMISSION
    assert not reached


async def test_the_url_of_a_player_is_no_address_and_its_password_is_not_told() -> None:
    camera = Camera()
    async with serve_tcp(camera.handle) as port:
        sample = await probe(Target("cam", f"rtsp://admin:pw-4711@127.0.0.1:{port}/live"), LOOK, 3.0)
    detail = "the address is a URL: give HOST:PORT, and its path, user and password as settings"
    assert (sample.reason, sample.detail) == (Reason.RESOLVE, detail)
    assert "pw-4711" not in repr(sample)
    assert camera.heard == []


@pytest.mark.parametrize("method", ["OPTIONS", "DESCRIBE", "SETUP", "PLAY"])
async def test_a_camera_that_hangs_up_at_a_request(method: str) -> None:
    sample = await look_at(Camera(**{method: ""}).handle)
    assert (sample.reason, sample.detail) == (Reason.PROTOCOL, "the camera closed the connection")


async def test_a_camera_that_hangs_up_amid_the_video_has_none() -> None:
    """By `video` 0 the page says that nobody sees anything, not just that some check fails."""
    camera = Camera()
    camera.video = hang_up
    sample = await look_at(camera.handle)
    assert (sample.reason, sample.detail) == (Reason.PROTOCOL, "the camera closed the connection")
    assert sample.values["linkwatch_rtsp_video", ()] == 0


async def test_a_camera_whose_lines_end_in_its_own_way_and_that_counts_with_zeros_is_good() -> None:
    plain = {method: answer.format("0{}") for method, answer in Camera().answers.items()}  # type: ignore[union-attr]
    camera = Camera(**{method: answer.replace("\r\n", "\n") for method, answer in plain.items()})
    camera.answers["DESCRIBE"] = plain["DESCRIBE"]
    camera.video = stream
    sample = await look_at(camera.handle)
    assert sample.ok, sample.detail


async def test_an_answer_shorter_than_it_says_is_told() -> None:
    sdp = f"RTSP/1.0 200 OK\r\nCSeq: {{}}\r\nContent-Length: {len(SDP) + 9}\r\n\r\n{SDP}"
    sample = await look_at(Camera(DESCRIBE=sdp).handle, deadline_s=0.8)
    only = f"an answer that lacks 9 of its {len(SDP) + 9} bytes"
    assert (sample.reason, sample.detail) == (Reason.PROTOCOL, f"no answer to DESCRIBE, only: {only}")


class Strict(Camera):
    """A camera that ends the connection with every 401, and lets in who shows `password` at once."""

    def __init__(self, password: str) -> None:
        super().__init__()
        self.video = stream
        self.connections, self.logins = 0, 0
        self._password = password

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        request = await reader.readuntil(b"\r\n\r\n")
        shown = b64encode(f"admin:{self._password}".encode())
        self.logins += b"Authorization" in request
        if shown not in request:
            writer.write(b'RTSP/1.0 401 No\r\nCSeq: 1\r\nWWW-Authenticate: Basic realm="r"\r\n\r\n')
            await writer.drain()
            return
        writer.write(b"RTSP/1.0 200 OK\r\nCSeq: 1\r\n\r\n")
        await super().handle(reader, writer)


LOGIN = replace(LOOK, user="admin", password="mật khẩu")


async def test_a_camera_that_hangs_up_with_a_401_is_asked_again_with_credentials() -> None:
    camera = Strict("mật khẩu")
    sample = await look_at(camera.handle, LOGIN)
    assert sample.ok, sample.detail
    assert (camera.connections, camera.logins) == (2, 1)
    assert camera.heard == ["DESCRIBE", "SETUP", "PLAY", "TEARDOWN"]


async def test_a_camera_that_hangs_up_on_credentials_refuses_them_and_is_not_asked_a_third_time() -> None:
    camera = Strict("another")
    async with serve_tcp(camera.handle) as port:
        session = open_session(Target("cam", f"127.0.0.1:{port}"), LOGIN)
        first, second = await session.probe(3.0), await session.probe(3.0)
    assert (first.reason, second.reason) == (Reason.AUTH, Reason.AUTH)
    assert first.detail == "the camera answers, but refuses user and password (401)"
    assert second.detail == "the camera answers; it refused user and password a while ago (401)"
    assert (camera.connections, camera.logins) == (3, 1)


async def test_a_camera_that_hangs_up_after_a_digest_too_is_asked_once_more() -> None:
    wanted = b'RTSP/1.0 401 No\r\nCSeq: 1\r\nWWW-Authenticate: Digest realm="r", nonce="1"\r\n\r\n'
    heard: list[bytes] = []

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(wanted)

    sample = await look_at(handle, LOGIN)
    assert sample.reason is Reason.AUTH
    assert [b"Digest username" in request for request in heard] == [False, True]


@pytest.mark.parametrize("realm", ["Cổng chính".encode(), "正门".encode("gbk")])
async def test_a_realm_in_any_letters_is_answered_as_it_was_sent(realm: bytes) -> None:
    wanted = b'RTSP/1.0 401 No\r\nCSeq: 2\r\nWWW-Authenticate: Digest realm="%b", nonce="1"\r\n\r\n' % realm
    heard: list[bytes] = []

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for answer in (b"RTSP/1.0 200 OK\r\nCSeq: 1\r\n\r\n", wanted, b"RTSP/1.0 404 No\r\nCSeq: 3\r\n\r\n"):
            heard.append(await reader.readuntil(b"\r\n\r\n"))
            writer.write(answer)

    await look_at(handle, replace(LOOK, user="admin", password="mật khẩu"))
    uri = heard[2].split(b'uri="')[1].split(b'"')[0]
    secret = md5(b"admin:%b:%b" % (realm, "mật khẩu".encode())).hexdigest()
    asked = md5(b"DESCRIBE:" + uri).hexdigest()
    assert b'realm="%b"' % realm in heard[2]
    assert b'response="%b"' % md5(f"{secret}:1:{asked}".encode()).hexdigest().encode() in heard[2]


@pytest.mark.parametrize(
    ("answers", "reason", "detail"),
    [
        ({"DESCRIBE": "RTSP/1.0 302 Moved\r\nCSeq: {}\r\nLocation: rtsp://192.0.2.1/\r\n\r\n"}, "protocol",
         "the camera sends us elsewhere (302): LinkWatch follows no redirect of RTSP"),
        ({"DESCRIBE": "RTSP/1.0 403 Forbidden\r\nCSeq: {}\r\n\r\n"}, "auth",
         "the camera answers, but does not let this user see the stream (403)"),
        ({"DESCRIBE": "RTSP/1.0 503 Busy\r\nCSeq: {}\r\n\r\n"}, "protocol",
         "the camera is too busy for one more viewer (503)"),
        ({"DESCRIBE": "RTSP/1.0 500 Oops\r\nCSeq: {}\r\n\r\n"}, "protocol",
         "DESCRIBE was answered with status 500"),
        ({"SETUP": "RTSP/1.0 461 No\r\nCSeq: {}\r\n\r\n"}, "protocol",
         "the camera does not send video this way (461); try the other transport"),
        ({"SETUP": "RTSP/1.0 200 OK\r\nCSeq: {}\r\n\r\n"}, "protocol", "the camera named no session"),
        ({"SETUP": "RTSP/1.0 200 OK\r\nCSeq: {}\r\nSession: a b\r\n\r\n"}, "protocol",
         "the camera named no session"),
        ({"SETUP": "RTSP/1.0 200 OK\r\nCSeq: {}\r\nSession: 1\r\nTransport: RTP/AVP;multicast\r\n\r\n"},
         "protocol", "the camera agreed to another transport than it was asked for"),
        ({"DESCRIBE": "HTTP/1.1 400 Bad Request\r\n\r\n"}, "protocol", "the answer is no RTSP"),
        ({"OPTIONS": b"\x15\x03\x01\x00\x02\x02\x28"}, "protocol", "the answer is no RTSP"),
        ({"OPTIONS": b"A" * MAX_HEAD_BYTES}, "protocol", "a message with more than 16384 bytes of headers"),
    ],
)  # fmt: skip
async def test_a_bad_answer_has_its_reason(answers: dict[str, str | bytes], reason: str, detail: str) -> None:
    sample = await look_at(Camera(**answers).handle)
    assert (sample.reason, sample.detail) == (reason, detail)


async def test_options_that_are_not_known_do_no_harm() -> None:
    camera = Camera(OPTIONS="RTSP/1.0 501 Not Implemented\r\nCSeq: {}\r\n\r\n")
    camera.video = stream
    assert (await look_at(camera.handle)).ok


@pytest.mark.parametrize("video", [flood, drizzle])
async def test_a_flood_ends_the_look_and_does_not_hold_up_the_loop(
    video: Callable[[asyncio.StreamWriter], Awaitable[None]],
) -> None:
    camera = Camera()
    camera.video = video
    longest_s, beats = 0.0, asyncio.get_running_loop()

    async def beat() -> None:
        nonlocal longest_s
        while True:
            before_s = beats.time()
            await asyncio.sleep(0.005)
            longest_s = max(longest_s, beats.time() - before_s)

    beating = asyncio.create_task(beat())
    sample = await look_at(camera.handle, replace(LOOK, watch_s=2.5), deadline_s=4.0)
    beating.cancel()
    assert (sample.ok, sample.reason) == (False, Reason.PROTOCOL)
    assert sample.detail == "a flood of packets such as no camera sends"
    assert longest_s < 0.5


async def test_a_camera_that_does_not_answer_to_teardown_costs_no_more_than_the_farewell() -> None:
    camera = Camera(TEARDOWN=b" ")
    camera.video = stream
    sample = await look_at(camera.handle, deadline_s=3.0)
    assert sample.ok, sample.detail
    assert camera.heard[-1] == "TEARDOWN"
    assert sample.duration_s < 1.6


async def test_a_password_never_shows() -> None:
    settings = replace(LOOK, user="admin", password="pw-4711", path="/user=admin_password=pw-4711")
    wanted = 'RTSP/1.0 401 No\r\nCSeq: {}\r\nWWW-Authenticate: Digest realm="pw?", nonce="1"\r\n\r\n'
    for camera in (Camera(DESCRIBE=wanted), Camera(DESCRIBE="RTSP/1.0 404 No\r\nCSeq: {}\r\n\r\n")):
        assert "pw-4711" not in repr(await look_at(camera.handle, settings))


async def test_a_server_that_answers_with_anything_at_all() -> None:
    dice = random.Random(4)
    pieces = [b"RTSP/1.0 200 OK\r\n", b"CSeq: 1\r\n", b"\r\n", b"$\0\0\4", b"m=video", b"Session: 1\r\n"]

    async def babble(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in range(200):
            writer.write(dice.choice([*pieces, dice.randbytes(dice.randrange(40))]))
        await writer.drain()

    samples = await asyncio.gather(*(look_at(babble, deadline_s=2.0) for _ in range(100)))
    assert {sample.reason for sample in samples} <= {Reason.PROTOCOL, Reason.TIMEOUT, Reason.AUTH}
