"""Conversations over UDP with a name that has several addresses: with the one that answers first."""

from __future__ import annotations

import asyncio
import os

from probes.attempt import Attempt
from probes.conversation import Accept, Answer, Conversation, Datagrams, Request, T
from probes.failure import ProbeError, reason_of_errno
from probes.race import NEXT_AFTER_S, Race, Won, families_in_turn
from probes.sample import IPAddress, Reason


def datagrams_to(
    addresses: tuple[IPAddress, ...], port: int, attempt: Attempt, pauses_s: tuple[float, ...]
) -> Datagrams | Candidates:
    """A way to a target over UDP, to be closed; raises OSError."""
    if len(addresses) > 1:
        return Candidates(addresses, port, attempt, pauses_s)
    attempt.facts["address"] = str(addresses[0])
    return Datagrams(addresses[0], port, attempt, pauses_s)


class Candidates(Conversation):
    """Over UDP nobody is connected: who is there shows with the first answer, and that one is asked from then
    on. Where nothing listens the next one is asked at once, beside one that is silent after a moment."""

    def __init__(
        self, addresses: tuple[IPAddress, ...], port: int, attempt: Attempt, pauses_s: tuple[float, ...]
    ) -> None:
        self._addresses, self._port = families_in_turn(addresses), port
        self._attempt, self._pauses_s = attempt, pauses_s
        self._opened: dict[IPAddress, Datagrams] = {}
        """They stay open from question to question: a late answer is one, too."""
        self._chosen: Datagrams | None = None

    async def ask(self, request: Request, accept: Accept[T]) -> Answer[T]:
        """Ask all of them in turn until one has answered, then that one alone; raises ProbeError, OSError."""
        if self._chosen is not None:
            return await self._chosen.ask(request, accept)

        async def ask_one(address: IPAddress) -> Answer[T] | ProbeError:
            try:
                return await self._open(address).ask(request, accept)
            except OSError as error:
                what = os.strerror(error.errno or 0)
                raise ProbeError(
                    reason_of_errno(error.errno, Reason.PROTOCOL), f"{address}: {what}"
                ) from None
            except ProbeError as refusal:  # of an answer: whoever sends one is there
                return refusal

        return self._choose(await Race(self._addresses, ask_one, next_after_s=self._share_s()).run())

    def say(self, request: bytes) -> None:
        """Send once: to everybody, as long as nobody has answered."""
        for datagrams in [self._chosen] if self._chosen else self._opened.values():
            datagrams.say(request)

    def close(self) -> None:
        """Close the sockets."""
        for datagrams in self._opened.values():
            datagrams.close()

    def _choose(self, won: Won[Answer[T] | ProbeError]) -> Answer[T]:
        self._chosen = self._opened[won.address]
        self._attempt.facts.update(won.facts)
        if isinstance(won.result, ProbeError):
            raise won.result
        return won.result

    def _open(self, address: IPAddress) -> Datagrams:
        if address not in self._opened:
            self._opened[address] = Datagrams(address, self._port, self._attempt, self._pauses_s)
        return self._opened[address]

    def _share_s(self) -> float:
        """So that all of them are asked in the first half of the time, however little there is."""
        left_s = self._attempt.ends_s - asyncio.get_running_loop().time()
        return min(NEXT_AFTER_S, max(0.0, left_s) / 2 / len(self._addresses))
