"""Connecting over TCP, the one way in which every probe does it: only to addresses that were checked."""

from __future__ import annotations

import asyncio
import os
import socket
from functools import partial
from typing import NamedTuple

from probes.failure import ProbeError, reason_of_errno
from probes.race import Race
from probes.sample import IPAddress


class Connected(NamedTuple):
    """A non-blocking socket, and what is worth showing of how it came about."""

    socket: socket.socket
    facts: dict[str, str]


async def connect(address: IPAddress | str, port: int) -> socket.socket:
    """A non-blocking socket that is connected to an address inside the scope; raises ProbeError."""
    family = socket.AF_INET6 if ":" in str(address) else socket.AF_INET
    try:
        connecting = socket.socket(family, socket.SOCK_STREAM)
    except OSError as error:
        raise ProbeError(reason_of_errno(error.errno), os.strerror(error.errno or 0)) from None
    connecting.setblocking(False)
    try:
        await asyncio.get_running_loop().sock_connect(connecting, (str(address), port))
    except OSError as error:
        connecting.close()
        raise ProbeError(
            reason_of_errno(error.errno), f"{address}: {os.strerror(error.errno or 0)}"
        ) from None
    except BaseException:
        connecting.close()
        raise
    return connecting


async def connect_any(addresses: tuple[IPAddress, ...], port: int) -> Connected:
    """Connect to the address that answers first, as browsers do (RFC 8305). Raises ProbeError.

    The next one is tried when nothing listens at the one before, or beside it when that does not answer soon.
    The facts are those of `race.Won`.
    """
    if len(addresses) == 1:
        return Connected(await connect(addresses[0], port), {"address": str(addresses[0])})
    won = await Race(addresses, partial(connect, port=port), discard=socket.socket.close).run()
    return Connected(won.result, won.facts)
