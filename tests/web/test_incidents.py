"""Incidents over the API: who was told, and what may be done."""

from __future__ import annotations

import json

from linkwatch.core.records import Changes, Delivery, Event, IncidentState
from linkwatch.store.outbox import Settlement
from tests.web.asking import get, items
from tests.web.world import NOW, alert, incident, page


async def test_an_incident_tells_who_was_told_by_name_and_never_by_address(client, world, viewer):
    opened = Event(17, NOW - 90, "opened", {"root": "link-ham-rong", "severity": "critical"})
    notifications = (page(17, "vnpt-duty", "sms"), page(17, "it-duty", "chat"))
    await world.store.commit(
        Changes(incidents=(incident(17, "link-ham-rong"),), events=(opened,), notifications=notifications)
    )
    leased = await world.store.lease("sms", now=NOW, deadline_s=10)
    assert leased is not None
    await world.store.settle(leased, Settlement(Delivery.DELIVERED, NOW))
    firing = alert("TargetDown", "link-ham-rong", "critical")
    world.alerts[firing.id] = firing
    answer = await get(client, "/api/v1/incidents/17", viewer)
    assert {
        k: answer[k] for k in ("id", "state", "root", "targets", "fault_owner", "opened_at", "resolved_at")
    } == {
        "id": 17,
        "state": "open",
        "root": "link-ham-rong",
        "targets": ["link-ham-rong"],
        "fault_owner": "vnpt",
        "opened_at": "2021-05-04T08:28:30.000Z",
        "resolved_at": None,
    }
    assert answer["alerts"] == [
        {
            "id": "TargetDown/link-ham-rong",
            "rule": "TargetDown",
            "state": "firing",
            "severity": "critical",
            "target": "link-ham-rong",
        }
    ]
    assert answer["timeline"][0]["kind"] == "opened"
    told = {
        row["name"]: (row["channel"], row["state"], row["delivered_at"]) for row in answer["notifications"]
    }
    assert told == {
        "Trực VNPT": ("sms", "delivered", "2021-05-04T08:30:00.000Z"),
        "Trực CNTT": ("chat", "queued", None),
    }
    assert "+849" not in json.dumps(answer)
    assert "SECRET" not in json.dumps(answer)


async def test_incidents_come_newest_first_by_state_and_in_pages(client, world, viewer):
    states = {
        1: IncidentState.RESOLVED,
        2: IncidentState.OPEN,
        3: IncidentState.ACKNOWLEDGED,
        4: IncidentState.OPEN,
    }
    await world.store.commit(
        Changes(incidents=tuple(incident(i, "portal", state=state) for i, state in states.items()))
    )

    async def ids(query):
        return [found["id"] for found in await items(client, f"/api/v1/incidents?{query}", viewer)]

    assert await ids("limit=1") == [4, 3, 2, 1]
    assert await ids("limit=1&state=open") == [4, 2]
    assert await ids("state=open,acknowledged") == [4, 3, 2]


async def test_an_operator_acknowledges_notes_and_resolves(client, world, key):
    operator = await key("operator")
    await world.store.commit(Changes(incidents=(incident(17, "portal"),)))
    async with client.post(
        "/api/v1/incidents/17/ack", json={"note": "đang đi"}, headers=operator
    ) as response:
        answer = await response.json()
    assert (answer["state"], answer["acknowledged_by"]) == ("acknowledged", "khóa operator")
    async with client.post(
        "/api/v1/incidents/17/note", json={"text": "đã tới"}, headers=operator
    ) as response:
        assert (await response.json())["timeline"][-1]["detail"]["note"] == "đã tới"
    async with client.post("/api/v1/incidents/17/resolve", headers=operator) as response:
        assert (await response.json())["state"] == "resolved"
    async with client.post("/api/v1/incidents/17/ack", headers=operator) as response:
        assert response.status == 409
        assert (await response.json())["detail"] == "incident #17 is resolved"


# What a partner sees
