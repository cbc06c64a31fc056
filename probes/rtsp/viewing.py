"""One look at a stream: OPTIONS, DESCRIBE, SETUP, PLAY, some seconds of counting, and always TEARDOWN."""

from __future__ import annotations

import asyncio
import re
import socket
import time
from collections.abc import Mapping
from contextlib import suppress

from probes.attempt import Attempt
from probes.bytestream import quote
from probes.failure import ProbeError
from probes.rtsp import metrics
from probes.rtsp.control import Control
from probes.rtsp.description import Video, find_video, is_clean_url
from probes.rtsp.message import Answer, Packet
from probes.rtsp.receiver import Receiver
from probes.rtsp.rtp import Look
from probes.rtsp.settings import Settings
from probes.sample import Reason

_SESSION = re.compile(r"[!-:<-~]{1,200}")
_CHANNELS = re.compile(r"interleaved=(\d{1,3})")
_SERVER_PORT = re.compile(r"server_port=(\d{1,5})(?:-(\d{1,5}))?")
_WHAT_IT_MEANS = {
    404: "there is no stream at this path (404)",
    453: "the camera has no bandwidth left for one more viewer (453)",
    454: "the camera lost the session (454)",
    461: "the camera does not send video this way (461); try the other transport",
    503: "the camera is too busy for one more viewer (503)",
}


class Viewing:
    """One session with a camera."""

    def __init__(
        self, control: Control, connected: socket.socket, url: str, settings: Settings, attempt: Attempt
    ) -> None:
        self.is_own_loss = False
        """Whether this machine dropped packets."""
        self._control, self._url, self._settings, self._attempt = control, url, settings, attempt
        self._local, self._peer = connected.getsockname()[0], connected.getpeername()[0]
        self._session_url, self._session = url, ""
        self._receiver: Receiver | None = None
        self._look: Look | None = None
        self._channel = 0

    async def watch(self, ends_s: float) -> tuple[Look, float]:
        """Play the video and count until `watch` is over, at `ends_s` (monotonic) at the latest; the look,
        and when it ended. Raises ProbeError when the camera does not play."""
        await self._ask("OPTIONS", self._url, {}, strict=False)
        video = await self._describe()
        self._look = Look(video.payload_type, video.encoding, time.monotonic())
        await self._set_up(video)
        self._look.started_s = self._look.last_packet_s = self._look.last_frame_s = time.monotonic()
        await self._ask("PLAY", self._session_url, {"Session": self._session, "Range": "npt=0.000-"})
        return self._look, await self._wait(ends_s)

    async def leave(self, within_s: float) -> None:
        """End the session at the camera and let go of everything; raises nothing."""
        try:
            if self._session and not self._control.broken.done():
                with suppress(ProbeError, TimeoutError):
                    async with asyncio.timeout(within_s):
                        await self._control.ask("TEARDOWN", self._session_url, {"Session": self._session})
        finally:
            self._control.close()
            if self._receiver is not None:
                self._receiver.close()

    async def _ask(self, method: str, url: str, headers: Mapping[str, str], *, strict: bool = True) -> Answer:
        self._attempt.step, started_s = method, time.monotonic()
        try:
            answer = await self._control.ask(method, url, headers)
        finally:
            if self._control.status is not None:
                self._attempt.measured(metrics.STATUS_CODE, self._control.status)
            self._attempt.noted = self._control.lack
        label = (("method", method.lower()),)
        self._attempt.values[metrics.RESPONSE.name, label] = time.monotonic() - started_s
        if server := answer.header("server"):
            self._attempt.facts["server"] = quote(server)
        if strict and answer.status != 200:
            raise ProbeError(Reason.PROTOCOL, _meaning(method, answer.status))
        return answer

    async def _describe(self) -> Video:
        answer = await self._ask("DESCRIBE", self._url, {"Accept": "application/sdp"})
        bases = (answer.header("content-base"), answer.header("content-location"))
        video = find_video(answer.body, next(filter(is_clean_url, bases), self._url))
        if video is None:
            raise ProbeError(Reason.PROTOCOL, "the stream has no video")
        self._attempt.facts["encoding"] = video.encoding or f"type {video.payload_type}"
        self._session_url = video.session_url
        return video

    async def _set_up(self, video: Video) -> None:
        wanted = self._listen()
        answer = await self._ask("SETUP", video.url, {"Transport": wanted})
        session = answer.header("session").partition(";")[0].strip()
        if not _SESSION.fullmatch(session):
            raise ProbeError(Reason.PROTOCOL, "the camera named no session")
        self._session = session
        agreed = answer.header("transport")
        if "multicast" in agreed or ("interleaved" in wanted) != ("TCP" in agreed):
            raise ProbeError(Reason.PROTOCOL, "the camera agreed to another transport than it was asked for")
        if self._receiver is None:
            self._channel = int(found[1]) if (found := _CHANNELS.search(agreed)) else 0
        elif found := _SERVER_PORT.search(agreed):
            self._receiver.punch(int(found[1]), int(found[2] or 0))

    def _listen(self) -> str:
        """Be ready for packets; the transport to ask for."""
        if self._settings.transport == "tcp":
            self._control.on_packet = self._take_interleaved
            return "RTP/AVP/TCP;unicast;interleaved=0-1"
        self._receiver = Receiver(self._local, self._peer, self._take)
        return f"RTP/AVP;unicast;client_port={self._receiver.port}-{self._receiver.port + 1}"

    def _take_interleaved(self, packet: Packet) -> None:
        if packet.channel == self._channel:
            self._take(packet.data)

    def _take(self, data: bytes) -> None:
        if self._look is not None:
            self._look.take(data, time.monotonic())
            if self._look.is_flood:
                self._control.end(ProbeError(Reason.PROTOCOL, "a flood of packets such as no camera sends"))

    async def _wait(self, ends_s: float) -> float:
        """Let packets come for as long as a look takes; returns when it ended."""
        self._attempt.step = "the video"
        left_s = min(self._settings.watch_s, ends_s - time.monotonic())
        if left_s < self._settings.frozen_after_s:
            raise ProbeError(
                Reason.TIMEOUT, "the camera took so long to answer that no time was left to watch"
            )
        await asyncio.wait((self._control.broken,), timeout=left_s)
        self.is_own_loss = self._receiver is not None and self._receiver.dropped > 0
        if self._control.broken.done():
            if self._control.is_hung_up:
                self._attempt.measured(metrics.VIDEO, 0.0)
            raise self._control.broken.result()
        return time.monotonic()


def _meaning(method: str, status: int) -> str:
    if 300 <= status < 400:
        return f"the camera sends us elsewhere ({status}): LinkWatch follows no redirect of RTSP"
    return _WHAT_IT_MEANS.get(status, f"{method} was answered with status {status}")
