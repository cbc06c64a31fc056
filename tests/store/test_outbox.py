"""Who may send which message, when, and what is left of it afterwards."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from linkwatch.core.records import Changes, Delivery, Event, IncidentState, NotificationKind
from linkwatch.store.outbox import Settlement
from linkwatch.store.store import LEASE_MARGIN_S, Store
from tests.store.conftest import OpenStore
from tests.store.samples import ALERT, incident, notification, page

DEADLINE_S = 10.0
DELIVERED = Settlement(Delivery.DELIVERED, at=1.0)


async def test_a_message_is_leased_once_and_settled(store: Store) -> None:
    await store.commit(page(1))
    assert await store.due_recipients(0.0) == (("chat", "it-duty"),)
    leased = await store.lease("chat", now=0.0, deadline_s=DEADLINE_S)
    assert leased is not None
    assert leased.notification == page(1).notifications[0]
    assert (leased.attempts, leased.repeated) == (1, False)
    assert await store.lease("chat", now=0.0, deadline_s=DEADLINE_S) is None
    assert await store.settle(leased, replace(DELIVERED, event=Event(1, 1.0, "delivered")))
    (row,) = await store.notifications(1)
    assert (row.state, row.attempts, row.delivered_at) == (Delivery.DELIVERED, 1, 1.0)
    assert [event.kind for event in await store.timeline(1)] == ["delivered"]


async def test_the_same_key_is_the_same_message(store: Store) -> None:
    await store.commit(page(1))
    await store.commit(page(1, subject="another text"))
    (row,) = await store.notifications(1)
    assert row.notification.subject == "Sự cố"


async def test_a_message_without_incident_needs_none(store: Store) -> None:
    await store.commit(
        Changes(notifications=(notification("test/it-duty/chat", kind=NotificationKind.TEST),))
    )
    leased = await store.lease("chat", now=0.0, deadline_s=DEADLINE_S)
    assert leased is not None
    assert leased.notification.incident == 0


async def test_a_failed_message_comes_back_when_it_is_due_and_is_marked(store: Store) -> None:
    await store.commit(page(1))
    leased = await store.lease("chat", now=0.0, deadline_s=DEADLINE_S)
    assert leased is not None
    await store.settle(leased, Settlement(Delivery.QUEUED, at=1.0, next_at=5.0, error="HTTP 500"))
    assert await store.due_recipients(4.9) == ()
    assert await store.lease("chat", now=4.9, deadline_s=DEADLINE_S) is None
    again = await store.lease("chat", now=5.0, deadline_s=DEADLINE_S)
    assert again is not None
    assert (again.attempts, again.repeated) == (2, True)
    assert (await store.notifications(1))[0].error == "HTTP 500"


async def test_the_fallback_is_queued_with_the_failure(store: Store) -> None:
    await store.commit(page(1))
    leased = await store.lease("chat", now=0.0, deadline_s=DEADLINE_S)
    assert leased is not None
    fallback = replace(leased.notification, key="1/page/0/it-duty/sms", channel="sms")
    await store.settle(leased, Settlement(Delivery.FAILED, at=1.0, error="gone", fallback=fallback))
    rows = await store.notifications(1)
    assert [(row.notification.channel, row.state) for row in rows] == [
        ("chat", Delivery.FAILED),
        ("sms", Delivery.QUEUED),
    ]


async def test_two_instances_never_send_the_same_message(open_store: OpenStore) -> None:
    a, b = await open_store("a"), await open_store("b")
    told = tuple(notification(f"k{i}", contact=f"c{i}") for i in range(40))
    await a.commit(Changes(notifications=told))
    claims = [store.lease("chat", now=0.0, deadline_s=DEADLINE_S) for _ in range(25) for store in (a, b)]
    leased = [row for row in await asyncio.gather(*claims) if row]
    assert sorted(row.notification.key for row in leased) == sorted(it.key for it in told)


async def test_an_abandoned_lease_goes_to_another_instance_after_its_time(open_store: OpenStore) -> None:
    a, b = await open_store("a"), await open_store("b")
    await a.commit(page(1))
    lost = await a.lease("chat", now=0.0, deadline_s=DEADLINE_S)
    assert lost is not None
    end = DEADLINE_S + LEASE_MARGIN_S
    assert await b.take_over(1.0) == 0
    assert await b.lease("chat", now=end, deadline_s=DEADLINE_S) is None
    taken = await b.lease("chat", now=end + 0.1, deadline_s=DEADLINE_S)
    assert taken is not None
    assert taken.repeated
    assert not await a.settle(lost, DELIVERED)
    assert await b.settle(taken, DELIVERED)


async def test_a_restarted_instance_takes_its_own_leases_at_once_and_marked(open_store: OpenStore) -> None:
    before = await open_store("a")
    await before.commit(page(1))
    await before.lease("chat", now=0.0, deadline_s=DEADLINE_S)
    await before.close()
    after = await open_store("a")
    assert await after.take_over(0.5) == 1
    leased = await after.lease("chat", now=0.5, deadline_s=DEADLINE_S)
    assert leased is not None
    assert leased.repeated


async def test_resolved_never_overtakes_the_page(store: Store) -> None:
    await store.commit(page(1))
    resolved = notification("1/resolved/0/it-duty/chat", incident=1, kind=NotificationKind.RESOLVED)
    await store.commit(Changes(notifications=(resolved, notification("other"))))
    first = await store.lease("chat", now=0.0, deadline_s=DEADLINE_S)
    assert first is not None
    await store.settle(first, Settlement(Delivery.QUEUED, at=0.0, next_at=60.0))
    second = await store.lease("chat", now=0.0, deadline_s=DEADLINE_S)
    assert second is not None
    assert second.notification.key == "other"
    await store.settle(second, DELIVERED)
    assert await store.due_recipients(1.0) == ()
    page_again = await store.lease("chat", now=60.0, deadline_s=DEADLINE_S)
    assert page_again is not None
    await store.settle(page_again, DELIVERED)
    last = await store.lease("chat", now=60.0, deadline_s=DEADLINE_S)
    assert last is not None
    assert last.notification == resolved


async def test_fresh_messages_go_before_those_that_failed(store: Store) -> None:
    await store.commit(Changes(notifications=(notification("old"),)))
    failed = await store.lease("chat", now=0.0, deadline_s=DEADLINE_S)
    assert failed is not None
    await store.settle(failed, Settlement(Delivery.QUEUED, at=0.0, next_at=1.0))
    await store.commit(Changes(notifications=(notification("new"),)))
    leased = await store.lease("chat", now=5.0, deadline_s=DEADLINE_S)
    assert leased is not None
    assert leased.notification.key == "new"


async def test_a_lane_serves_one_contact_or_all_but_some(store: Store) -> None:
    told = (notification("1", contact="slow"), notification("2", contact="quick"))
    await store.commit(Changes(notifications=told))
    others = await store.lease("chat", now=0.0, deadline_s=DEADLINE_S, exclude={"slow"})
    own = await store.lease("chat", now=0.0, deadline_s=DEADLINE_S, contact="slow")
    assert others is not None
    assert own is not None
    assert (others.notification.contact, own.notification.contact) == ("quick", "slow")


async def test_depth_and_age_of_the_outbox(store: Store) -> None:
    assert await store.oldest_queued_at() is None
    await store.commit(
        Changes(notifications=tuple(notification(str(i), created_at=7.0 + i) for i in range(3)))
    )
    leased = await store.lease("chat", now=0.0, deadline_s=DEADLINE_S)
    assert leased is not None
    assert await store.oldest_queued_at() == 7.0
    await store.settle(leased, DELIVERED)
    assert await store.oldest_queued_at() == 8.0
    depth = await store.outbox_depth()
    assert depth[Delivery.QUEUED] == 2
    assert depth[Delivery.DELIVERED] == 1
    assert set(depth) == set(Delivery)


async def test_settling_survives_an_incident_that_resolved_meanwhile(store: Store) -> None:
    await store.commit(page(1))
    leased = await store.lease("chat", now=0.0, deadline_s=DEADLINE_S)
    assert leased is not None
    await store.commit(Changes(incidents=(replace(incident(1), due_at=None),)))
    assert await store.settle(leased, replace(DELIVERED, event=Event(1, 2.0, "delivered")))


async def test_a_clock_that_was_set_makes_no_message_early_or_late(store: Store) -> None:
    await store.commit(page(1))
    leased = await store.lease("chat", now=9000.0, deadline_s=DEADLINE_S)
    assert leased is not None
    await store.settle(leased, Settlement(Delivery.QUEUED, at=9001.0, next_at=9005.0))
    await store.commit(page(2, "2/page/0/vnpt-duty/chat", contact="vnpt-duty"))
    await store.commit(Changes(moved_s=-3600.0))
    assert await store.due_recipients(5401.0) == (("chat", "vnpt-duty"),), "due at once stays so"
    again = await store.lease("chat", now=5405.0, deadline_s=DEADLINE_S, contact="it-duty")
    assert again is not None
    await store.commit(Changes(moved_s=3600.0))
    assert await store.lease("chat", now=9005.1, deadline_s=DEADLINE_S, contact="it-duty") is None, "leased"
    await store.settle(again, DELIVERED)
    await store.commit(Changes(moved_s=3600.0))
    assert (await store.notifications(1))[0].delivered_at == 1.0


async def test_a_start_knows_the_newest_time_in_the_rows(store: Store) -> None:
    assert (await store.load()).last_at == 0.0
    await store.commit(replace(page(1), events=(Event(1, 500.0, "opened"), Event(1, 480.0, "told"))))
    assert (await store.load()).last_at == 480.0, "the last one that was written"
    await store.commit(Changes(alerts=(replace(ALERT, true_at=700.0),)))
    assert (await store.load()).last_at == 700.0


async def test_what_is_over_is_no_witness_of_a_clock_that_was_set_back(store: Store) -> None:
    """Else every start would move the times of what still goes on once more."""
    over = replace(incident(1), state=IncidentState.RESOLVED)
    await store.commit(Changes(incidents=(over,), events=(Event(1, 9e9, "resolved"),)))
    assert (await store.load()).last_at == 0.0
    await store.commit(Changes(notifications=(replace(page(1).notifications[0], created_at=8000.0),)))
    assert (await store.load()).last_at == 8000.0, "an all-clear that is still to be sent"
    await store.commit(Changes(moved_s=-3600.0))
    assert (await store.load()).last_at == 4400.0
