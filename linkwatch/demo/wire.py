"""A wire in user space between two TUN interfaces: delay, jitter, loss, bursts and more, each way."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from ipaddress import ip_address
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Self

from linkwatch.demo.carrying import OTHERS, Order
from linkwatch.demo.lane import Bursts, Conditions, Counts, Way

__all__ = ["CUT", "Bursts", "Conditions", "Counts", "Way", "Wire"]

START_DEADLINE_S = 20.0
CUT = Conditions(cut=True)


class Wire:
    """A wire that lives in a process of its own. It is clean at first; equal seeds lose equal packets.

    A context manager. Packets are told apart by their address on the far side.
    """

    def __init__(self, near: int, far: int, seed: int = 1) -> None:
        """`near`, `far`: file descriptors of TUN interfaces; they are the wire's from now on."""
        ours, theirs = socket.socketpair()
        kept = near, far, theirs.fileno()
        words = [sys.executable, "-m", "linkwatch.demo.carrying", *map(str, kept), str(seed)]
        with theirs:
            self._process = subprocess.Popen(words, pass_fds=kept, start_new_session=True)
        for fd in (near, far):
            os.close(fd)
        self._control: Connection = Connection(ours.detach())
        if not self._control.poll(START_DEADLINE_S):
            self.close()
            raise TimeoutError("the wire did not start")
        self._control.recv()

    @property
    def pid(self) -> int:
        """Of its process."""
        return self._process.pid

    def change(
        self,
        conditions: Conditions | None = None,
        address: str = "",
        *,
        there: Conditions | None = None,
        back: Conditions | None = None,
    ) -> None:
        """Change how packets travel, both ways or one; a way that is not named stays as it is.

        `address`: the one on the far side that is meant; else all that have no conditions of their own.
        What returns afterwards holds for every packet that comes from now on.
        """
        for way, wanted in ((Way.THERE, there or conditions), (Way.BACK, back or conditions)):
            if wanted is not None:
                self._tell((way, _packed(address), wanted))

    def counts(self, way: Way, address: str = "") -> Counts:
        """What has happened on a way since the beginning."""
        return self._tell((way, _packed(address), None))

    def close(self) -> None:
        """Take it away; packets under way are lost."""
        self._control.close()
        try:
            self._process.wait(timeout=5.0)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _tell(self, order: Order) -> Counts:
        self._control.send(order)
        counted: Counts = self._control.recv()
        return counted

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _packed(address: str) -> bytes:
    return ip_address(address).packed if address else OTHERS
