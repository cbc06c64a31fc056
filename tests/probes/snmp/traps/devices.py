"""Devices that send notifications with net-snmp's own tools, and what a receiver makes of them."""

from __future__ import annotations

import asyncio
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ipaddress import ip_address
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from probes.snmp import Settings
from probes.snmp.traps import Meaning, Result, Sender, open_socket
from probes.snmp.traps.engine import Engine
from probes.snmp.traps.receiver import TrapReceiver

LINK_DOWN = "1.3.6.1.6.3.1.1.5.3"
INTERFACE = ("1.3.6.1.2.1.2.2.1.1.3", "i", "3", "1.3.6.1.2.1.31.1.1.1.1.3", "s", "ge-0/0/3")
BOB: dict[str, Any] = {
    "version": "3",
    "user": "bob",
    "auth_protocol": "sha256",
    "auth_password": "authpass123",
    "priv_protocol": "aes",
    "priv_password": "privpass123",
}
AS_BOB: tuple[str, ...] = ("-v3", "-u", "bob", "-l", "authPriv", "-a", "SHA-256", "-A", "authpass123")
AS_BOB = (*AS_BOB, "-x", "AES", "-X", "privpass123")
BOBS_ENGINE = "0x8000000001020304"


class Station:
    """A receiver on a free port of 127.0.0.1, and what it heard: (device, meaning)."""

    def __init__(self, host: str = "127.0.0.1", **settings: Settings) -> None:
        self.heard: list[tuple[str, Meaning]] = []
        self.now_s = time.monotonic()
        self.socket = open_socket(host, 0)
        self.port = int(self.socket.getsockname()[1])
        self.engine = Engine("here", started_at=time.time(), monotonic=lambda: self.now_s)
        self.receiver = TrapReceiver(self.socket, self.engine, self._hear, monotonic=lambda: self.now_s)
        self.use(**settings)

    def use(self, **settings: Settings) -> None:
        senders = tuple(Sender(key, one) for key, one in settings.items())
        self.receiver.use({ip_address("127.0.0.1"): senders})

    def results(self) -> dict[Result, int]:
        """Those that happened."""
        return {result: count for result, count in self.receiver.results.items() if count}

    def _hear(self, key: str, meaning: Meaning) -> None:
        self.heard.append((key, meaning))


@contextmanager
def idle_station(**settings: Settings) -> Iterator[Station]:
    """A station that reads when it is told to."""
    made = Station("127.0.0.1", **settings)
    try:
        yield made
    finally:
        made.socket.close()


@contextmanager
def station(host: str = "127.0.0.1", **settings: Settings) -> Iterator[Station]:
    """A station that receives within the running loop."""
    made, loop = Station(host, **settings), asyncio.get_running_loop()
    made.receiver.start(loop)
    try:
        yield made
    finally:
        made.receiver.close(loop)


async def send(port: int, *words: str, tool: str = "snmptrap", timeout_s: str = "0.5") -> int:
    """Run snmptrap or snmpinform; returns its exit code. `words` hold `@` where the receiver's address is."""
    program = shutil.which(tool)
    if program is None:
        pytest.skip(f"needs {tool}: apt-get install snmp")
    place = f"127.0.0.1:{port}"
    options = ["-t", timeout_s, "-r", "0"] if tool == "snmpinform" else []
    command = [program, *options, *(place if word == "@" else word for word in words)]
    quiet = asyncio.subprocess.DEVNULL
    with TemporaryDirectory() as folder:  # a tool's own start count: two that share it confuse each other
        process = await asyncio.create_subprocess_exec(
            *command,
            stdout=quiet,
            stderr=quiet,
            env={**os.environ, "MIBS": "", "SNMP_PERSISTENT_DIR": folder},
        )
        return await process.wait()


async def heard(made: Station, count: int = 1) -> list[tuple[str, Meaning]]:
    """What the station heard, once that is `count` notifications."""
    await _until(lambda: len(made.heard) >= count)
    return made.heard


async def counted(made: Station, result: Result, count: int = 1) -> None:
    """Wait until that many datagrams had this result."""
    await _until(lambda: made.receiver.results[result] >= count)


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 - what changes it is another process
            await asyncio.sleep(0.01)
