"""Bytes to and from a connected peer, of which no more is kept than was asked for."""

from __future__ import annotations

import asyncio
import socket
from typing import Protocol

from probes.endpoint import Endpoint
from probes.failure import ProbeError
from probes.sample import Reason

LONGEST_READ = 65_536
"""Bytes: the longest line, and the longest piece of a stream."""


class ByteStream(Protocol):
    """A connection that bytes go through, in plain text or in TLS."""

    async def read(self) -> bytes:
        """What comes next, at most `LONGEST_READ`; nothing at the end. Raises ProbeError, OSError."""

    async def write(self, data: bytes) -> None:
        """Send `data`. Raises ProbeError, OSError."""

    def close(self) -> None:
        """Let go at once, without a farewell that a dead peer could draw out."""


class PlainStream:
    """A connected socket as a ByteStream, and as what begins in plain text: lines, marks and lengths.

    These three raise ProbeError (protocol) where the peer ends before, or goes on for too long.
    """

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    @classmethod
    async def over(cls, connected: socket.socket) -> PlainStream:
        """The stream of a connected socket, which is closed with it."""
        return cls(*await asyncio.open_connection(sock=connected, limit=LONGEST_READ))

    @property
    def local(self) -> Endpoint:
        """Our end."""
        return Endpoint.of(self._writer.get_extra_info("sockname"))

    async def read(self) -> bytes:
        """What comes next; nothing at the end."""
        return await self._reader.read(LONGEST_READ)

    async def write(self, data: bytes) -> None:
        """Send `data`."""
        self._writer.write(data)
        await self._writer.drain()

    async def read_line(self) -> str:
        """The next line, without its end."""
        return (await self.read_until(b"\n")).decode("utf-8", "replace").rstrip("\r\n")

    async def read_until(self, mark: bytes) -> bytes:
        """Everything up to `mark`, which is included."""
        try:
            return await self._reader.readuntil(mark)
        except asyncio.IncompleteReadError:
            raise ProbeError(Reason.PROTOCOL, "the server closed the connection") from None
        except asyncio.LimitOverrunError:
            raise ProbeError(Reason.PROTOCOL, f"more than {LONGEST_READ} bytes without an end") from None

    async def read_exactly(self, length: int) -> bytes:
        """So many bytes."""
        try:
            return await self._reader.readexactly(length)
        except asyncio.IncompleteReadError:
            raise ProbeError(Reason.PROTOCOL, "the server closed the connection") from None

    def close(self) -> None:
        """Drop the connection."""
        self._writer.transport.abort()


def quote(text: str, longest: int = 120) -> str:
    """What a stranger sent, for people: on one line, cut, nothing but what can be printed."""
    clean = "".join(letter if letter.isprintable() else " " for letter in text[: longest + 1]).strip()
    return clean if len(clean) <= longest else clean[:longest] + "…"
