"""Names of pinged targets become addresses; looked up again from time to time, never in the way."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Mapping
from ipaddress import ip_address

from linkwatch.core.inventory import Inventory, IPAddress
from linkwatch.flow.measure import host_of, icmp_spec, literal_address

REFRESH_S = 60.0
LOOKUP_DEADLINE_S = 5.0


class Addresses:
    """The addresses of all targets with an ICMP probe. A name that does not resolve has none: it is
    not measured, rather than down; the last known address is kept while a look-up fails.
    """

    def __init__(self, inventory: Inventory, on_change: Callable[[], None]) -> None:
        self._on_change = on_change
        pinged = [target for target in inventory.targets.values() if icmp_spec(target)]
        literals = {target.id: literal_address(target) for target in pinged}
        self._known = {target: address for target, address in literals.items() if address}
        self._names = {target.id: host_of(target.address) for target in pinged if literals[target.id] is None}

    @property
    def known(self) -> Mapping[str, IPAddress]:
        """Target id -> address."""
        return self._known

    async def run(self) -> None:
        """Look all names up, for ever."""
        while self._names:
            await self.refresh()
            await asyncio.sleep(REFRESH_S)

    async def refresh(self) -> None:
        """Look all names up once, side by side."""
        found = await asyncio.gather(*(self._look_up(name) for name in self._names.values()))
        fresh = {target: address for target, address in zip(self._names, found, strict=True) if address}
        if any(self._known.get(target) != address for target, address in fresh.items()):
            self._known.update(fresh)
            self._on_change()

    async def _look_up(self, name: str) -> IPAddress | None:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(LOOKUP_DEADLINE_S):
                infos = await loop.getaddrinfo(name, None, type=socket.SOCK_DGRAM)
        except (OSError, TimeoutError):
            return None
        return ip_address(infos[0][4][0])
