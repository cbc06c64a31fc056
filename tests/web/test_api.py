from __future__ import annotations

import json
import logging
from dataclasses import replace

import pytest

from linkwatch.core.inventory import Circuit
from linkwatch.core.records import Changes, Delivery, Event, IncidentState
from linkwatch.store.errors import StoreError
from linkwatch.store.outbox import Settlement
from linkwatch.web.openapi import describe, plain_path
from linkwatch.web.routes import ROUTES
from linkwatch.web.server import BODY_SIZE_MAX
from linkwatch.web.services import Health
from tests.web.world import NOW, alert, incident, page, reachability


@pytest.fixture
async def viewer(key):
    return await key("viewer")


@pytest.fixture
async def vnpt(key):
    return await key("partner", "vnpt")


async def get(client, path, headers):
    async with client.get(path, headers=headers) as response:
        assert response.status == 200, await response.text()
        return await response.json()


async def items(client, path, headers):
    """Every item over all pages."""
    found, cursor = [], None
    while True:
        joint = "&" if "?" in path else "?"
        answer = await get(client, f"{path}{joint}cursor={cursor}" if cursor else path, headers)
        found += answer["items"]
        cursor = answer["next_cursor"]
        if cursor is None:
            return found


async def test_the_summary_speaks_statuspage_and_names_causes(client, world, viewer):
    world.reachability = reachability(
        world.inventory, down=("link-ham-rong",), covered={"router-ham-rong": "link-ham-rong"}
    )
    found = alert("PacketLoss", "portal", "warning")
    world.alerts[found.id] = found
    answer = await get(client, "/api/v1/summary", viewer)
    statuses = {part["id"]: (part["status"], part["cause"]) for part in answer["components"]}
    assert answer["status"] == "major_outage"
    assert statuses == {
        "link-ham-rong": ("major_outage", {"kind": "down", "reference": None}),
        "router-ham-rong": ("major_outage", {"kind": "upstream", "reference": "link-ham-rong"}),
        "link-muong-lat": ("operational", {"kind": "none", "reference": None}),
        "camera-muong-lat": ("operational", {"kind": "none", "reference": None}),
        "portal": ("degraded_performance", {"kind": "alert", "reference": "PacketLoss"}),
    }
    assert answer["counts"]["operational"] == 2
    assert answer["data_age_s"] == 0.4


async def test_isolated_and_stale_are_said(client, world, viewer):
    world.reachability = reachability(world.inventory, isolated=True)
    world.health = Health(ok=False, reasons=("the store cannot be written",), data_age_s=9.0)
    answer = await get(client, "/api/v1/summary", viewer)
    assert (answer["status"], answer["isolated"], answer["stale"], answer["healthy"]) == (
        "unknown",
        True,
        True,
        False,
    )


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", {"camera-muong-lat", "link-ham-rong", "link-muong-lat", "portal", "router-ham-rong"}),
        ("?kind=link", {"link-ham-rong", "link-muong-lat"}),
        ("?owner=vnpt&site=muong-lat", {"camera-muong-lat"}),
        ("?status=major_outage", {"link-ham-rong"}),
        ("?limit=2", {"camera-muong-lat", "link-ham-rong", "link-muong-lat", "portal", "router-ham-rong"}),
        ("?owner=nobody", set()),
    ],
)
async def test_targets_are_filtered_and_come_in_pages_by_id(client, world, viewer, query, expected):
    world.reachability = reachability(world.inventory, down=("link-ham-rong",))
    found = [target["id"] for target in await items(client, f"/api/v1/targets{query}", viewer)]
    assert found == sorted(expected)


