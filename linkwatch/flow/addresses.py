"""Names of pinged targets become addresses; looked up again from time to time, never in the way."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Mapping

from linkwatch.core.inventory import Inventory, IPAddress
from linkwatch.flow.measure import host_of, icmp_spec, literal_address
from linkwatch.flow.pings import Ping, is_further, pings_of
from probes.resolve import ResolveError, resolve
from probes.sample import Reason
from probes.sample import Target as ProbeTarget

REFRESH_S = 60.0
LOOKUP_DEADLINE_S = 5.0
LOOKUPS_AT_ONCE = 64
TOLD_MAX = 5

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
    ) -> None:
        self._on_change, self._on_failure = on_change, on_failure
        self._failures: dict[str, Reason] = {}
        self._slots = asyncio.Semaphore(LOOKUPS_AT_ONCE)
        self._keep({})
        self._names: dict[str, Ping] = {}
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
        """Look all names up, for ever."""
        while True:
            self._wanted.clear()
            await self.refresh()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(REFRESH_S):
                    await self._wanted.wait()

    async def refresh(self) -> None:
        """Look all names up once, side by side."""
        names = self._names
        answers = await asyncio.gather(*map(self._look_up, names.values()))
        if names is not self._names:
            return  # another inventory came meanwhile; its own look-up follows
        found = [None if isinstance(answer, ResolveError) else answer for answer in answers]
        known = {key: address for key, address in self._pinged.items() if key not in names}
        known |= {key: address for key, address in zip(names, found, strict=True) if address}
        if known != self._pinged:
            self._keep(known)
            await self._on_change()
        by_target = zip(names, answers, strict=True)
        self._tell({target: error for target, error in by_target if isinstance(error, ResolveError)})

    def _tell(self, failures: Mapping[str, ResolveError]) -> None:
        before, self._failures = self._failures, {t: error.reason for t, error in failures.items()}
        new = [error.detail for t, error in failures.items() if before.get(t) != error.reason]
        if new:
            details = "; ".join(new[:TOLD_MAX])
            log.warning("%d names give no address, their targets are unknown: %s", len(new), details)
        for target, reason in self._failures.items():
            self._on_failure(target, reason)

    async def _look_up(self, ping: Ping) -> IPAddress | ResolveError:
        before, name = self._pinged.get(ping.key), host_of(ping.target.address)
        try:
            async with self._slots, asyncio.timeout(LOOKUP_DEADLINE_S):
                given = await resolve(ProbeTarget(ping.key, name, self._allows), name)
        except ResolveError as error:
            return before if before and error.reason is not Reason.PERMISSION else error
        except TimeoutError:
            silence = ResolveError(Reason.RESOLVE, f"{name}: no answer within {LOOKUP_DEADLINE_S:g} s")
            return before or silence
        fit = [address for address in given if ping.spec.settings.takes(address)]
        if not fit:
            version = ping.spec.settings.version
            return ResolveError(Reason.RESOLVE, f"{name}: the name has no IPv{version} address")
        return before if before in fit else fit[0]


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
