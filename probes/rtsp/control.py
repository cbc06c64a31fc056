"""The control connection of one look: requests and their answers, with packets of video in between."""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
from collections.abc import Callable, Mapping

from probes.failure import ProbeError, reason_of_errno
from probes.rtsp.login import Login, choose_login
from probes.rtsp.message import Answer, Garbage, Packet, Reader, render_request
from probes.rtsp.settings import Settings
from probes.sample import Reason

MAX_BYTES = 100_000_000
"""More than any camera sends during the longest look; who sends more is cut off."""

_READ_BYTES = 65_536
"""So much at once: a stream of tiny packets must not hold up the loop."""

_AGENT = {"User-Agent": "LinkWatch"}


class TurnedAway(ProbeError):  # noqa: N818 - reads as what it is
    """The camera wanted to know who we are, and hung up before it could be told. `login`: what to say at
    once on another connection."""

    def __init__(self, login: Login) -> None:
        super().__init__(Reason.PROTOCOL, "the camera hung up as soon as it had asked for a login")
        self.login = login


class Control(asyncio.BufferedProtocol):
    """One connection. `broken` holds why it came to its end, once it has."""

    def __init__(self, settings: Settings, *, may_log_in: bool = True, login: Login | None = None) -> None:
        self.broken: asyncio.Future[ProbeError] = asyncio.get_running_loop().create_future()
        self.status: int | None = None
        """That of the last answer."""
        self.on_packet: Callable[[Packet], None] = lambda _packet: None
        self.is_refused = False
        """Whether user and password were shown, and refused."""
        self.is_hung_up = False
        """Whether it was the camera, or the line, that ended it."""
        self._settings, self._may_log_in = settings, may_log_in
        self._reader = Reader()
        self._buffer = bytearray(_READ_BYTES)
        self._received = 0
        self._sequence = 0
        self._answer: asyncio.Future[Answer] | None = None
        self._login = login
        self._is_untried = login is not None
        """Whether the login was brought along, and has not been answered yet."""
        self._transport: asyncio.Transport | None = None

    @classmethod
    async def open(
        cls, connected: socket.socket, settings: Settings, *, may_log_in: bool, login: Login | None
    ) -> Control:
        """Speak over a connected socket, which is closed by `close`; `login`: who we are, if it is known that
        the camera wants to hear it."""
        loop = asyncio.get_running_loop()
        try:
            _, control = await loop.create_connection(
                lambda: cls(settings, may_log_in=may_log_in, login=login), sock=connected
            )
        except BaseException:
            connected.close()
            raise
        return control

    async def ask(self, method: str, url: str, headers: Mapping[str, str]) -> Answer:
        """The answer to a request, which says who we are when the server wants to know.

        Raises ProbeError: reason auth when the server does not let us, TurnedAway when it wants to be asked
        on another connection.
        """
        answer = await self._exchange(method, url, headers)
        if answer.status == 401 and not self._is_untried:
            answer = await self._log_in(answer, method, url, headers)
        self._is_untried = False
        if answer.status == 401:
            self.is_refused = True
            raise ProbeError(Reason.AUTH, "the camera answers, but refuses user and password (401)")
        if answer.status == 403:
            raise ProbeError(
                Reason.AUTH, "the camera answers, but does not let this user see the stream (403)"
            )
        return answer

    async def _log_in(self, challenge: Answer, method: str, url: str, headers: Mapping[str, str]) -> Answer:
        is_first, self._login = self._login is None, self._choose_login(challenge)
        try:
            return await self._exchange(method, url, headers)
        except ProbeError:
            if is_first and self.is_hung_up:
                raise TurnedAway(self._login) from None
            raise

    def end(self, why: ProbeError) -> None:
        """Nothing that comes from here on is of use."""
        if not self.broken.done():
            self.broken.set_result(why)
        self.close()

    @property
    def lack(self) -> str:
        """What of an answer has not come, if only a part has."""
        return self._reader.lack

    def close(self) -> None:
        """Let go of the connection at once."""
        if self._transport is not None:
            self._transport.abort()

    def _choose_login(self, answer: Answer) -> Login:
        if not self._settings.user:
            raise ProbeError(Reason.AUTH, "the camera answers, but wants user and password (401)")
        if not self._may_log_in:
            raise ProbeError(
                Reason.AUTH, "the camera answers; it refused user and password a while ago (401)"
            )
        challenges = answer.headers.get("www-authenticate", ())
        login = choose_login(challenges, self._settings.user, self._settings.password)
        if login is None:
            raise ProbeError(Reason.AUTH, "the camera offers no way to log in that is known here (401)")
        return login

    async def _exchange(self, method: str, url: str, headers: Mapping[str, str]) -> Answer:
        self._answer = asyncio.get_running_loop().create_future()
        self._send(method, url, headers)
        await asyncio.wait((self._answer, self.broken), return_when=asyncio.FIRST_COMPLETED)
        if self._answer.done():
            self.status = self._answer.result().status
            return self._answer.result()
        raise self.broken.result()

    def _send(self, method: str, url: str, headers: Mapping[str, str]) -> None:
        self._sequence += 1
        login = (
            {"Authorization": self._login.authorize(method, url, secrets.token_hex(8))} if self._login else {}
        )
        if self._transport is not None:
            request = render_request(method, url, self._sequence, {**_AGENT, **headers, **login})
            self._transport.write(request)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Of asyncio.BufferedProtocol."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def get_buffer(self, sizehint: int) -> bytearray:
        """Of asyncio.BufferedProtocol."""
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        """Of asyncio.BufferedProtocol."""
        self._received += nbytes
        if self._received > MAX_BYTES:
            self.end(ProbeError(Reason.PROTOCOL, f"more than {MAX_BYTES // 1_000_000} MB in one look"))
            return
        try:
            for message in self._reader.feed(self._buffer[:nbytes]):
                self._take(message)
        except Garbage as error:
            self.end(ProbeError(Reason.PROTOCOL, str(error)))

    def connection_lost(self, exc: Exception | None) -> None:
        """Of asyncio.BufferedProtocol."""
        self.is_hung_up = not self.broken.done()
        number = getattr(exc, "errno", None)
        why = os.strerror(number) if number else "the camera closed the connection"
        self.end(ProbeError(reason_of_errno(number, Reason.PROTOCOL), why))

    def _take(self, message: Answer | Packet) -> None:
        if isinstance(message, Packet):
            self.on_packet(message)
        elif self._answer and not self._answer.done() and self._answers(message):
            self._answer.set_result(message)

    def _answers(self, message: Answer) -> bool:
        return not message.header("cseq") or message.sequence == self._sequence
