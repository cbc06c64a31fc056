"""Step 6: runs the steps that are due between two judgements, and at start those missed meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from linkwatch.flow.incidents import Incidents

EVERY_S = 1.0


class Escalator:
    """Looks every second for what is due. The due times live in the store; the book mirrors them."""

    def __init__(self, incidents: Incidents, *, now: Callable[[], float]) -> None:
        """`now`: seconds since the epoch."""
        self._incidents, self._now = incidents, now

    async def run(self) -> None:
        """Escalate, for ever."""
        while True:
            await self._incidents.escalate(self._now())
            await asyncio.sleep(EVERY_S)
