"""What a partner sees and may do: its own, and nothing else exists."""

from __future__ import annotations

import pytest

from linkwatch.core.records import Changes, Event
from tests.web.asking import get, items
from tests.web.world import NOW, incident, page, reachability


@pytest.fixture
async def province(world):
    """VNPT's link is down; so is Viettel's, with VNPT's camera behind it; the portal is blamed on VNPT."""
    world.reachability = reachability(
        world.inventory,
        down=("link-ham-rong", "link-muong-lat"),
        covered={"camera-muong-lat": "link-muong-lat", "router-ham-rong": "link-ham-rong"},
    )
    incidents = (
        incident(17, "link-ham-rong", impact=("router-ham-rong",)),
        incident(18, "link-muong-lat", fault_owner="viettel", impact=("camera-muong-lat",)),
        incident(19, "camera-muong-lat", covered_since=NOW, covered_by="link-muong-lat"),
        incident(20, "portal", fault_owner="vnpt"),
        incident(21, "router-ham-rong", fault_owner="it-centre"),
    )
    events = (
        Event(17, NOW, "opened", {"root": "link-ham-rong"}),
        Event(17, NOW, "impact", {"targets": "router-ham-rong, portal"}),
        Event(17, NOW, "told", {"step": "1", "receivers": "it-duty/chat, vnpt-duty/sms"}),
        Event(17, NOW, "delivered", {"contact": "it-duty", "channel": "chat"}),
        Event(17, NOW, "delivered", {"contact": "vnpt-duty", "channel": "sms"}),
    )
    notifications = (page(17, "vnpt-duty", "sms"), page(17, "it-duty", "chat"))
    await world.store.commit(Changes(incidents=incidents, events=events, notifications=notifications))


async def test_a_partner_sees_its_own_targets_and_nothing_else_exists(client, province, vnpt):
    assert {target["id"] for target in await items(client, "/api/v1/targets", vnpt)} == {
        "link-ham-rong",
        "camera-muong-lat",
    }
    assert {part["id"] for part in (await get(client, "/api/v1/summary", vnpt))["components"]} == {
        "link-ham-rong",
        "camera-muong-lat",
    }
    theirs = await client.get("/api/v1/targets/link-muong-lat", headers=vnpt)
    nothing = await client.get("/api/v1/targets/no-such-thing", headers=vnpt)
    assert theirs.status == nothing.status == 404
    assert await theirs.text() == await nothing.text()
    assert await items(client, "/api/v1/targets?owner=viettel", vnpt) == []


async def test_a_partner_sees_incidents_about_its_targets_and_those_it_answers_for(client, province, vnpt):
    assert [found["id"] for found in await items(client, "/api/v1/incidents?limit=2", vnpt)] == [20, 19, 17]
    for number in (18, 21):
        assert (await client.get(f"/api/v1/incidents/{number}", headers=vnpt)).status == 404
        assert (await client.post(f"/api/v1/incidents/{number}/ack", headers=vnpt)).status == 404


async def test_nothing_of_others_leaks_to_a_partner(client, province, vnpt):
    whole = [
        await client.get(path, headers=vnpt)
        for path in (
            "/api/v1/summary",
            "/api/v1/targets",
            "/api/v1/targets/camera-muong-lat",
            "/api/v1/incidents/17",
            "/api/v1/incidents/19",
            "/",
            "/incidents/17",
            "/incidents/19",
        )
    ]
    text = "".join([await response.text() for response in whole])
    for hidden in (
        "link-muong-lat",
        "Kênh Mường Lát",
        "router-ham-rong",
        "it-duty",
        "Trực CNTT",
        "Trực Viettel",
    ):
        assert hidden not in text


async def test_the_cause_of_a_partners_outage_stays_an_upstream_without_a_name(client, province, vnpt):
    answer = await get(client, "/api/v1/targets/camera-muong-lat", vnpt)
    assert (answer["status"], answer["cause"]) == ("major_outage", {"kind": "upstream", "reference": None})
    assert answer["upstreams"] == []


async def test_a_partner_acknowledges_and_notes_but_does_not_resolve(client, province, vnpt):
    assert (await client.post("/api/v1/incidents/17/ack", headers=vnpt)).status == 200
    assert (
        await client.post("/api/v1/incidents/20/note", json={"text": "kỹ thuật đang đến"}, headers=vnpt)
    ).status == 200
    assert (await client.post("/api/v1/incidents/17/resolve", headers=vnpt)).status == 403


# Caching
