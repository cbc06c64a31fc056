"""Who may do what: every route against every role, and what comes without a key."""

from __future__ import annotations

import asyncio
from ipaddress import ip_network

import pytest

from linkwatch.config.settings import ServerSettings
from linkwatch.core.records import Changes
from linkwatch.store.keys import Role
from linkwatch.web import auth
from linkwatch.web.limits import TokenBuckets
from linkwatch.web.routes import ROUTES
from tests.web.world import incident

ROLES = ("viewer", "partner", "operator", "admin")
ALL, WHOLE, HANDLERS, OPERATORS = (
    set(ROLES),
    {"viewer", "operator", "admin"},
    set(ROLES) - {"viewer"},
    {"operator", "admin"},
)
ADMINS = {"admin"}

ALLOWED = {
    "GET /healthz": ALL,
    "GET /readyz": ALL,
    "GET /metrics": WHOLE,
    "GET /openapi.json": ALL,
    "POST /api/v1/reload": ADMINS,
    "GET /api/v1/summary": ALL,
    "GET /api/v1/targets": ALL,
    "GET /api/v1/targets/link-ham-rong": ALL,
    "GET /api/v1/incidents": ALL,
    "GET /api/v1/incidents/17": ALL,
    "POST /api/v1/incidents/17/ack": HANDLERS,
    "POST /api/v1/incidents/17/note": HANDLERS,
    "POST /api/v1/incidents/17/resolve": OPERATORS,
    "GET /": ALL,
    "GET /wall": ALL,
    "GET /incidents/17": ALL,
    "POST /incidents/17": HANDLERS,
    "GET /sign-in": ALL,
    "POST /sign-in": ALL,
    "GET /static/wall.js": ALL,
}

OPEN = {"GET /healthz", "GET /readyz", "GET /sign-in", "POST /sign-in", "GET /static/wall.js"}
LOCAL = OPEN | {"GET /metrics", "GET /", "GET /wall", "GET /incidents/17", "POST /incidents/17"}

DENIED = {401, 403}
"""Beside these, a route answered for itself: its own complaint about a missing form or text is fine."""

OUTSIDE = {"X-Forwarded-For": "203.0.113.9"}
"""Some proxy speaks for somebody: not a program of this machine."""


@pytest.fixture
async def one_incident(world):
    await world.store.commit(Changes(incidents=(incident(17, "link-ham-rong"),)))


async def ask(client, route, headers=None):
    method, path = route.split()
    async with client.request(method, path, headers=headers, allow_redirects=False) as response:
        body = await response.text()
        is_refused_form = "form is out of date" in body
        return 200 if is_refused_form else response.status


def test_the_table_names_every_route():
    def shape(route):
        method, path = route.split()
        return method, path.replace("link-ham-rong", "*").replace("17", "*").replace("wall.js", "*")

    routes = {
        (route.method, "/".join("*" if part.startswith("{") else part for part in route.path.split("/")))
        for route in ROUTES
    }
    assert {shape(route) for route in ALLOWED} == routes


@pytest.mark.parametrize("role", ROLES)
async def test_every_role_may_do_what_the_table_says_and_nothing_else(client, world, key, one_incident, role):
    headers = await key(role, "vnpt" if role == "partner" else None)
    may = {route for route in ALLOWED if await ask(client, route, {**OUTSIDE, **headers}) not in DENIED}
    expected = {route for route, roles in ALLOWED.items() if role in roles}
    # Signing in takes its key from the form, and there is none.
    assert may | {"POST /sign-in"} == expected


async def test_without_a_key_this_machine_sees_the_wall_and_the_metrics(client, one_incident):
    may = {route for route in ALLOWED if await ask(client, route) not in DENIED}
    assert may | {"POST /sign-in"} == LOCAL


async def test_without_a_key_nobody_else_sees_anything(client, one_incident):
    may = {route for route in ALLOWED if await ask(client, route, OUTSIDE) not in DENIED | {303}}
    assert may | {"POST /sign-in"} == OPEN


async def test_a_wrong_key_is_refused_even_where_none_is_needed(client):
    response = await client.get("/metrics", headers={"Authorization": "Bearer lw_wrong"})
    assert response.status == 401
    assert response.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize("value", ["Basic YTpi", "Bearer", "Bearer ", "Bearer \xe9\xe8", "lw_abc"])
async def test_a_malformed_authorization_is_refused(client, value):
    response = await client.get("/api/v1/summary", headers={"Authorization": value})
    assert response.status == 401


async def test_a_revoked_and_an_expired_key_are_refused(client, world):
    revoked, kept = await world.store.create_key(name="a", role=Role.VIEWER, now=world.now)
    expired, _ = await world.store.create_key(
        name="b", role=Role.VIEWER, now=world.now, expires_at=world.now + 1
    )
    await world.store.revoke_key(kept.prefix, world.now)
    world.now += 2
    for token in (revoked, expired):
        response = await client.get("/api/v1/summary", headers={"Authorization": f"Bearer {token}"})
        assert response.status == 401