async def test_a_target_has_its_values_objectives_and_incidents(client, world, viewer):
    target = replace(world.inventory.targets["link-ham-rong"], circuit=Circuit("38TH0123", 1e8))
    world.inventory = replace(world.inventory, targets={**world.inventory.targets, target.id: target})
    column = world.board.column("linkwatch_icmp_loss_ratio")
    column.set({**target.labels(), "window": "1m"}, 0.25, NOW)
    column.set({**target.labels(), "window": "5m"}, float("nan"), NOW)
    await world.store.commit(Changes(incidents=(incident(17, "link-ham-rong"), incident(18, "portal"))))
    answer = await get(client, "/api/v1/targets/link-ham-rong", viewer)
    assert answer["values"] == [
        {
            "metric": "linkwatch_icmp_loss_ratio",
            "labels": {"window": window},
            "value": value,
            "measured_at": "2021-05-04T08:30:00.000Z",
        }
        for window, value in (("1m", 0.25), ("5m", None))
    ]
    assert answer["objectives"]["loss_ratio"] == 0.01
    assert answer["circuit"] == {"id": "38TH0123", "bandwidth_bps": 1e8}
    assert answer["open_incidents"] == [17]


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


async def test_an_unchanged_answer_is_not_sent_twice(client, world, viewer):
    first = await client.get("/api/v1/summary", headers=viewer)
    world.health = Health(ok=True, data_age_s=1.4)
    again = await client.get("/api/v1/summary", headers={**viewer, "If-None-Match": first.headers["ETag"]})
    assert first.headers["ETag"].startswith('W/"')
    assert (again.status, await again.text()) == (304, "")
    for name in ("ETag", "Cache-Control", "Vary"):
        assert again.headers[name] == first.headers[name]
    assert first.headers["Cache-Control"] == "private, no-cache"
    assert "Authorization" in first.headers["Vary"]


@pytest.mark.parametrize("form", ['"{}"', 'W/"{}"', '"other", W/"{}"', "*"])
async def test_tags_are_compared_weakly(client, viewer, form):
    tag = (await client.get("/api/v1/targets", headers=viewer)).headers["ETag"].removeprefix("W/").strip('"')
    again = await client.get("/api/v1/targets", headers={**viewer, "If-None-Match": form.format(tag)})
    assert again.status == 304


async def test_a_change_and_another_scope_have_other_tags(client, world, viewer, vnpt):
    first = await client.get("/api/v1/summary", headers=viewer)
    partner = await client.get("/api/v1/summary", headers={**vnpt, "If-None-Match": first.headers["ETag"]})
    assert partner.status == 200
    world.reachability = reachability(world.inventory, down=("portal",))
    changed = await client.get("/api/v1/summary", headers={**viewer, "If-None-Match": first.headers["ETag"]})
    assert changed.status == 200


# Problems


@pytest.mark.parametrize(
    ("method", "path", "data", "status"),
    [
        ("GET", "/nothing", None, 404),
        ("GET", "/api/v1/targets/nothing", None, 404),
        ("GET", "/api/v1/incidents/999999999999999", None, 404),
        ("GET", "/api/v1/incidents/9999999999999999999999", None, 404),
        ("GET", "/api/v1/incidents/abc", None, 404),
        ("GET", "/static/../server.py", None, 404),
        ("GET", "/static/%2e%2e%2fserver.py", None, 404),
        ("DELETE", "/api/v1/summary", None, 405),
        ("GET", "/api/v1/incidents/17/ack", None, 405),
        ("GET", "/api/v1/targets?knid=link", None, 400),
        ("GET", "/api/v1/targets?kind=links", None, 400),
        ("GET", "/api/v1/targets?kind=link&kind=host", None, 400),
        ("GET", "/api/v1/targets?limit=0", None, 400),
        ("GET", "/api/v1/targets?limit=²", None, 400),
        ("GET", "/api/v1/targets?cursor=%25%25", None, 400),
        ("GET", "/api/v1/incidents?state=closed", None, 400),
        ("GET", "/api/v1/incidents?cursor=YWJj", None, 400),
        ("POST", "/api/v1/incidents/17/ack", b"{", 400),
        ("POST", "/api/v1/incidents/17/ack", b"[1]", 400),
        ("POST", "/api/v1/incidents/17/ack", b'{"by": "x"}', 400),
        ("POST", "/api/v1/incidents/17/ack", b"\xff\xfe", 400),
        ("POST", "/api/v1/incidents/17/note", b"{}", 400),
        ("POST", "/api/v1/incidents/17/note", b'{"text": "\\u0000"}', 400),
        ("POST", "/api/v1/incidents/17/note", b'{"text": "\\ud800"}', 400),
        ("POST", "/api/v1/incidents/17/note", json.dumps({"text": "x" * 1001}).encode(), 413),
        ("POST", "/api/v1/incidents/17/note", b" " * (BODY_SIZE_MAX + 1), 413),
    ],
)
async def test_every_mistake_is_a_problem(client, world, key, method, path, data, status):
    await world.store.commit(Changes(incidents=(incident(17, "portal"),)))
    response = await client.request(method, path, data=data, headers=await key("admin"))
    answer = await response.json(content_type="application/problem+json")
    assert (response.status, answer["status"]) == (status, status)
    assert answer["type"] == "about:blank"
    assert answer["title"]
    assert answer["detail"]
    if status == 405:
        assert response.headers["Allow"]


