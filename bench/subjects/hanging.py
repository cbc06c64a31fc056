"""Servers that keep their clients waiting: `hanging HOST SILENT_PORT TRICKLING_PORT CERTIFICATE KEY`.

The first accepts and says nothing; the second shakes hands and sends a page, one byte a second.
"""

from __future__ import annotations

import asyncio
import ssl
import sys
from contextlib import suppress

from bench.subjects import run_until_told

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 100000\r\n\r\n"
BACKLOG = 4096


async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while await reader.read(65536):
            pass
    writer.transport.abort()


async def trickle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError, asyncio.IncompleteReadError):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(HEAD)
        while not writer.is_closing():
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(1.0)
    writer.transport.abort()


async def main(host: str, silent: str, trickling: str, certificate: str, key: str) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    await asyncio.start_server(say_nothing, host, int(silent), backlog=BACKLOG)
    await asyncio.start_server(trickle, host, int(trickling), ssl=context, backlog=BACKLOG)
    await asyncio.to_thread(run_until_told)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
