"""What all answers have in common: tags, problems, health, and a description that is true."""

from __future__ import annotations

import json
import logging

import pytest

from linkwatch.core.records import Changes, Event
from linkwatch.store.errors import StoreError
from linkwatch.web.openapi import describe, plain_path
from linkwatch.web.routes import ROUTES
from linkwatch.web.server import BODY_SIZE_MAX
from linkwatch.web.services import Health
from tests.web.asking import get
from tests.web.world import NOW, alert, incident, page, reachability


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

    monkeypatch.setattr(type(world.board.column("linkwatch_up")), "rows_of", lambda *_: fail())
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
