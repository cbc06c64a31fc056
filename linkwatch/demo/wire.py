"""A wire in user space between two TUN interfaces: delay, jitter, loss and cuts by address."""

from __future__ import annotations

import asyncio
import os
import random
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address

IPV4 = 4
MTU = 65536


@dataclass(frozen=True, slots=True)
class Path:
    """How packets travel to one address: one-way delay and jitter in seconds, loss as a ratio.

    `through`: the addresses on the way (and the address itself); if one is cut, nothing passes.
    """

    delay_s: float
    jitter_s: float
    loss_ratio: float = 0.0
    through: tuple[str, ...] = ()


class Wire:
    """Carries packets between `near` and `far` (file descriptors of TUN interfaces)."""

    def __init__(self, near: int, far: int, paths: Mapping[str, Path], dice: random.Random) -> None:
        self._ends = near, far
        self._paths = dict(paths)
        self._dice = dice
        self._cut: set[str] = set()
        self._loss: dict[str, float] = {}
        self._ready_at: dict[tuple[int, str], float] = {}

    def open(self, loop: asyncio.AbstractEventLoop) -> None:
        """Start to carry."""
        near, far = self._ends
        loop.add_reader(near, self._carry, loop, near, far, 16)  # destination address of IPv4
        loop.add_reader(far, self._carry, loop, far, near, 12)  # source address

    def cut(self, address: str) -> None:
        """Let nothing pass through `address` any more."""
        self._cut.add(address)

    def degrade(self, address: str, loss_ratio: float) -> None:
        """Lose that share of the packets that pass through `address`."""
        self._loss[address] = loss_ratio

    def heal(self, address: str) -> None:
        """Undo `cut` and `degrade`."""
        self._cut.discard(address)
        self._loss.pop(address, None)

    def _carry(self, loop: asyncio.AbstractEventLoop, source: int, sink: int, offset: int) -> None:
        while True:
            try:
                packet = os.read(source, MTU)
            except BlockingIOError:
                return
            if packet[0] >> 4 != IPV4:
                continue
            (number,) = struct.unpack_from("!I", packet, offset)
            self._send(loop, sink, packet, str(IPv4Address(number)))

    def _send(self, loop: asyncio.AbstractEventLoop, sink: int, packet: bytes, address: str) -> None:
        path = self._paths.get(address)
        if path is None or self._cut.intersection(path.through) or self._dice.random() < self._loss_on(path):
            return
        at = loop.time() + path.delay_s + self._dice.uniform(0.0, path.jitter_s)
        at = max(at, self._ready_at.get((sink, address), 0.0))  # a queue never overtakes itself
        self._ready_at[sink, address] = at
        loop.call_at(at, _write, sink, packet)

    def _loss_on(self, path: Path) -> float:
        return max(path.loss_ratio, *(self._loss.get(address, 0.0) for address in path.through), 0.0) / 2


def _write(sink: int, packet: bytes) -> None:
    try:
        os.write(sink, packet)
    except OSError:
        return  # the interface went away: the demo is ending
