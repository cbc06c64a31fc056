"""Is there room in the socket's buffer for the replies that come while the pinger does not read?"""

from __future__ import annotations

import logging
from collections.abc import Iterable

from probes.icmp import PingTarget
from probes.icmp.sockets import REPLY_BUFFER_BYTES

ROOM_WANTED_S = 0.25
"""Threads that hold the interpreter's lock keep the pinger from reading for as long as that."""

WANTED_BYTES = 4 * 1024 * 1024

log = logging.getLogger(__name__)


def warn_of_small_buffers(granted_bytes: int, targets: Iterable[PingTarget]) -> None:
    """Say which command mends it when fewer replies can wait than come in `ROOM_WANTED_S`."""
    rate_hz = sum(1 / target.interval_s for target in targets)
    room_s = granted_bytes / REPLY_BUFFER_BYTES / rate_hz if rate_hz else ROOM_WANTED_S
    if room_s < ROOM_WANTED_S:
        log.warning(
            "the socket holds %.0f ms of replies at %.0f pings/s, then they are dropped and void: "
            "sudo sysctl -w net.core.rmem_max=%d",
            room_s * 1e3,
            rate_hz,
            WANTED_BYTES,
        )
