"""Connecting over TCP, the one way in which every probe does it: only to addresses that were checked."""

from __future__ import annotations

import asyncio
import os
import socket
from itertools import chain, islice, takewhile, zip_longest
from typing import NamedTuple

from probes.failure import ProbeError, reason_of_errno
from probes.sample import IPAddress, Reason

NEXT_AFTER_S = 0.25
"""How long an address has to answer before the next one is tried beside it (RFC 8305, 5)."""

MOST_ADDRESSES = 8
"""So many are tried; whoever answers for a name could make us open thousands of connections."""

_FALL_BACK_ON = (Reason.REFUSED, Reason.UNREACHABLE, Reason.TIMEOUT)


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
    The facts are `address` and, where others were tried before it, its `family` and `not_reached`.
    """
    if len(addresses) == 1:
        return Connected(await connect(addresses[0], port), {"address": str(addresses[0])})
    race = _Race(families_in_turn(addresses), port)
    try:
        return await race.run()
    finally:
        race.end()


def families_in_turn(addresses: tuple[IPAddress, ...]) -> tuple[IPAddress, ...]:
    """One family after the other, beginning with that of the first (RFC 8305, 4); not too many."""
    first = [address for address in addresses if address.version == addresses[0].version]
    other = [address for address in addresses if address.version != addresses[0].version]
    pairs = chain.from_iterable(zip_longest(first, other))
    return tuple(islice((address for address in pairs if address is not None), MOST_ADDRESSES))


class _Race:
    """Connections to several addresses, each begun a moment after the one before."""

    def __init__(self, addresses: tuple[IPAddress, ...], port: int) -> None:
        self._port = port
        self._waiting = list(addresses)
        self._begun: dict[IPAddress, asyncio.Task[socket.socket]] = {}
        self._failures: dict[IPAddress, ProbeError] = {}

    async def run(self) -> Connected:
        """The first connection that is made; when all failed, raises the failure of the first address."""
        while self._waiting or len(self._failures) < len(self._begun):
            if self._waiting:
                self._begin(self._waiting.pop(0))
            running = [task for address, task in self._begun.items() if address not in self._failures]
            pause_s = NEXT_AFTER_S if self._waiting else None
            await asyncio.wait(running, timeout=pause_s, return_when=asyncio.FIRST_COMPLETED)
            for address, task in self._begun.items():
                if task.done() and address not in self._failures and not self._note_failure(address, task):
                    facts = self._facts(address)
                    return Connected(self._begun.pop(address).result(), facts)
        raise next(self._failures[address] for address in self._begun)

    def end(self) -> None:
        """Give up whatever goes on; what has come to be meanwhile is closed."""
        for task in self._begun.values():
            task.cancel()
            task.add_done_callback(_close_if_connected)

    def _begin(self, address: IPAddress) -> None:
        self._begun[address] = asyncio.create_task(connect(address, self._port))

    def _note_failure(self, address: IPAddress, task: asyncio.Task[socket.socket]) -> bool:
        failure = task.exception()
        if failure is None:
            return False
        if not isinstance(failure, ProbeError):
            raise failure
        self._failures[address] = failure
        if failure.reason not in _FALL_BACK_ON:
            self._waiting.clear()
        return True

    def _facts(self, winner: IPAddress) -> dict[str, str]:
        before = takewhile(lambda address: address != winner, self._begun)
        missed = [
            self._failures[address].detail if address in self._failures else f"{address}: no answer"
            for address in before
        ]
        if not missed:
            return {"address": str(winner)}
        return {"address": str(winner), "family": f"ipv{winner.version}", "not_reached": "; ".join(missed)}


def _close_if_connected(task: asyncio.Task[socket.socket]) -> None:
    if not task.cancelled() and task.exception() is None:
        task.result().close()
