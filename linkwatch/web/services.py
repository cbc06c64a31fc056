"""What the web floor needs of the rest of LinkWatch: one frozen object, made by the composition root."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from typing import Protocol

from aiohttp import web
from prometheus_client import CollectorRegistry

from linkwatch.core.board import Board
from linkwatch.core.catalog import Catalog
from linkwatch.core.inventory import Inventory
from linkwatch.core.records import Alert, TargetEvent
from linkwatch.core.topology import Reachability
from linkwatch.store.store import Store

STALE_AFTER_S = 5.0
"""Older data is not the present any more, and is said to be old."""


@dataclass(frozen=True, slots=True)
class Health:
    """`ok`: LinkWatch does its work; `reasons`: why not. `data_age_s`: since the last judgement."""

    ok: bool
    reasons: tuple[str, ...] = ()
    data_age_s: float = 0.0

    @property
    def is_stale(self) -> bool:
        """Whether what is shown is too old to be trusted."""
        return self.data_age_s > STALE_AFTER_S


class Actions(Protocol):
    """What people may do with an incident."""

    async def ack(self, incident_id: int, by: str, note: str = "") -> None:
        """Acknowledge."""

    async def note(self, incident_id: int, by: str, text: str) -> None:
        """Write a line into the timeline."""

    async def resolve(self, incident_id: int, by: str, note: str = "") -> None:
        """End it by hand."""


@dataclass(frozen=True, slots=True)
class Services:
    """Views on the running service. Callables return what holds now; `now` is seconds since the epoch.

    `reload` reads the configuration again; raises ConfigErrors, and then nothing has changed.

    `zone`: where the people are who read the pages. `unmeasured`: why nothing can be sent to a target.
    `events`: what the device of a target said of itself, the newest first.
    """

    board: Board
    catalog: Catalog
    process_metrics: CollectorRegistry
    inventory: Callable[[], Inventory]
    reachability: Callable[[], Reachability | None]
    alerts: Callable[[], Mapping[str, Alert]]
    store: Store
    actions: Actions
    reload: Callable[[], Awaitable[None]]
    health: Callable[[], Health]
    now: Callable[[], float]
    zone: tzinfo
    unmeasured: Callable[[], Mapping[str, str]] = dict
    events: Callable[[str], Sequence[TargetEvent]] = lambda _target: ()


SERVICES = web.AppKey("services", Services)
