"""Names of pinged targets become addresses; looked up again when these may have changed, never in the way."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Container, Mapping

from linkwatch.core.inventory import Inventory, IPAddress
from linkwatch.flow.measure import host_of, icmp_spec, literal_address
from linkwatch.flow.pings import Ping, is_further, pings_of
from probes.dns.lifetime import lifetime_s
from probes.resolve import ResolveError, resolve
from probes.sample import Reason
from probes.sample import Target as ProbeTarget

SHORTEST_S, LONGEST_S = 5.0, 300.0
"""A name is looked up when the DNS says that its addresses may be others, between these bounds: a correction
that was made by hand before its time is noticed, too."""
UNTOLD_S = 60.0
"""The same for a name of which the DNS says nothing (hosts file, no answer)."""
TOGETHER_S = 1.0
"""Names that are due within this time are looked up side by side."""
LOOKUP_DEADLINE_S, LIFETIME_DEADLINE_S = 5.0, 2.0
LOOKUPS_AT_ONCE = 64
TOLD_MAX = 5

Lifetime = Callable[[str, int, float], Awaitable[float | None]]
"""Name, IP version, deadline -> how long its addresses hold, None if that is not known."""

log = logging.getLogger(__name__)


class Addresses:
    """The addresses of all pings, by key, names only inside the scope. A name that does not resolve, or to no
    address of the family that is asked for, has none: it is not measured, rather than down. The last known
    address is kept while a look-up fails, and as long as the resolver still gives it among others.
    `on_failure` hears of every look-up that came to nothing; the log only of what is new.
    """

    def __init__(
        self,
        inventory: Inventory,
        literals: Mapping[str, IPAddress],
        on_change: Callable[[], Awaitable[None]],
        on_failure: Callable[[str, Reason], None],
        lifetime: Lifetime = lifetime_s,
    ) -> None:
        self._on_change, self._on_failure, self._lifetime = on_change, on_failure, lifetime
        self._failures: dict[str, Reason] = {}
        self._slots = asyncio.Semaphore(LOOKUPS_AT_ONCE)
        self._keep({})
        self._names: dict[str, Ping] = {}
        self._pauses_s: dict[str, float] = {}
        self._due_s: dict[str, float] = {}
        self._wanted = asyncio.Event()
        self.use(inventory, literals)

    def use(self, inventory: Inventory, literals: Mapping[str, IPAddress]) -> None:
        """Look up what this inventory names from now on; a name that stays keeps its address meanwhile.

        `literals`: what `literal_addresses` says of this inventory.
        """
        self._allows = inventory.scope.allows
        named = [target for target in inventory.targets.values() if target.id not in literals]
        names = {ping.key: ping for target in named for ping in pings_of(target)}
        stays = {key for key, ping in names.items() if _is_alike(self._names.get(key), ping)}
        known = {key: address for key, address in self._pinged.items() if key in stays}
        self._keep(known | dict(literals))
        self._names = names
        self._pauses_s = {key: pause_s for key, pause_s in self._pauses_s.items() if key in stays}
        self._failures = {key: reason for key, reason in self._failures.items() if key in stays}
        self._due_s = {}
        self._wanted.set()

    @property
    def unresolved(self) -> Mapping[str, Reason]:
        """Target id -> why its name gives no address, of those that have none."""
        failures = self._failures.items()
        return {key: reason for key, reason in failures if key not in self._pinged and not is_further(key)}

    @property
    def pinged(self) -> Mapping[str, IPAddress]:
        """Key of each ping -> address."""
        return self._pinged

    @property
    def known(self) -> Mapping[str, IPAddress]:
        """Target id -> the address by which it is found up or down."""
        return self._known

    def _keep(self, pinged: dict[str, IPAddress]) -> None:
        self._pinged = pinged
        self._known = {key: address for key, address in pinged.items() if not is_further(key)}

    async def run(self) -> None:
        """Look every name up when it is due, for ever."""
        now_s = asyncio.get_running_loop().time
        while True:
            self._wanted.clear()
            latest_s = now_s() + TOGETHER_S
            await self._refresh({k: ping for k, ping in self._names.items() if self._due_at(k) <= latest_s})
            next_s = min(map(self._due_at, self._names), default=now_s() + LONGEST_S)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(next_s):
                    await self._wanted.wait()

    def _due_at(self, key: str) -> float:
        return self._due_s.get(key, float("-inf"))

    async def refresh(self) -> None:
        """Look all names up once, side by side."""
        await self._refresh(self._names)

    async def _refresh(self, asked: Mapping[str, Ping]) -> None:
        names = self._names
        answers = await asyncio.gather(*map(self._look_up, asked.values()))
        if names is not self._names:
            return  # another inventory came meanwhile; its own look-up follows
        found = [None if isinstance(answer, ResolveError) else answer for answer in answers]
        known = {key: address for key, address in self._pinged.items() if key not in asked}
        known |= {key: address for key, address in zip(asked, found, strict=True) if address}
        self._plan(asked)
        if known != self._pinged:
            self._keep(known)
            await self._on_change()
        by_target = zip(asked, answers, strict=True)
        failed = {target: error for target, error in by_target if isinstance(error, ResolveError)}
        self._tell(failed, asked)

    def _plan(self, asked: Mapping[str, Ping]) -> None:
        """When to look up next; while nothing is known anew, the pause stays what it was."""
        now_s = asyncio.get_running_loop().time()
        for key in asked:
            self._due_s[key] = now_s + self._pauses_s.get(key, UNTOLD_S)

    def _tell(self, failures: Mapping[str, ResolveError], asked: Container[str]) -> None:
        before, reasons = self._failures, {target: error.reason for target, error in failures.items()}
        self._failures = {t: reason for t, reason in before.items() if t not in asked} | reasons
        new = [error.detail for t, error in failures.items() if before.get(t) != error.reason]
        if new:
            details = "; ".join(new[:TOLD_MAX])
            log.warning("%d names give no address, their targets are unknown: %s", len(new), details)
        for target, reason in reasons.items():
            self._on_failure(target, reason)

    async def _look_up(self, ping: Ping) -> IPAddress | ResolveError:
        async with self._slots:
            given = await self._ask(ping)
            chosen = self._choose(ping, given)
            if not isinstance(given, ResolveError) and not isinstance(chosen, ResolveError):
                await self._learn_pause(ping, chosen.version)
        return chosen

    async def _ask(self, ping: Ping) -> tuple[IPAddress, ...] | ResolveError:
        name = host_of(ping.target.address)
        try:
            async with asyncio.timeout(LOOKUP_DEADLINE_S):
                return await resolve(ProbeTarget(ping.key, name, self._allows), name)
        except ResolveError as error:
            return error
        except TimeoutError:
            return ResolveError(Reason.RESOLVE, f"{name}: no answer within {LOOKUP_DEADLINE_S:g} s")

    def _choose(self, ping: Ping, given: tuple[IPAddress, ...] | ResolveError) -> IPAddress | ResolveError:
        before, settings = self._pinged.get(ping.key), ping.spec.settings
        if isinstance(given, ResolveError):
            return before if before and given.reason is not Reason.PERMISSION else given
        fit = [address for address in given if settings.takes(address)]
        if not fit:
            text = f"{host_of(ping.target.address)}: the name has no IPv{settings.version} address"
            return ResolveError(Reason.RESOLVE, text)
        return before if before in fit else fit[0]

    async def _learn_pause(self, ping: Ping, version: int) -> None:
        holds_s = await self._lifetime(host_of(ping.target.address), version, LIFETIME_DEADLINE_S)
        if holds_s is not None:
            self._pauses_s[ping.key] = min(max(holds_s, SHORTEST_S), LONGEST_S)


def _is_alike(before: Ping | None, ping: Ping) -> bool:
    """Whether the address of one is good for the other."""
    if before is None or before.spec.settings.version != ping.spec.settings.version:
        return False
    return host_of(before.target.address) == host_of(ping.target.address)


def literal_addresses(inventory: Inventory) -> dict[str, IPAddress]:
    """Key of each ping whose address needs no look-up -> address."""
    pinged = (target for target in inventory.targets.values() if icmp_spec(target))
    found = ((target, literal_address(target)) for target in pinged)
    return {ping.key: address for target, address in found if address for ping in pings_of(target)}
