"""Fakes and local peers for tests of probes and of what uses them (SNMP agents: snmp/testing.py)."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from ssl import PROTOCOL_TLS_SERVER, SSLContext

OPENSSL_MISSING = "needs openssl: apt-get install openssl"
"""Why a test that needs certificates is skipped where they cannot be made."""

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def serve_tcp(handler: Handler, host: str = "127.0.0.1") -> AsyncIterator[int]:
    """A TCP server on a free port of `host` that does what `handler` does; yields the port.

    A handler may hang: it is cancelled at the end.
    """
    tasks: set[asyncio.Task[None]] = set()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        with suppress(OSError, asyncio.CancelledError):
            await handler(reader, writer)
        writer.transport.abort()

    server = await asyncio.start_server(handle, host, 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def say(answer: bytes) -> Handler:
    """What reads a request, gives this answer whatever was asked, and closes."""

    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1000)
        writer.write(answer)
        await writer.drain()
        writer.close()

    return speak


async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A handler that accepts and says nothing."""
    await asyncio.Event().wait()


@dataclass(frozen=True, slots=True)
class Authority:
    """A certificate authority of our own in a folder, for servers on 127.0.0.1."""

    folder: Path

    @property
    def ca_file(self) -> Path:
        """The authority's certificate."""
        return self.folder / "ca.pem"

    def server_context(self, names: str = "IP:127.0.0.1,DNS:localhost", days: int = 90) -> SSLContext:
        """A server's context; its certificate is valid for `names` until `days` from now (or ago)."""
        certificate = self.issue(names, days)
        context = SSLContext(PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, self.folder / "key.pem")
        return context

    def issue(self, names: str, days: int) -> Path:
        """A certificate for `names`, PEM."""
        request, certificate = self.folder / "request.pem", self.folder / f"{days}-{abs(hash(names))}.pem"
        _openssl("req", "-new", "-key", self.folder / "key.pem", "-subj", "/CN=test", "-out", request)
        now = datetime.now(UTC)
        dates = [f"{now + timedelta(days=d):%Y%m%d%H%M%SZ}" for d in (min(days, 0) - 1, days)]
        (self.folder / "extensions").write_text(f"subjectAltName={names}\n")
        _openssl(
            *("ca", "-batch", "-notext", "-config", self.folder / "ca.cnf", "-in", request),
            *("-startdate", dates[0], "-enddate", dates[1], "-extfile", self.folder / "extensions"),
            *("-out", certificate),
        )
        return certificate


def has_openssl() -> bool:
    """Whether certificates can be made here."""
    return shutil.which("openssl") is not None


def make_authority(folder: Path) -> Authority:
    """A new authority in `folder`; its servers share one key, which is quick and enough for tests."""
    for name in ("ca-key.pem", "key.pem"):
        _openssl("ecparam", "-genkey", "-name", "prime256v1", "-noout", "-out", folder / name)
    _openssl(
        *("req", "-x509", "-new", "-key", folder / "ca-key.pem", "-subj", "/CN=LinkWatch test CA"),
        *("-days", "3650", "-addext", "keyUsage=critical,keyCertSign", "-out", folder / "ca.pem"),
    )
    (folder / "index").touch()
    (folder / "ca.cnf").write_text(_CA_CONFIG.format(folder=folder))
    return Authority(folder)


_CA_CONFIG = """
[ca]
default_ca = test
[test]
database = {folder}/index
new_certs_dir = {folder}
certificate = {folder}/ca.pem
private_key = {folder}/ca-key.pem
rand_serial = yes
unique_subject = no
default_md = sha256
policy = anything
[anything]
commonName = supplied
"""


def _openssl(*arguments: str | Path) -> None:
    done = subprocess.run(["openssl", *map(str, arguments)], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"openssl {arguments[0]}: {done.stderr.strip()[-300:]}")
