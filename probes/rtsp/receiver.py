"""Two neighbouring UDP ports for one stream: packets of the camera alone, and what this machine dropped."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import struct
import sys
from collections.abc import Callable
from contextlib import suppress

from probes.failure import ProbeError, reason_of_errno

_BUFFER_BYTES = 4 << 20
_LARGEST_DATAGRAM = 65_535
_AT_ONCE = 64
"""So many datagrams, then the loop may do something else."""

_TRIES = 20
_SO_RXQ_OVFL = 40
_PUNCH_RTP = struct.pack("!BBHII", 0x80, 0, 0, 0, 0)
_PUNCH_RTCP = struct.pack("!BBHI", 0x80, 201, 1, 0)
"""An RTP packet without content, and an RTCP report on nothing (RFC 3550, 6.4.2)."""


class Receiver:
    """Where a camera sends RTP (an even port) and RTCP (the next one) to."""

    def __init__(self, local: str, peer: str, on_packet: Callable[[bytes], None]) -> None:
        """Raises ProbeError when this machine has no two such ports."""
        self.dropped = 0
        """Datagrams for which this machine had no room."""
        self._peer, self._on_packet = peer, on_packet
        try:
            self._rtp, self._rtcp = _open_pair(local)
        except OSError as error:
            raise ProbeError(reason_of_errno(error.errno), "no free pair of UDP ports") from None
        asyncio.get_running_loop().add_reader(self._rtp, self._read)

    @property
    def port(self) -> int:
        """The even port."""
        return int(self._rtp.getsockname()[1])

    def punch(self, rtp_port: int, rtcp_port: int) -> None:
        """Let firewalls on the way see that we speak first, as every player does."""
        for opened, port, content in (
            (self._rtp, rtp_port, _PUNCH_RTP),
            (self._rtcp, rtcp_port, _PUNCH_RTCP),
        ):
            if 0 < port <= 65535:
                with suppress(OSError):
                    opened.sendto(content, (self._peer, port))

    def close(self) -> None:
        """Let go of the ports."""
        asyncio.get_running_loop().remove_reader(self._rtp)
        self._rtp.close()
        self._rtcp.close()

    def _read(self) -> None:
        with suppress(OSError):  # nothing is left, or a refusal came back for our first packet
            for _ in range(_AT_ONCE):
                data, notes, _, sender = self._rtp.recvmsg(_LARGEST_DATAGRAM, 64)
                for _, kind, content in notes:
                    if kind == _SO_RXQ_OVFL:
                        self.dropped = int.from_bytes(content[:4], sys.byteorder)
                if sender[0] == self._peer:
                    self._on_packet(data)


def _open_pair(local: str) -> tuple[socket.socket, socket.socket]:
    """Sockets on an even port and the one after it."""
    for _ in range(_TRIES):
        first = _bind(local, 0)
        port = first.getsockname()[1]
        try:
            second = _bind(local, port ^ 1)
        except OSError:
            first.close()
            continue
        return (second, first) if port % 2 else (first, second)
    raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))


def _bind(local: str, port: int) -> socket.socket:
    bound = socket.socket(socket.AF_INET6 if ":" in local else socket.AF_INET, socket.SOCK_DGRAM)
    try:
        bound.setblocking(False)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER_BYTES)
        bound.setsockopt(socket.SOL_SOCKET, _SO_RXQ_OVFL, 1)
        bound.bind((local, port))
    except BaseException:
        bound.close()
        raise
    return bound
