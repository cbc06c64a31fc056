"""Requests and their answers, for protocols that are spoken over UDP, TCP and TLS alike (STUN, SIP).

Over UDP a request is repeated until its answer comes, and what is no answer is noted and passed over, for
anybody can send a datagram. Over a stream nothing gets lost and nobody else can speak: there it is a failure.
"""

from __future__ import annotations

import asyncio
import socket
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain, repeat
from typing import Generic, TypeVar

from probes.attempt import Attempt
from probes.bytestream import ByteStream
from probes.endpoint import Endpoint
from probes.failure import ProbeError
from probes.sample import IPAddress, Reason
from probes.strays import Strays

T = TypeVar("T")

Accept = Callable[[bytes], T | None]
"""The answer in a message, None if it answers something else; raises ValueError, saying what is wrong."""

Request = bytes | Callable[[Endpoint], bytes]
"""What to send; made once for each way to the peer where it names our own end, or when it was made."""

LengthOf = Callable[[bytes], int | None]
"""Bytes of the message that a stream begins with, None while that cannot be told; raises ValueError."""

_LARGEST_DATAGRAM = 65535
_LARGEST_MESSAGE = 65_600
_MOST_OTHER_MESSAGES = 100


@dataclass(frozen=True, slots=True)
class Answer(Generic[T]):
    """`rtt_s` is None where the request was repeated: nobody knows which of them was answered (Karn)."""

    content: T
    rtt_s: float | None
    repeats: int


class Conversation(ABC):
    """A way to one peer."""

    @abstractmethod
    async def ask(self, request: Request, accept: Accept[T]) -> Answer[T]:
        """Send `request` and wait for its answer, as long as it takes; raises ProbeError, OSError."""

    @abstractmethod
    def say(self, request: bytes) -> None:
        """Send a farewell: without waiting for anything, and without a failure."""


class Datagrams(Conversation):
    """Over UDP, through a connected socket: the kernel drops what others send, and tells who is refused."""

    def __init__(self, address: IPAddress, port: int, attempt: Attempt, pauses_s: tuple[float, ...]) -> None:
        """`pauses_s`: how long to wait before each repetition; the last one goes on. Raises OSError."""
        self._attempt, self._pauses_s = attempt, pauses_s
        self._strays: Strays | None = None
        family = socket.AF_INET6 if address.version == 6 else socket.AF_INET
        self._socket = socket.socket(family, socket.SOCK_DGRAM)
        try:
            self._socket.setblocking(False)
            self._socket.connect((str(address), port))
            self._local = Endpoint.of(self._socket.getsockname())
        except BaseException:
            self._socket.close()
            raise

    async def ask(self, request: Request, accept: Accept[T]) -> Answer[T]:
        """Send, and send again after each pause without an answer; from then on it is told, too, whether one
        came from somewhere else."""
        message, started_s = _made(request, self._local), time.monotonic()
        try:
            for repeats, pause_s in enumerate(self._pauses()):
                if repeats:
                    self._listen_aside()
                self._socket.send(message)
                with suppress(TimeoutError):
                    async with asyncio.timeout(pause_s):
                        content = await self._receive(accept)
                        rtt_s = None if repeats else time.monotonic() - started_s
                        return Answer(content, rtt_s, repeats)
        except asyncio.CancelledError:
            self._note_stray(accept)
            raise
        raise AssertionError("the pauses never end")

    def say(self, request: bytes) -> None:
        """Send once."""
        with suppress(OSError):
            self._socket.send(request)

    def close(self) -> None:
        """Close the sockets."""
        self._socket.close()
        if self._strays is not None:
            self._strays.close()

    def _listen_aside(self) -> None:
        if self._strays is None:
            with suppress(OSError):
                self._strays = Strays(self._socket)

    def _note_stray(self, accept: Accept[T]) -> None:
        if self._strays is not None and (origin := self._strays.origin_of(accept)):
            self._attempt.overheard = f"an answer came from {origin}"

    def _pauses(self) -> Iterator[float]:
        return chain(self._pauses_s, repeat(self._pauses_s[-1]))

    async def _receive(self, accept: Accept[T]) -> T:
        loop = asyncio.get_running_loop()
        while True:
            datagram = await loop.sock_recv(self._socket, _LARGEST_DATAGRAM)
            await asyncio.sleep(0)  # sock_recv alone would not let go of the loop during a flood
            try:
                content = accept(datagram)
            except ValueError as error:
                self._attempt.noted = str(error)
            else:
                if content is not None:
                    return content


class Stream(Conversation):
    """Over TCP or TLS."""

    def __init__(self, stream: ByteStream, local: Endpoint, length_of: LengthOf) -> None:
        self._stream, self._local, self._length_of = stream, local, length_of
        self._received = b""

    async def ask(self, request: Request, accept: Accept[T]) -> Answer[T]:
        """Send once: the transport itself repeats what gets lost."""
        message, started_s = _made(request, self._local), time.monotonic()
        await self._stream.write(message)
        for _ in range(_MOST_OTHER_MESSAGES):
            try:
                content = accept(await self._next_message())
            except ValueError as error:
                raise ProbeError(Reason.PROTOCOL, str(error)) from None
            if content is not None:
                return Answer(content, time.monotonic() - started_s, 0)
        raise ProbeError(Reason.PROTOCOL, f"{_MOST_OTHER_MESSAGES} messages, none of them the answer")

    def say(self, request: bytes) -> None:
        """Nothing is sent: the end of the stream says enough."""

    async def _next_message(self) -> bytes:
        while (length := self._length_of(self._received)) is None:
            await self._hear_up_to(len(self._received) + 1)
        await self._hear_up_to(length)  # without looking at its head again, however small the pieces are
        message, self._received = self._received[:length], self._received[length:]
        return message

    async def _hear_up_to(self, length: int) -> None:
        if length > _LARGEST_MESSAGE:
            raise ValueError(f"a message of more than {_LARGEST_MESSAGE} bytes")
        while len(self._received) < length:
            more = await self._stream.read()
            if not more:
                raise ProbeError(Reason.PROTOCOL, "the server closed the connection without an answer")
            self._received += more


def _made(request: Request, local: Endpoint) -> bytes:
    return request(local) if callable(request) else request
