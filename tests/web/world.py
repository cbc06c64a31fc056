"""A small province for the tests of the web floor: real store, real board, real judgements."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
from prometheus_client import CollectorRegistry

from linkwatch.config.problems import ConfigErrors
from linkwatch.core.board import Board
from linkwatch.core.catalog import Catalog
from linkwatch.core.incident import ResolvedIncidentError, UnknownIncidentError
from linkwatch.core.inventory import (
    Contact,
    Inventory,
    Kind,
    Objectives,
    Organization,
    Scope,
    Site,
    Target,
)
from linkwatch.core.records import (
    Alert,
    AlertState,
    Changes,
    Event,
    Incident,
    IncidentState,
    Notification,
    NotificationKind,
    TargetEvent,
)
from linkwatch.core.topology import Reachability
from linkwatch.store.store import Store
from linkwatch.web.services import Health, Services

NOW = 1_620_117_000.0
"""2021-05-04 15:30:00 in Thanh Hóa."""


def inventory() -> Inventory:
    """Two carriers and the IT centre; a router behind each of two links."""
    targets = [
        Target("link-ham-rong", "Kênh Hàm Rồng", Kind.LINK, "127.0.1.1", "ham-rong", "vnpt", "fibre", True),
        Target("router-ham-rong", "Router Hàm Rồng", Kind.ROUTER, "127.0.1.2", "ham-rong", "it-centre", "lan", via=("link-ham-rong",)),  # noqa: E501
        Target("link-muong-lat", "Kênh Mường Lát", Kind.LINK, "127.0.2.1", "muong-lat", "viettel", "fibre"),
        Target("camera-muong-lat", "Camera Mường Lát", Kind.CAMERA, "127.0.2.3", "muong-lat", "vnpt", "lan", via=("link-muong-lat",)),  # noqa: E501
        Target("portal", "Cổng dịch vụ công", Kind.PORTAL, "127.0.3.1", "itc", "it-centre", "lan", True),
    ]  # fmt: skip
    organizations = [
        Organization("vnpt", "VNPT Thanh Hóa", duty=("vnpt-duty",)),
        Organization("viettel", "Viettel Thanh Hóa", duty=("viettel-duty",)),
        Organization("it-centre", "Trung tâm CNTT-TT Thanh Hóa", duty=("it-duty",)),
    ]
    contacts = [
        Contact("vnpt-duty", "Trực VNPT", "vnpt", channels={"sms": "+84900000001"}),
        Contact("viettel-duty", "Trực Viettel", "viettel", channels={"sms": "+84900000002"}),
        Contact("it-duty", "Trực CNTT", "it-centre", channels={"chat": "tgram://SECRET/1"}),
    ]
    sites = [
        Site("ham-rong", "Khu cách ly Hàm Rồng", "quarantine", "Thanh Hóa/TP Thanh Hóa"),
        Site("muong-lat", "Mường Lát", "district", "Thanh Hóa/Mường Lát"),
        Site("itc", "Trung tâm CNTT", "datacentre"),
    ]
    return Inventory(
        scope=Scope(()),
        targets={target.id: target for target in targets},
        organizations={organization.id: organization for organization in organizations},
        contacts={contact.id: contact for contact in contacts},
        sites={site.id: site for site in sites},
        classes={"fibre": Objectives(0.01, 0.03, 0.01, 0.999)},
    )


def reachability(
    watched: Inventory,
    *,
    down: tuple[str, ...] = (),
    unknown: tuple[str, ...] = (),
    covered: Mapping[str, str] | None = None,
    maintenance: tuple[str, ...] = (),
    isolated: bool = False,
) -> Reachability:
    """A judgement: everything is up but what is named."""
    ids = tuple(watched.targets)
    index = {target: i for i, target in enumerate(ids)}
    covered = covered or {}
    up = [0 if i in down else -1 if i in unknown else 1 for i in ids]
    return Reachability(
        ids=ids,
        index=index,
        up=np.array(up, dtype=np.int8),
        root=np.array([index[covered[i]] if i in covered else -1 for i in ids], dtype=np.intp),
        settling=np.zeros(len(ids), dtype=np.bool_),
        undecided=np.zeros(len(ids), dtype=np.bool_),
        isolated=isolated,
        maintenance=np.array([i in maintenance for i in ids], dtype=np.bool_),
    )


def alert(rule: str, target: str, severity: str, state: AlertState = AlertState.FIRING) -> Alert:
    """An alert of a target."""
    labels = {"alertname": rule, "severity": severity, "target": target}
    return Alert(f"{rule}/{target}", rule, labels, {}, 1.0, state, NOW - 60, NOW, NOW - 30)


def incident(number: int, root: str, **changes: object) -> Incident:
    """An open, critical incident of a target."""
    opened = Incident(
        id=number,
        root=root,
        state=IncidentState.OPEN,
        severity="critical",
        emergency=False,
        opened_at=NOW - 90,
        alerts=(f"TargetDown/{root}",),
        targets=(root,),
        fault_owner="vnpt",
        blame_reason="link-owner",
        summary=f"{root} không trả lời",
    )
    return replace(opened, **changes)  # type: ignore[arg-type]


def page(number: int, contact: str, channel: str) -> Notification:
    """A page to a contact."""
    key = f"{number}/page/1/{contact}/{channel}"
    return Notification(key, number, contact, channel, NotificationKind.PAGE, "…", "…", NOW - 80)


@dataclass(slots=True)
class World:
    """What the tests change before they ask; `services` reads it live."""

    store: Store
    inventory: Inventory = field(default_factory=inventory)
    reachability: Reachability | None = None
    alerts: dict[str, Alert] = field(default_factory=dict)
    mistakes: ConfigErrors | None = None
    health: Health = field(default_factory=lambda: Health(ok=True, data_age_s=0.4))
    board: Board = field(default_factory=Board)
    now: float = NOW
    events: dict[str, tuple[TargetEvent, ...]] = field(default_factory=dict)

    def services(self) -> Services:
        """The views that the web server gets."""
        return Services(
            board=self.board,
            catalog=Catalog(),
            process_metrics=CollectorRegistry(),
            inventory=lambda: self.inventory,
            reachability=lambda: self.reachability,
            alerts=lambda: self.alerts,
            store=self.store,
            actions=self,
            reload=self.reload,
            health=lambda: self.health,
            now=lambda: self.now,
            zone=ZoneInfo("Asia/Ho_Chi_Minh"),
            events=lambda target: self.events.get(target, ()),
        )

    async def reload(self) -> None:
        if self.mistakes:
            raise self.mistakes

    async def ack(self, incident_id: int, by: str, note: str = "") -> None:
        """Acknowledge, as the incidents of the service do."""
        found = await self._open(incident_id)
        taken = replace(found, state=IncidentState.ACKNOWLEDGED, acknowledged_at=self.now, acknowledged_by=by)
        event = Event(incident_id, self.now, "acknowledged", {"by": by, "note": note})
        await self.store.commit(Changes(incidents=(taken,), events=(event,)))

    async def note(self, incident_id: int, by: str, text: str) -> None:
        """A line in the timeline."""
        await self._open(incident_id)
        event = Event(incident_id, self.now, "note", {"by": by, "note": text})
        await self.store.commit(Changes(events=(event,)))

    async def resolve(self, incident_id: int, by: str, note: str = "") -> None:
        """End it."""
        found = await self._open(incident_id)
        ended = replace(found, state=IncidentState.RESOLVED, resolved_at=self.now)
        event = Event(incident_id, self.now, "resolved", {"by": by, "note": note})
        await self.store.commit(Changes(incidents=(ended,), events=(event,)))

    async def _open(self, incident_id: int) -> Incident:
        found = await self.store.incident(incident_id)
        if found is None:
            raise UnknownIncidentError(f"there is no incident #{incident_id}")
        if found.state is IncidentState.RESOLVED:
            raise ResolvedIncidentError(f"incident #{incident_id} is resolved")
        return found


async def open_world(folder: Path) -> World:
    """A world with an empty store, everything up."""
    world = World(await Store.open(f"sqlite:///{folder / 'web.db'}", instance="test"))
    world.reachability = reachability(world.inventory)
    return world
