"""Alerts, incidents and timelines come back as they were put in."""

from __future__ import annotations

import asyncio
import math
from dataclasses import fields, replace

import pytest

from linkwatch.core.records import Alert, Changes, Event, Incident, IncidentState
from linkwatch.store import tables
from linkwatch.store.errors import StoreError
from linkwatch.store.store import Store
from tests.store.conftest import OpenStore
from tests.store.samples import ALERT, INCIDENT, incident, notification, page


@pytest.mark.parametrize(("record", "table"), [(Alert, tables.alerts), (Incident, tables.incidents)])
def test_every_field_of_a_record_has_a_column(record: type, table: tables.Table) -> None:
    assert [field.name for field in fields(record)] == list(table.c.keys())


async def test_a_new_store_is_empty(store: Store) -> None:
    stored = await store.load()
    assert (stored.alerts, stored.incidents, stored.next_incident_id) == ((), (), 1)


async def test_everything_survives_a_restart(open_store: OpenStore) -> None:
    first = await open_store()
    await first.commit(Changes(alerts=(ALERT,), incidents=(INCIDENT,)))
    await first.close()
    stored = await (await open_store()).load()
    assert stored.alerts == (ALERT,)
    assert stored.incidents == (INCIDENT,)
    assert stored.next_incident_id == 18


@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan, 1e-300])
async def test_every_float_is_a_value(store: Store, value: float) -> None:
    await store.commit(Changes(alerts=(replace(ALERT, value=value),)))
    (alert,) = (await store.load()).alerts
    assert alert.value == value or (math.isnan(value) and math.isnan(alert.value))


async def test_an_alert_is_overwritten_and_removed_by_id(store: Store) -> None:
    await store.commit(Changes(alerts=(ALERT, replace(ALERT, id="other"))))
    await store.commit(Changes(alerts=(replace(ALERT, value=2.0),), gone_alerts=("other", "never-seen")))
    assert (await store.load()).alerts == (replace(ALERT, value=2.0),)


async def test_resolved_incidents_are_kept_but_not_loaded(store: Store) -> None:
    resolved = replace(INCIDENT, state=IncidentState.RESOLVED, resolved_at=500.0, due_at=None)
    await store.commit(Changes(incidents=(resolved, incident(3))))
    stored = await store.load()
    assert [it.id for it in stored.incidents] == [3]
    assert stored.next_incident_id == 18
    assert await store.incident(17) == resolved
    assert await store.incident(99) is None


async def test_incidents_come_in_pages_newest_first(store: Store) -> None:
    await store.commit(Changes(incidents=tuple(incident(i) for i in range(1, 8))))
    first = await store.incidents(limit=3)
    second = await store.incidents(limit=3, before_id=first[-1].id)
    assert [it.id for it in first + second] == [7, 6, 5, 4, 3, 2]


async def test_incidents_are_found_by_state(store: Store) -> None:
    acknowledged = incident(2, state=IncidentState.ACKNOWLEDGED)
    await store.commit(Changes(incidents=(incident(1), acknowledged)))
    assert await store.incidents(states=[IncidentState.ACKNOWLEDGED]) == (acknowledged,)
    assert await store.incidents(states=[]) == ()


async def test_due_incidents_come_longest_overdue_first(store: Store) -> None:
    due = (incident(1, due_at=20.0), incident(2, due_at=10.0), incident(3, due_at=30.5), incident(4))
    await store.commit(Changes(incidents=due))
    assert await store.due_incidents(30.0) == (2, 1)


async def test_a_timeline_keeps_its_order(store: Store) -> None:
    events = tuple(Event(17, at, "note", {"text": f"ghi chú {at}"}) for at in (5.0, 3.0, 4.0))
    await store.commit(Changes(incidents=(INCIDENT,), events=events))
    assert await store.timeline(17) == events


async def test_a_decision_that_cannot_be_stored_leaves_nothing_behind(store: Store) -> None:
    orphan = Event(404, 1.0, "note")
    with pytest.raises(StoreError):
        await store.commit(replace(page(1), alerts=(ALERT,), events=(orphan,)))
    assert not store.healthy
    assert (await store.load()).alerts == ()
    assert await store.incidents() == ()
    await store.commit(page(1))
    assert store.healthy


async def test_a_text_that_is_not_unicode_is_a_clear_error(store: Store) -> None:
    with pytest.raises(StoreError, match="not valid Unicode"):
        await store.commit(Changes(notifications=(notification("a", body="\udcff"),)))


async def test_a_cancelled_commit_is_still_committed(store: Store) -> None:
    waiting = [asyncio.create_task(store.commit(page(i))) for i in range(1, 21)]
    await asyncio.sleep(0)
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    await store.commit(page(21))
    assert len(await store.incidents(limit=100)) == 21
