"""Where the demo plays: the network it may have on this machine, and the process that is the province."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
from dataclasses import dataclass

from linkwatch.demo.namespace import (
    NoNamespaceError,
    configure,
    enter_own_network,
    open_tun,
    rehearse,
)
from linkwatch.demo.province import LOOPBACK, OWN_NETWORK, Province

PORTS_TRIED = 50
START_DEADLINE_S = 20.0


@dataclass(frozen=True, slots=True)
class Stage:
    """`own_network`: whether it is a namespace. `tun`: the near end of the wire, or None where packets
    go over loopback; `why_loopback` says why.
    """

    province: Province
    own_network: bool
    tun: int | None
    why_loopback: str = ""


def set_up() -> Stage:
    """Enter a network of the demo's own if the machine allows it. Call before any thread is started."""
    try:
        rehearse()
        enter_own_network()
    except NoNamespaceError as refusal:
        return Stage(LOOPBACK, own_network=False, tun=None, why_loopback=str(refusal))
    try:
        tun = open_tun("province")
    except NoNamespaceError as refusal:
        return Stage(LOOPBACK, own_network=True, tun=None, why_loopback=str(refusal))
    configure(f"addr add {OWN_NETWORK.watcher}/32 dev province")
    configure("link set province up")
    configure(f"route add {OWN_NETWORK.first_octet}.0.0.0/8 dev province")
    return Stage(OWN_NETWORK, own_network=True, tun=tun)


def free_listener(first_port: int) -> socket.socket:
    """A listening socket on the first free port from `first_port` on. Raises OSError if none is free."""
    for port in range(first_port, first_port + PORTS_TRIED):
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", port))
            listener.listen(128)
        except OSError:
            listener.close()
            continue
        return listener
    raise OSError(f"no free port between {first_port} and {first_port + PORTS_TRIED - 1}")


class WorldProcess:
    """The process that is the province; it ends when its input is closed."""

    def __init__(self, stage: Stage) -> None:
        where, kept = ("loopback", ()) if stage.tun is None else (str(stage.tun), (stage.tun,))
        self._process = subprocess.Popen(
            [sys.executable, "-m", "linkwatch.demo.world", where],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            pass_fds=kept,
            text=True,
            start_new_session=True,  # Ctrl+C is for LinkWatch, which then ends the province
        )
        if stage.tun is not None:
            os.close(stage.tun)

    async def ready(self) -> None:
        """Wait until everything in it answers. Raises RuntimeError."""
        assert self._process.stdout is not None
        reading = asyncio.to_thread(self._process.stdout.readline)
        if (await asyncio.wait_for(reading, START_DEADLINE_S)).strip() != "ready":
            raise RuntimeError("the simulated province did not start")

    def command(self, line: str) -> None:
        """Tell it what breaks or heals."""
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()

    def close(self) -> None:
        """End it."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(timeout=5.0)
        except subprocess.TimeoutExpired:
            self._process.kill()
