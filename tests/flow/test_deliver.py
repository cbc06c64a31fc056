"""Delivery over a real store, with channels that answer as told; time is an argument, never waited for."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from threading import Event

import pytest

from linkwatch.core.inventory import Contact
from linkwatch.core.records import Changes, Incident, IncidentState, Notification, NotificationKind
from linkwatch.flow import deliver
from linkwatch.flow.deliver import Deliverer
from linkwatch.notify.channel import Delivered, Failed, Message, Outcome
from linkwatch.notify.channels import Channels, Way
from linkwatch.store import dialect
from linkwatch.store import store as store_module
from linkwatch.store.store import READERS, Store
from tests.notify.sink import eventually

REFUSED = Failed(False, "HTTP 500")
HANG = object()


@dataclass
class Desk:
    """A channel that notes what it is given and answers as told: by recipient, in turn."""

    answers: dict[str, list[object]] = field(default_factory=lambda: defaultdict(list))
    sent: list[Message] = field(default_factory=list)

    async def send(self, message: Message) -> Outcome:
        self.sent.append(message)
        answers = self.answers[message.to]
        answer = answers.pop(0) if answers else Delivered()
        if answer is HANG:
            await asyncio.Event().wait()
        assert isinstance(answer, Delivered | Failed)
        return answer

    @property
    def bodies(self) -> list[str]:
        return [message.body for message in self.sent]


@dataclass
class Office:
    """A store, three channels, a deliverer and a clock that is set by hand."""

    store: Store
    deliverer: Deliverer
    desks: dict[str, Desk]
    path: Path
    now: float = 1000.0

    async def commit(self, *told: Notification) -> None:
        ids = {notification.incident for notification in told if notification.incident}
        incidents = tuple(Incident(i, "r", IncidentState.OPEN, "critical", False, 0.0) for i in ids)
        await self.store.commit(Changes(incidents=incidents, notifications=told))

    async def states(self, incident: int = 1) -> list[tuple[str, str, int]]:
        rows = await self.store.notifications(incident)
        return [(row.notification.channel, row.state.value, row.attempts) for row in rows]

    async def at(self, now: float) -> None:
        self.now = now
        await self.deliverer.deliver_due()


def notification(contact: str = "a", channel: str = "chat", **fields: object) -> Notification:
    plain = {"incident": 1, "kind": NotificationKind.PAGE, "subject": "Sự cố", "body": "Mất kết nối"}
    key = f"1/{fields.get('kind', 'page')}/0/{contact}/{channel}"
    values = {"key": key, "created_at": 1000.0, **plain, **fields}
    return Notification(contact=contact, channel=channel, **values)  # type: ignore[arg-type]


@pytest.fixture
async def office(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Office]:
    monkeypatch.setattr(dialect, "BUSY_TIMEOUT_S", 0.05)
    path = tmp_path / "linkwatch.db"
    store = await Store.open(f"sqlite:///{path}", instance="test")
    desks = {name: Desk() for name in ("chat", "sms", "mail")}
    people = {
        name: Contact(name, name, language=language, channels=dict.fromkeys(desks, f"secret-of-{name}"))
        for name, language in (("a", "vi"), ("b", "vi"), ("c", "en"))
    }
    ways = {name: Way(desk, deadline_s=0.05) for name, desk in desks.items()}
    office = Office(store, None, desks, path)  # type: ignore[arg-type]
    office.deliverer = Deliverer(store, Channels(ways, people), now=lambda: office.now, random=Random(1))
    yield office
    await store.close()


async def test_a_page_is_sent_once_and_recorded(office: Office) -> None:
    await office.commit(notification())
    await office.at(1000)
    await office.at(2000)
    assert office.desks["chat"].bodies == ["Mất kết nối"]
    assert office.desks["chat"].sent[0].to == "secret-of-a"
    assert await office.states() == [("chat", "delivered", 1)]
    (event,) = await office.store.timeline(1)
    assert (event.kind, event.at) == ("delivered", 1000)


async def test_a_refused_page_is_sent_again_and_marked(office: Office) -> None:
    office.desks["chat"].answers["secret-of-a"] = [REFUSED]
    await office.commit(notification())
    await office.at(1000)
    await office.at(1000.7)
    assert await office.states() == [("chat", "queued", 1)]
    await office.at(1001.3)
    assert office.desks["chat"].bodies == ["Mất kết nối", "(gửi lại) Mất kết nối"]
    assert office.desks["chat"].sent[1].subject == "(gửi lại) Sự cố"
    assert await office.states() == [("chat", "delivered", 2)]


async def test_a_hung_page_is_sent_again_in_the_reader_s_language(office: Office) -> None:
    office.desks["chat"].answers["secret-of-c"] = [HANG]
    await office.commit(notification("c"))
    await office.at(1000)
    await office.at(1002)
    assert office.desks["chat"].bodies == ["Mất kết nối", "(repeat) Mất kết nối"]


@pytest.mark.parametrize("threads", ["_writing", "_reading"])
async def test_a_page_whose_lease_hangs_goes_out_from_memory_once(
    office: Office, monkeypatch: pytest.MonkeyPatch, threads: str
) -> None:
    monkeypatch.setattr(store_module, "CLAIM_DEADLINE_S", 0.1)
    await office.commit(notification())
    office.deliverer.poke([notification()])
    disk = Event()
    hung = [asyncio.create_task(getattr(office.store, threads).run(disk.wait)) for _ in range(READERS)]
    await asyncio.sleep(0)
    try:
        await office.at(1000)
        await eventually(lambda: office.desks["chat"].bodies == ["(chưa lưu) Mất kết nối"])
    finally:
        disk.set()
    await asyncio.gather(*hung)
    await office.at(1010)
    assert office.desks["chat"].bodies == ["(chưa lưu) Mất kết nối"]
    assert [state for _, state, _ in await office.states()] == ["delivered"]


async def test_a_page_behind_one_that_cannot_be_recorded_goes_out_from_memory_once(office: Office) -> None:
    """The disk is full or locked: the outbox can be read, but nothing can be written."""
    pages = [notification("a"), notification("b")]
    await office.commit(*pages)
    office.deliverer.poke(pages)
    desk = office.desks["chat"]
    with failing_after(office, desk, "send"):
        working = asyncio.create_task(office.deliverer.deliver_due())
        await reached(lambda: desk.bodies == ["Mất kết nối", "(chưa lưu) Mất kết nối"])
    await working
    await office.at(1010)
    assert len(desk.sent) == 2
    assert [state for _, state, _ in await office.states()] == ["delivered", "delivered"]


@pytest.mark.parametrize(("permanent", "channel"), [(False, "chat"), (True, "mail")])
async def test_what_is_still_to_be_sent_goes_out_from_memory_when_the_store_fails(
    office: Office, permanent: bool, channel: str
) -> None:
    """A second attempt, and an attempt over the next channel."""
    office.desks["chat"].answers["secret-of-a"] = [Failed(permanent, "HTTP 500")]
    await office.commit(notification(fallback=("mail",)))
    with failing_after(office, office.store, "settle"):
        await office.at(1000)
        await office.at(1002)
        await reached(lambda: office.desks[channel].bodies[-1:] == ["(chưa lưu) Mất kết nối"])
    await office.at(1010)
    assert sum(len(desk.sent) for desk in office.desks.values()) == 2
    assert (await office.states())[-1][:2] == (channel, "delivered")


async def test_the_mark_of_a_plain_sms_is_plain(office: Office) -> None:
    office.desks["sms"].answers["secret-of-a"] = [REFUSED]
    await office.commit(notification(channel="sms", subject="", body="Mat ket noi #1"))
    await office.at(1000)
    await office.at(1002)
    assert office.desks["sms"].bodies[1] == "(gui lai) Mat ket noi #1"
    assert office.desks["sms"].sent[1].subject == ""


async def test_a_marked_sms_is_still_one_message_and_keeps_what_it_ends_with(office: Office) -> None:
    office.desks["sms"].answers["secret-of-a"] = [REFUSED]
    tail = " #17 https://lw.example/incidents/17"
    await office.commit(notification(channel="sms", subject="", body="x" * (160 - len(tail)) + tail))
    await office.at(1000)
    await office.at(1002)
    marked = office.desks["sms"].bodies[1]
    assert len(marked) == 160
    assert marked.startswith("(gui lai) x")
    assert marked.endswith("..." + tail)


async def test_a_resolved_message_that_hung_is_not_sent_again(office: Office) -> None:
    office.desks["chat"].answers["secret-of-a"] = [HANG]
    await office.commit(notification(kind=NotificationKind.RESOLVED))
    for now in (1000, 1500, 5000):
        await office.at(now)
    assert len(office.desks["chat"].sent) == 1
    assert await office.states() == [("chat", "unknown", 1)]


async def test_the_next_channel_takes_over_within_seconds(office: Office) -> None:
    office.desks["chat"].answers["secret-of-a"] = [REFUSED] * 9
    await office.commit(notification(fallback=("sms", "mail")))
    for second in range(1000, 1012):
        await office.at(second)
    assert await office.states() == [("chat", "failed", 4), ("sms", "delivered", 1)]
    assert office.desks["sms"].bodies == ["Su co"]


async def test_a_contact_without_the_channel_gets_the_next_one_at_once(office: Office) -> None:
    await office.commit(notification(channel="pager", fallback=("chat",)))
    await office.at(1000)
    assert await office.states() == [("pager", "failed", 1), ("chat", "delivered", 1)]


async def test_ten_hung_sends_delay_no_other_channel_and_no_other_contact(office: Office) -> None:
    office.desks["chat"].answers["secret-of-a"] = [HANG] * 100
    hung = [notification(key=f"1/page/{i}/a/chat", incident=i + 1) for i in range(10)]
    await office.commit(*hung)
    running = asyncio.create_task(office.deliverer.run())
    await reached(lambda: len(office.desks["chat"].sent) >= 2)
    await office.commit(notification("b", "sms"), notification("b", "chat"))
    office.deliverer.poke()
    await reached(lambda: "secret-of-b" in [it.to for it in office.desks["sms"].sent])
    await reached(lambda: "secret-of-b" in [it.to for it in office.desks["chat"].sent])
    assert len(office.desks["chat"].sent) < 10
    await stop(running)


async def test_a_poke_sends_at_once(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deliver, "POLL_S", 3600.0)
    running = asyncio.create_task(office.deliverer.run())
    await asyncio.sleep(0.05)
    for i in range(1, 4):
        await office.commit(notification(key=f"{i}", incident=i))
        office.deliverer.poke()
        await reached(lambda expected=i: len(office.desks["chat"].sent) == expected)
    await stop(running)


async def test_after_a_crash_the_message_in_flight_is_sent_again_and_marked(office: Office) -> None:
    await office.commit(notification())
    await office.store.lease("chat", now=office.now, deadline_s=10)
    running = asyncio.create_task(office.deliverer.run())
    await reached(lambda: office.desks["chat"].bodies == ["(gửi lại) Mất kết nối"])
    await stop(running)


async def test_a_stop_lets_the_message_in_flight_end(office: Office) -> None:
    office.desks["chat"].answers["secret-of-a"] = [HANG]
    await office.commit(notification(fallback=("sms",)))
    running = asyncio.create_task(office.deliverer.run())
    await reached(lambda: len(office.desks["chat"].sent) == 1)
    await stop(running)
    assert await office.states() == [("chat", "queued", 1)]


async def test_outcomes_are_counted_from_zero(office: Office) -> None:
    assert office.deliverer.outcomes["mail", "failed"] == 0
    assert ("mail", "failed") in office.deliverer.outcomes
    office.desks["chat"].answers["secret-of-a"] = [REFUSED]
    await office.commit(notification(), notification("b", "pager"))
    await office.at(1000)
    await office.at(1002)
    counted = {key: count for key, count in office.deliverer.outcomes.items() if count}
    assert counted == {("chat", "retried"): 1, ("chat", "delivered"): 1, ("pager", "failed"): 1}


async def test_delivery_waits_for_a_locked_store_and_complains_once(
    office: Office, caplog: pytest.LogCaptureFixture
) -> None:
    await office.commit(notification())
    with locked(office.path) as lock:
        for _ in range(3):
            await office.deliverer.deliver_due()
        assert office.desks["chat"].sent == []
        lock.execute("ROLLBACK")
    await office.deliverer.deliver_due()
    assert office.desks["chat"].bodies == ["Mất kết nối"]
    assert caplog.text.count("delivery waits") == 1


async def test_a_page_goes_out_from_memory_when_the_store_cannot_keep_it(office: Office) -> None:
    told = notification()
    await office.deliverer.send_undurable([told])
    await office.deliverer.send_undurable([told])
    await reached(lambda: office.desks["chat"].bodies == ["(chưa lưu) Mất kết nối"])
    await office.commit(told)
    await office.at(1000)
    assert len(office.desks["chat"].sent) == 1
    assert await office.states() == [("chat", "delivered", 1)]


async def test_from_memory_too_the_next_channel_takes_over(office: Office) -> None:
    await office.deliverer.send_undurable([notification(channel="pager", fallback=("mail",))])
    await reached(lambda: office.desks["mail"].bodies == ["(chưa lưu) Mất kết nối"])


async def test_logs_name_ids_and_no_address(office: Office, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    office.desks["chat"].answers["secret-of-a"] = [REFUSED, HANG]
    await office.commit(notification())
    for now in (1000, 1002, 1010):
        await office.at(now)
    assert "1/page/0/a/chat to a over chat: failed: HTTP 500" in caplog.text
    assert "secret-of" not in caplog.text


def locked(path: Path) -> closing[sqlite3.Connection]:
    """Another process's write lock on the database."""
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    return closing(other)


@contextmanager
def failing_after(office: Office, part: Desk | Store, method: str) -> Iterator[None]:
    """Nothing can be written to the store from the moment when the method of that name ends."""
    work = getattr(part, method)
    with ExitStack() as lock:

        async def fail_after(*args: object) -> object:
            result = await work(*args)
            setattr(part, method, work)
            lock.enter_context(locked(office.path))
            return result

        setattr(part, method, fail_after)
        yield


async def reached(condition: object, within_s: float = 5.0) -> None:
    async with asyncio.timeout(within_s):
        while not condition():  # type: ignore[operator]  # noqa: ASYNC110 - set by another task's await
            await asyncio.sleep(0.005)


async def stop(task: asyncio.Task[None]) -> None:
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
