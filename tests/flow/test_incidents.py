"""Incidents over a real store, with a real inbox: committed whole, told once, whatever breaks."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from linkwatch.config.settings import Config, ServerSettings
from linkwatch.core.incident import ResolvedIncidentError, UnknownIncidentError
from linkwatch.core.inventory import Contact, EscalationPolicy, Step
from linkwatch.core.records import IncidentState
from linkwatch.flow.audit import Auditor
from linkwatch.flow.deliver import Deliverer
from linkwatch.flow.incidents import ZONE, Incidents
from linkwatch.notify.channels import build_channels
from linkwatch.store import dialect
from linkwatch.store.store import Store
from tests.core.incident_world import ORGANIZATIONS, START, World, link, province, target
from tests.notify.sink import Sink, eventually, running_sink

POLICY = EscalationPolicy({}, (Step(0.0, ("it-duty",), ("chat",)), Step(300.0, ("fault-owner",), ("chat",))))


@dataclass
class House:
    """The parts that a judgement passes through, over one database."""

    path: Path
    sink: Sink
    world: World

    async def open(self) -> "House":
        inventory = self.world.inventory
        config = Config(inventory, ServerSettings(public_url="https://lw.example"))
        self.store = await Store.open(f"sqlite:///{self.path}", instance="a")
        channels = build_channels(config.channels, inventory.contacts)
        self.deliverer = Deliverer(self.store, channels, now=lambda: self.world.now)
        stored = await self.store.load()
        self.world.alert_rows = {alert.id: alert for alert in stored.alerts}
        self.world.restart()
        self.incidents = Incidents(
            self.store,
            self.deliverer,
            config,
            stored,
            board=self.world.board,
            now=lambda: self.world.now,
            zone=ZONE,
        )
        return self

    async def run(self, seconds: int) -> None:
        for _ in range(seconds):
            s = self.world.look()
            await self.incidents.judge(s.active, s.transitions, s.reachability, s.now, s.latest)
        await self.deliverer.deliver_due()

    async def reopen(self) -> None:
        await self.store.close()
        await self.open()

    def said(self) -> list[str]:
        """Subjects of what arrived."""
        return [message["title"] for message in self.sink.received]


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with running_sink() as sink:
        contacts = [
            Contact("it-duty", "Trực CNTT", "it-centre", "vi", {"chat": sink.url()}),
            Contact("vnpt-duty", "Trực VNPT", "vnpt", "en", {"chat": sink.url(token="other")}),
        ]
        inventory = province(
            [link("link"), target("router", "link")], [POLICY], contacts=contacts, organizations=ORGANIZATIONS
        )
        house = await House(tmp_path / "lw.db", sink, World(inventory)).open()
        yield house
        await house.store.close()


async def test_an_outage_from_first_page_to_all_clear(house: House) -> None:
    house.world.down = {"link", "router"}
    await house.run(310)
    house.world.down = set()
    await house.run(20)
    assert house.said() == [
        "[NGHIÊM TRỌNG] Thiết bị link: Mất kết nối tới link (#1)",
        "[CRITICAL] Thiết bị link: link is unreachable (#1)",
        "[ĐÃ KHÔI PHỤC] Thiết bị link (#1)",
        "[RESOLVED] Thiết bị link (#1)",
    ]
    (incident,) = await house.store.incidents()
    assert (incident.state, incident.impact, incident.fault_owner) == (
        IncidentState.RESOLVED,
        ("router",),
        "vnpt",
    )
    kinds = [event.kind for event in await house.store.timeline(1)]
    assert [kind for kind in kinds if kind != "delivered"] == [
        "opened",
        "impact-grew",
        "fault-owner",
        "told",
        "told",
        "resolved",
    ]


async def test_a_restart_goes_on_from_the_rows(house: House) -> None:
    house.world.down = {"link"}
    await house.run(10)
    await house.reopen()
    await house.run(295)
    await house.reopen()
    house.world.down = set()
    await house.run(5)
    assert len(house.said()) == 4
    assert house.incidents.states == {}


async def test_steps_are_run_between_judgements_and_after_an_acknowledgement_no_more(house: House) -> None:
    house.world.down = {"link"}
    await house.run(10)
    await house.incidents.ack(1, "it-duty", "đang xem")
    await house.incidents.escalate(START + 5000)
    await house.deliverer.deliver_due()
    assert len(house.said()) == 1
    (incident,) = await house.store.incidents()
    assert (incident.acknowledged_by, incident.due_at) == ("it-duty", None)
    await house.incidents.note(1, "it-duty", "đã gọi")
    assert (await house.store.timeline(1))[-1].detail == {"by": "it-duty", "note": "đã gọi"}


async def test_due_steps_go_out_without_a_judgement(house: House) -> None:
    house.world.down = {"link"}
    await house.run(10)
    assert await house.store.due_incidents(START + 5000) == (1,)
    house.world.now = START + 5000
    await house.incidents.escalate(START + 5000)
    await house.deliverer.deliver_due()
    assert len(house.said()) == 2


async def test_errors_of_people_are_said_by_type(house: House) -> None:
    with pytest.raises(UnknownIncidentError):
        await house.incidents.ack(1, "it-duty")
    house.world.down = {"link"}
    await house.run(10)
    house.world.unmeasured = {"link"}
    await house.run(2)
    await house.incidents.resolve(1, "it-duty")
    with pytest.raises(ResolvedIncidentError):
        await house.incidents.resolve(1, "it-duty")


async def test_while_the_store_is_locked_pages_go_out_from_memory_and_are_not_sent_twice(
    house: House, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(dialect, "BUSY_TIMEOUT_S", 0.05)
    await house.reopen()
    house.world.down = {"link"}
    with closing(sqlite3.connect(house.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        for _ in range(6):
            s = house.world.look()
            await house.incidents.judge(s.active, s.transitions, s.reachability, s.now, s.latest)
        await eventually(lambda: len(house.sink.received) == 1)
        assert not house.incidents.store_healthy
        other.execute("ROLLBACK")
    await house.run(3)
    assert house.incidents.store_healthy
    assert house.said() == ["(chưa lưu) [NGHIÊM TRỌNG] Thiết bị link: Mất kết nối tới link (#1)"]
    (incident,) = await house.store.incidents()
    assert incident.state is IncidentState.OPEN
    assert [event.kind for event in await house.store.timeline(1)].count("opened") == 1
    assert sum("from memory" in record.message for record in caplog.records) == 1


async def test_a_cancelled_request_neither_aborts_nor_doubles_its_decision(house: House) -> None:
    house.world.down = {"link"}
    await house.run(10)
    request = asyncio.create_task(house.incidents.ack(1, "it-duty"))
    await asyncio.sleep(0)
    request.cancel()
    await asyncio.gather(request, return_exceptions=True)
    await house.run(2)
    (incident,) = await house.store.incidents()
    acknowledged = [event.kind for event in await house.store.timeline(1)].count("acknowledged")
    assert acknowledged == (incident.state is IncidentState.ACKNOWLEDGED)


async def test_messages_carry_what_routers_and_windows_say(house: House) -> None:
    house.incidents.note_reporter("link", "10.38.0.1", START)
    house.world.down = {"link"}
    await house.run(6)
    assert "Bằng chứng: bộ định tuyến 10.38.0.1 báo không tới được đích" in house.sink.texts[0]
    house.world.down = set()
    house.world.set("linkwatch_icmp_rtt_seconds", "link", 0.0042, window="1m", stat="p50")
    await house.run(3)
    assert "Bằng chứng: độ trễ 4,2 ms" in house.sink.texts[-1]


async def test_the_audit_counts_steps_and_messages_that_are_stuck(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    board: dict[str, float] = {}

    def put(metric: str, value: float, now: float, **labels: str) -> None:
        board[" ".join([metric, *labels.values()])] = value

    auditor = Auditor(house.store, house.incidents, put, now=lambda: house.world.now)
    house.world.down = {"link"}
    for _ in range(5):
        s = house.world.look()
        await house.incidents.judge(s.active, s.transitions, s.reachability, s.now, s.latest)
    house.world.now += 1000
    await auditor.audit()
    await auditor.audit()
    assert board["linkwatch_audit_overdue_steps"] == 1
    assert board["linkwatch_outbox_depth queued"] == 1
    assert board["linkwatch_outbox_oldest_seconds"] == 1001
    assert board["linkwatch_store_healthy"] == 1
    assert [r.message for r in caplog.records] == ["escalation steps are overdue: #1"]


async def test_secrets_of_contacts_are_nowhere_in_what_is_stored(house: House) -> None:
    house.world.down = {"link"}
    await house.run(310)
    stored = [*await house.store.incidents(), *await house.store.timeline(1)]
    stored += await house.store.notifications(1)
    assert "s3cr3t" not in repr(stored)
