"""Tells the service manager that LinkWatch is ready and alive: sd_notify(3)."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping


class Supervisor:
    """systemd's side of the service; without one (no NOTIFY_SOCKET) every call does nothing."""

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        path = environ.get("NOTIFY_SOCKET", "")
        self._address = "\0" + path[1:] if path.startswith("@") else path

    def ready(self) -> None:
        """Everything is open and the first tasks run."""
        self._send("READY=1")

    def alive(self) -> None:
        """Event loop and pinger both turn; call it at least twice within WatchdogSec."""
        self._send("WATCHDOG=1")

    def reloading(self, now_s: float) -> None:
        """A reload begins (`now_s` monotonic); `ready` ends it."""
        self._send(f"RELOADING=1\nMONOTONIC_USEC={int(now_s * 1e6)}")

    def stopping(self) -> None:
        """The service ends by its own will."""
        self._send("STOPPING=1")

    def _send(self, message: str) -> None:
        if not self._address:
            return
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.setblocking(False)
            try:
                sender.sendto(message.encode(), self._address)
            except OSError:
                return  # a manager that does not listen must not stop the watching
