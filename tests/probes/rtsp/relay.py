"""A relay between the probe and a real RTSP server: it notes what is asked, and spoils packets of video."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from probes.testing import serve_tcp

Spoil = Callable[[bytearray], bool]
"""May change an RTP packet; whether it goes on."""


@dataclass(slots=True)
class Relay:
    port: int = 0
    methods: list[str] = field(default_factory=list)

    async def watch_requests(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await reader.readuntil(b"\r\n\r\n"):
            self.methods.append(head.split(b" ", 1)[0].decode())
            writer.write(head)


@asynccontextmanager
async def relay_to(server_port: int, spoil: Spoil) -> AsyncIterator[Relay]:
    """A relay on a port of its own to a server on `server_port`."""
    relay = Relay()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        answers, requests = await asyncio.open_connection("127.0.0.1", server_port)
        try:
            await asyncio.gather(relay.watch_requests(reader, requests), pass_on(answers, writer, spoil))
        except (asyncio.IncompleteReadError, OSError):
            pass  # one of both has hung up
        finally:
            requests.transport.abort()

    async with serve_tcp(handle) as relay.port:
        yield relay


async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, spoil: Spoil) -> None:
    while True:
        first = await reader.readexactly(1)
        if first == b"$":
            head = first + await reader.readexactly(3)
            packet = bytearray(await reader.readexactly(int.from_bytes(head[2:], "big")))
            if head[1] != 0 or spoil(packet):
                writer.write(head + packet)
            continue
        head = first + await reader.readuntil(b"\r\n\r\n")
        lines = head.lower().split(b"\r\n")
        sizes = [int(line.split(b":")[1]) for line in lines if line.startswith(b"content-length:")]
        writer.write(head + await reader.readexactly(sum(sizes)))


def keep(_packet: bytearray) -> bool:
    return True


def stop_clock(packet: bytearray) -> bool:
    packet[4:8] = b"\0\0\x12\x34"
    return True


def lose_a_fifth(packet: bytearray) -> bool:
    return int.from_bytes(packet[2:4], "big") % 10 not in (3, 8)


def lose_all(_packet: bytearray) -> bool:
    return False


def stop_after(packets: int) -> Spoil:
    left = iter(range(packets))
    return lambda _packet: next(left, None) is not None
