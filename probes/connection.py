"""Connecting over TCP, the one way in which every probe does it: only to addresses that were checked."""

from __future__ import annotations

import asyncio
import os
import socket
from typing import NamedTuple

from probes.failure import ProbeError, reason_of_errno
from probes.sample import IPAddress, Reason

_FALL_BACK_ON = (Reason.REFUSED, Reason.UNREACHABLE)


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
    """Connect to the first address; to the next one only if nothing listens there. Raises ProbeError.

    The facts are `address`, and `not_reached` for the addresses that were tried before.
    """
    failures: list[ProbeError] = []
    for address in addresses:
        try:
            connected = await connect(address, port)
        except ProbeError as error:
            failures.append(error)
            if error.reason not in _FALL_BACK_ON:
                break
        else:
            facts = {"address": str(address)}
            if failures:
                facts["not_reached"] = "; ".join(error.detail for error in failures)
            return Connected(connected, facts)
    raise failures[0]