async def test_the_use_of_a_key_is_noted(client, world, key):
    await client.get("/api/v1/summary", headers=await key("viewer"))
    assert [known.last_used_at for known in await world.store.keys()] == [world.now]


async def test_guessing_keys_is_slowed_down_by_address(client, monkeypatch):
    guesses = [
        await client.get("/api/v1/summary", headers={"Authorization": f"Bearer lw_{i}"}) for i in range(12)
    ]
    assert [response.status for response in guesses] == [401] * 10 + [429] * 2
    assert int(guesses[-1].headers["Retry-After"]) >= 1


async def test_a_stale_key_in_one_program_does_not_lock_out_its_neighbours(client, world, key):
    """Behind one address stand the whole NOC, or every program of this machine."""
    good = await key("viewer")
    assert (await client.get("/api/v1/summary", headers=good)).status == 200
    for i in range(12):
        await client.get("/api/v1/summary", headers={"Authorization": f"Bearer lw_{i}"})
    assert (await client.get("/api/v1/summary", headers=good)).status == 200
    await world.store.revoke_key((await world.store.keys())[0].prefix, world.now)
    statuses = [(await client.get("/api/v1/summary", headers=good)).status for _ in range(2)]
    assert statuses == [401, 429]


async def test_too_many_requests_are_told_when_to_come_back(client, key, monkeypatch):
    gate = client.app[auth.GATE]
    object.__setattr__(gate, "requests", TokenBuckets(rate_per_s=0.5, burst=2))
    headers = await key("viewer")
    statuses = [(await client.get("/api/v1/summary", headers=headers)).status for _ in range(3)]
    assert statuses == [200, 200, 429]
    assert (await client.get("/metrics")).status == 200, "others are not slowed down"
    refused = await client.get("/api/v1/summary", headers=headers)
    assert refused.headers["Retry-After"] == "2"
    assert refused.content_type == "application/problem+json"


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:8080", "127.0.0.1.evil.example", "", "[::1", "192.168.1.5:8080"],
)
async def test_a_rebound_host_name_has_no_local_rights(client, host):
    response = await client.get("/", headers={"Host": host})
    assert response.status == 421


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:8080", "[::1]:8080"])
async def test_own_host_names_are_known(client, host):
    assert (await client.get("/", headers={"Host": host})).status == 200


async def test_a_key_works_under_any_host_name(client, key):
    headers = {**await key("viewer"), "Host": "linkwatch"}
    assert (await client.get("/metrics", headers=headers)).status == 200


@pytest.mark.parametrize("settings", [ServerSettings(public_url="https://linkwatch.example/")])
@pytest.mark.parametrize("host", ["linkwatch.example", "127.0.0.1:8080"])
async def test_a_public_name_in_front_of_loopback_is_a_proxy_that_nobody_named(client, settings, host):
    """It may forward strangers without a word: nobody is taken for somebody at this machine."""
    assert (await client.get("/metrics", headers={"Host": host})).status == 401


@pytest.mark.parametrize("settings", [ServerSettings(public_url="http://127.0.0.1:8080/")])
async def test_a_public_url_of_this_machine_changes_nothing(client, settings):
    assert (await client.get("/metrics")).status == 200


async def test_a_proxy_that_adds_no_header_is_known_by_its_old_protocol(client):
    """nginx with a bare proxy_pass: HTTP/1.0, and our own address as the host."""
    reader, writer = await asyncio.open_connection("127.0.0.1", client.port)
    writer.write(f"GET /metrics HTTP/1.0\r\nHost: 127.0.0.1:{client.port}\r\n\r\n".encode())
    assert (await reader.readline()).split()[1] == b"401"
    writer.close()


@pytest.mark.parametrize("settings", [ServerSettings(trusted_proxy=(ip_network("127.0.0.0/8"),))])
async def test_what_comes_through_a_trusted_proxy_is_never_local(client, settings):
    assert (await client.get("/metrics")).status == 401
    assert (await client.get("/metrics", headers={"X-Forwarded-For": "127.0.0.1"})).status == 401


async def test_a_forwarding_header_takes_local_rights_away(client):
    assert (await client.get("/metrics", headers={"X-Forwarded-For": "127.0.0.1"})).status == 401


async def test_a_key_of_bytes_that_are_no_text_is_refused(client):
    reader, writer = await asyncio.open_connection("127.0.0.1", client.port)
    writer.write(b"GET /api/v1/summary HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer \xff\xfe\r\n\r\n")
    assert (await reader.readline()).split()[1] == b"401"
    writer.close()
