"""Step 5: from alerts to incidents; every decision is one transaction, or is told from memory.

While the store cannot commit, decisions go on: the ledger keeps them, and their messages are sent
from memory, marked as not stored. The outbox, once it can be written, does not send those again.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import tzinfo
from zoneinfo import ZoneInfo

from linkwatch.config.settings import Config
from linkwatch.core.blame import PathEnd
from linkwatch.core.board import Board
from linkwatch.core.grouping import Situation
from linkwatch.core.incident import IncidentBook
from linkwatch.core.inventory import Inventory
from linkwatch.core.message import Style
from linkwatch.core.records import Alert, Changes, IncidentState, TargetEvent, Transition
from linkwatch.core.topology import Reachability
from linkwatch.flow.deliver import Deliverer
from linkwatch.flow.evidence import Witnesses, gather
from linkwatch.flow.ledger import Ledger
from linkwatch.store.store import Store, Stored

ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
"""Where the people are who read the messages."""


class Incidents:
    """The only one that changes incidents; one decision at a time."""

    def __init__(
        self,
        store: Store,
        deliverer: Deliverer,
        config: Config,
        stored: Stored,
        *,
        board: Board,
        now: Callable[[], float],
        zone: tzinfo,
    ) -> None:
        """`now`: seconds since the epoch, for what people do; judgements bring their own. `zone`: theirs."""
        self._deliverer = deliverer
        self._inventory: Inventory = config.inventory
        self._board, self._now = board, now
        style = Style(zone, config.server.public_url)
        self._book = IncidentBook(style, stored.incidents, stored.alerts, stored.next_incident_id)
        self._witnesses = Witnesses()
        self._lock = asyncio.Lock()
        self._ledger = Ledger(store.commit)

    def use(self, inventory: Inventory) -> None:
        """Decide by this inventory from now on; plans of open incidents stay as they are."""
        self._inventory = inventory

    @property
    def store_healthy(self) -> bool:
        """Whether everything that was decided is committed."""
        return self._ledger.healthy

    @property
    def states(self) -> Mapping[IncidentState, int]:
        """How many incidents are in each state, but for resolved ones."""
        return Counter(incident.state for incident in self._book.incidents.values())

    def note_reporter(self, target: str, reporter: str, at: float) -> None:
        """A router reported a target unreachable: evidence for whose fault it is."""
        self._witnesses.note(target, reporter, at)

    def note_path_end(self, target: str, end: PathEnd | None) -> None:
        """Where the path to a target ends; None: it reaches the target again."""
        self._witnesses.note_path_end(target, end)

    async def report(self, said: Sequence[TargetEvent]) -> frozenset[str]:
        """Write what devices said of themselves into the timelines of the incidents about them.

        Gives the targets of which there was an incident.
        """
        async with self._lock:
            changes = self._book.report(said)
            if changes:
                await self._commit(changes)
        return frozenset(event.detail["target"] for event in changes.events)

    async def judge(
        self,
        active: Mapping[str, Alert],
        transitions: Sequence[Transition],
        reachability: Reachability,
        now: float,
        latest: Callable[[str], Alert],
    ) -> None:
        """Make of one judgement's alerts what people must know.

        `active`: alerts that are not gone, as of their last transition; `latest`: one of them as of now.
        """
        evidence = gather(self._witnesses, self._board, self._inventory, reachability, now)
        situation = Situation(now, active, transitions, reachability, self._inventory, latest, evidence)
        async with self._lock:
            await self._commit(self._book.decide(situation))

    async def move_times(self, by_s: float, active: Mapping[str, Alert]) -> None:
        """Go on with a clock that was set by so much. `active`: alerts that are not gone, moved already."""
        self._witnesses.move_times(by_s)
        async with self._lock:
            now = self._now()
            await self._commit(self._book.move_times(by_s, active.values(), self._inventory, now))

    async def escalate(self, now: float) -> None:
        """Run the steps and repeats that are due."""
        async with self._lock:
            await self._commit(self._book.escalate(self._inventory, now))

    async def ack(self, incident_id: int, by: str, note: str = "") -> None:
        """Somebody took an incident on. Raises IncidentError."""
        async with self._lock:
            now = self._now()
            await self._commit(self._book.acknowledge(incident_id, by, self._inventory, now, note))

    async def note(self, incident_id: int, by: str, text: str) -> None:
        """Somebody wrote a line into the timeline. Raises IncidentError."""
        async with self._lock:
            await self._commit(self._book.note(incident_id, by, text, self._inventory, self._now()))

    async def resolve(self, incident_id: int, by: str, note: str = "") -> None:
        """Somebody closed an incident. Raises IncidentError."""
        async with self._lock:
            await self._commit(self._book.resolve(incident_id, by, self._inventory, self._now(), note))

    async def _commit(self, changes: Changes) -> None:
        """Memory goes ahead in any case: what was told cannot be decided a second time."""
        self._book.apply(changes)
        was_healthy = self._ledger.healthy
        if not await self._ledger.put(changes):
            await self._deliverer.send_undurable(changes.notifications)
        elif changes.notifications or not was_healthy:
            self._deliverer.poke(changes.notifications)
