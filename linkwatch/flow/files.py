"""Open files are few: how many this process may have, and who may take how many of them.

When none is left, no connection is accepted, no probe starts and no page goes out. So that this does not
happen, what may grow is bounded by a share; what happens all the same is counted, told once in a while, and
is over by itself when files are free again.
"""

from __future__ import annotations

import errno
import logging
import resource
from asyncio import AbstractEventLoop
from dataclasses import dataclass
from typing import Any

LEAST = 16
UNBOUNDED = 2**20
SHORTAGES = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
TELL_EVERY_S = 60.0

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Shares:
    """How many files connections of clients, and probes that run at once, may take. The rest is for the
    store, the sockets of SNMP, pages and resolvers."""

    connections: int
    probes: int


def raise_limit() -> int:
    """Allow this process as many open files as it may allow itself; returns how many that are."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return UNBOUNDED if hard == resource.RLIM_INFINITY else hard


def share(limit: int) -> Shares:
    """The shares of `limit` files."""
    return Shares(connections=min(max(limit // 8, LEAST), 512), probes=max(limit // 4, LEAST))


class Shortages:
    """Counts how often this machine had no file or memory left for a connection."""

    def __init__(self) -> None:
        self.count = 0
        self._told_at = float("-inf")

    def watch(self, loop: AbstractEventLoop) -> None:
        """Hear of what the event loop cannot accept; asyncio itself tries again after a second."""
        loop.set_exception_handler(self._take)

    def _take(self, loop: AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        if not isinstance(error, OSError) or error.errno not in SHORTAGES:
            loop.default_exception_handler(context)
            return
        self.count += 1
        if loop.time() - self._told_at >= TELL_EVERY_S:
            self._told_at = loop.time()
            what = (error.strerror or type(error).__name__).lower()
            log.error("no connection can be accepted (%s); linkwatch doctor says what mends it", what)
