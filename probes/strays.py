"""Answers that come from somewhere else than was asked: overheard, so that they can be told."""

from __future__ import annotations

import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from probes.endpoint import Endpoint
from probes.failure import ProbeError

_MOST = 64
"""So many datagrams are looked at; more than that is a flood, no answer."""

_LARGEST_DATAGRAM = 65535


class Strays:
    """Stands beside a connected UDP socket at the same port: the kernel gives it what that one does not take.

    A server with several addresses may answer from the wrong one (RFC 3261, 18.2.2). NATs and firewalls drop
    that, as the connected socket does: it is no answer, but says more than a timeout.
    """

    def __init__(self, connected: socket.socket) -> None:
        """Raises OSError."""
        self._socket = socket.socket(connected.family, socket.SOCK_DGRAM)
        try:
            self._socket.setblocking(False)
            for each in (connected, self._socket):  # only now: the first one got a port that is its own
                each.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self._socket.bind(connected.getsockname())
        except BaseException:
            self._socket.close()
            raise

    def origin_of(self, accept: Callable[[bytes], Any]) -> Endpoint | None:
        """From where an answer came that `accept` takes, if one did."""
        for _ in range(_MOST):
            try:
                datagram, origin = self._socket.recvfrom(_LARGEST_DATAGRAM)
            except OSError:
                return None
            with suppress(ValueError, ProbeError):
                if accept(datagram) is not None:
                    return Endpoint.of(origin)
        return None

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()
