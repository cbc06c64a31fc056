"""Of several addresses of one name the first that answers is taken, as browsers do it (RFC 8305)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from itertools import chain, islice, takewhile, zip_longest
from typing import Any, Generic, NamedTuple, TypeVar

from probes.failure import ProbeError
from probes.sample import IPAddress, Reason

T = TypeVar("T")

NEXT_AFTER_S = 0.25
"""How long an address has to answer before the next one is tried beside it (RFC 8305, 5)."""

MOST_ADDRESSES = 8
"""So many are tried; whoever answers for a name could make us open thousands of connections."""

_FALL_BACK_ON = (Reason.REFUSED, Reason.UNREACHABLE, Reason.TIMEOUT)


class Won(NamedTuple, Generic[T]):
    """Who answered first, with what. The facts are `address` and, where others were tried before it, its
    `family` and `not_reached`."""

    address: IPAddress
    result: T
    facts: dict[str, str]


def families_in_turn(addresses: tuple[IPAddress, ...]) -> tuple[IPAddress, ...]:
    """One family after the other, beginning with that of the first (RFC 8305, 4); not too many."""
    first = [address for address in addresses if address.version == addresses[0].version]
    other = [address for address in addresses if address.version != addresses[0].version]
    pairs = chain.from_iterable(zip_longest(first, other))
    return tuple(islice((address for address in pairs if address is not None), MOST_ADDRESSES))


class Race(Generic[T]):
    """Tries at several addresses, each begun a moment after the one before.

    `attempt` raises ProbeError where an address does not answer; what comes too late goes to `discard`.
    """

    def __init__(
        self,
        addresses: tuple[IPAddress, ...],
        attempt: Callable[[IPAddress], Coroutine[Any, Any, T]],
        discard: Callable[[T], None] = lambda _result: None,
        next_after_s: float | None = None,
    ) -> None:
        self._attempt, self._discard = attempt, discard
        self._next_after_s = NEXT_AFTER_S if next_after_s is None else next_after_s
        self._waiting = list(families_in_turn(addresses))
        self._begun: dict[IPAddress, asyncio.Task[T]] = {}
        self._failures: dict[IPAddress, ProbeError] = {}

    async def run(self) -> Won[T]:
        """The first that answers; when all failed, raises the failure of the first address. Whatever else
        goes on has ended then."""
        try:
            return await self._run()
        finally:
            await self._end()

    async def _run(self) -> Won[T]:
        while self._waiting or len(self._failures) < len(self._begun):
            if self._waiting:
                address = self._waiting.pop(0)
                self._begun[address] = asyncio.create_task(self._attempt(address))
            running = [task for address, task in self._begun.items() if address not in self._failures]
            pause_s = self._next_after_s if self._waiting else None
            await asyncio.wait(running, timeout=pause_s, return_when=asyncio.FIRST_COMPLETED)
            for address, task in self._begun.items():
                if task.done() and address not in self._failures and not self._note_failure(address, task):
                    facts = self._facts(address)
                    return Won(address, self._begun.pop(address).result(), facts)
        raise next(self._failures[address] for address in self._begun)

    async def _end(self) -> None:
        for task in self._begun.values():
            task.cancel()
            task.add_done_callback(self._discard_late)
        if self._begun:
            await asyncio.wait(self._begun.values())

    def _discard_late(self, task: asyncio.Task[T]) -> None:
        if not task.cancelled() and task.exception() is None:
            self._discard(task.result())

    def _note_failure(self, address: IPAddress, task: asyncio.Task[T]) -> bool:
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