async def test_a_fault_of_our_own_shows_no_traceback(client, world, viewer, monkeypatch, caplog):
    def fail():
        raise RuntimeError("secret detail")

    monkeypatch.setattr(type(world.board.texts), "find", lambda *_: fail())
    with caplog.at_level(logging.CRITICAL):
        response = await client.get("/api/v1/targets/portal", headers=viewer)
    answer = await response.text()
    assert response.status == 500
    assert response.content_type == "application/problem+json"
    assert "secret detail" not in answer
    assert "Traceback" not in answer


async def test_a_store_that_cannot_be_read_is_unavailable(client, world, viewer, monkeypatch, caplog):
    async def locked(*_, **__):
        raise StoreError("the store /var/lib/secret.db is locked")

    monkeypatch.setattr(world.store, "incidents", locked)
    with caplog.at_level(logging.CRITICAL):
        response = await client.get("/api/v1/incidents", headers=viewer)
    assert response.status == 503
    assert "secret.db" not in await response.text()


# Machines


async def test_health_and_readiness_have_no_body(client, world):
    for path in ("/healthz", "/readyz"):
        response = await client.get(path)
        assert (response.status, await response.read()) == (200, b"")
    world.health, world.reachability = Health(ok=False), None
    assert (await client.get("/healthz")).status == 503
    assert (await client.get("/readyz")).status == 503


async def test_metrics_are_the_board_in_prometheus_format(client, world):
    world.board.column("linkwatch_isolated").set({}, 0.0, NOW)
    response = await client.get("/metrics")
    assert response.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert "\nlinkwatch_isolated 0\n" in await response.text()
    async with client.head("/metrics") as head:
        assert (head.status, await head.read()) == (200, b"")


def test_the_description_holds_every_route_with_its_roles_and_parameters():
    paths = describe(ROUTES)["paths"]
    described = {(method.upper(), path) for path, methods in paths.items() for method in methods}
    assert described == {(route.method, plain_path(route.path)) for route in ROUTES}
    assert not any(":" in path for path in paths)
    for route in ROUTES:
        operation = paths[plain_path(route.path)][route.method.lower()]
        assert operation["x-roles"] == sorted(route.access.roles)
        assert operation["summary"]


async def test_answers_have_exactly_the_described_fields(client, world, key):
    world.alerts["TargetDown/portal"] = alert("TargetDown", "portal", "critical")
    world.board.column("linkwatch_up").set(world.inventory.targets["portal"].labels(), 1.0, NOW)
    event = Event(17, NOW, "opened", {"root": "portal"})
    await world.store.commit(
        Changes(
            incidents=(incident(17, "portal"),), events=(event,), notifications=(page(17, "it-duty", "chat"),)
        )
    )
    admin = await key("admin")
    document = await get(client, "/openapi.json", admin)
    for route in ROUTES:
        if route.answer and route.method == "GET":
            path = plain_path(route.path).replace("{id}", "17" if "incidents" in route.path else "portal")
            check_shape(
                await get(client, path, admin), {"$ref": f"#/components/schemas/{route.answer}"}, document
            )


def check_shape(value, schema, document):
    """Objects have exactly the described fields, all the way down."""
    if "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    if isinstance(value, dict) and "properties" in schema:
        assert sorted(value) == sorted(schema["properties"])
        for name, part in value.items():
            check_shape(part, schema["properties"][name], document)
    elif isinstance(value, list):
        for part in value:
            check_shape(part, schema["items"], document)
    elif "enum" in schema:
        assert value in schema["enum"]
