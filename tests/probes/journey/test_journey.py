"""A journey through a portal: log-in, token, dossiers, payment page; and every step of it failing."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp import web

from probes.journey import Settings
from probes.journey.sampling import probe
from probes.journey.settings import Step
from probes.sample import IPAddress, Reason, Sample, Target
from probes.testing import OPENSSL_MISSING, Authority, has_openssl, make_authority
from tests.probes.journey.portal import DOSSIER, PASSWORD, USER, Handle, Portal, nginx_before

SUCCESS, DURATION = "linkwatch_journey_step_success", "linkwatch_journey_step_duration_seconds"
AUTHORIZED = {"Authorization": "Bearer {{token}}"}

STEPS = (
    Step(
        name="form",
        url="/login",
        carry={
            "csrf": 'regex:name="csrf" value="([^"]+)"',
            "action": 'regex:action="([^"]+)"',
            "sid": "cookie:sid",
        },
    ),
    Step(
        name="log-in",
        url="{{action}}",
        form={"csrf": "{{csrf}}", "user": USER, "password": PASSWORD},
        body_matches=f"Xin chào {USER}",
        carry={"request_id": "header:X-Request-Id"},
    ),
    Step(
        name="token",
        url="/api/token?sid={{sid}}",
        headers={"X-Of": "{{request_id}}"},
        json_matches={"access.csrf": "."},
        carry={"token": "json:access.token"},
    ),
    Step(
        name="dossiers",
        url="/api/dossiers",
        headers=AUTHORIZED,
        json_matches={"length(items)": "^1$", "items[0].paid": "false"},
        carry={"dossier": "json:items[0].id"},
    ),
    Step(
        name="payment",
        url="/api/payments",
        method="POST",
        headers={**AUTHORIZED, "Content-Type": "application/json"},
        body='{"dossier": "{{dossier}}"}',
        status=("201",),
        carry={"link": "json:link"},
    ),
    Step(name="pay-page", url="{{link}}", body_matches="Thanh toán .* chọn ngân hàng"),
)
NAMES = [step.name for step in STEPS]


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    if not has_openssl():
        pytest.skip(OPENSSL_MISSING)
    return make_authority(tmp_path_factory.mktemp("ca"))


@asynccontextmanager
async def open_portal(portal: Portal) -> AsyncIterator[str]:
    async with portal.serving() as port:
        yield f"http://127.0.0.1:{port}"


async def travel(url: str, *steps: Step, deadline_s: float = 5.0) -> Sample:
    return await probe(Target("portal", url), Settings(steps=steps or STEPS), deadline_s)


def successes(sample: Sample) -> dict[str, float]:
    return {dict(labels)["step"]: value for (name, labels), value in sample.values.items() if name == SUCCESS}


def answers(status: int, text: str = "") -> Handle:
    async def handle(_request: web.Request) -> web.Response:
        return web.Response(status=status, text=text)

    return handle


async def hang(_request: web.Request) -> web.Response:
    await asyncio.sleep(60)
    raise AssertionError


async def hang_up(request: web.Request) -> web.Response:
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


async def test_a_payment_page_is_reached_behind_nginx_and_every_step_is_measured(
    tmp_path: Path, authority: Authority
) -> None:
    portal = Portal()
    files = (authority.issue("IP:127.0.0.1", 90), authority.folder / "key.pem")
    async with portal.serving() as upstream:
        with nginx_before(tmp_path, upstream, files) as port:
            started_s = time.monotonic()
            settings = Settings(steps=STEPS, ca_file=str(authority.ca_file))
            sample = await probe(Target("portal", f"https://127.0.0.1:{port}"), settings, 5.0)
            took_s = time.monotonic() - started_s
    assert sample.ok, sample.detail
    assert successes(sample) == dict.fromkeys(NAMES, 1.0)
    durations = [value for (name, _), value in sample.values.items() if name == DURATION]
    assert all(duration > 0 for duration in durations)
    assert sum(durations) <= took_s
    assert ("linkwatch_tls_certificate_expiry_timestamp_seconds", ()) in sample.values
    assert sample.facts["statuses"] == ", ".join(
        f"{name} {201 if name == 'payment' else 200}" for name in NAMES
    )
    assert sample.facts["tls_version"].startswith("TLSv1.")


@pytest.mark.parametrize(
    ("path", "page", "step", "reason", "detail"),
    [
        ("/login", answers(503), "form", Reason.PROTOCOL, "status 503, expected 2xx"),
        ("/login", answers(200, "no form"), "form", Reason.PROTOCOL, "nothing at regex:name="),
        ("/session", answers(200, "Sai mật khẩu"), "log-in", Reason.PROTOCOL, "the body does not match"),
        ("/home", answers(403), "log-in", Reason.AUTH, "status 403, expected 2xx"),
        ("/session", hang, "log-in", Reason.TIMEOUT, "no end of first_byte of step log-in within 0.4 s"),
        ("/api/token", answers(401), "token", Reason.AUTH, "status 401, expected 2xx"),
        ("/api/token", answers(200, "<html>"), "token", Reason.PROTOCOL, "the body is not JSON"),
        (
            "/api/token",
            answers(200, '{"access": {"csrf": "x"}}'),
            "token",
            Reason.PROTOCOL,
            "JSON access.token",
        ),
        ("/api/dossiers", answers(200, '{"items": []}'), "dossiers", Reason.PROTOCOL, "JSON length(items)"),
        ("/api/dossiers", hang_up, "dossiers", Reason.PROTOCOL, "the server closed the connection"),
        ("/api/payments", answers(500), "payment", Reason.PROTOCOL, "status 500, expected 201"),
        (f"/pay/{DOSSIER}", answers(200, "bảo trì"), "pay-page", Reason.PROTOCOL, "the body does not match"),
    ],
)
async def test_the_step_that_fails_is_named_with_its_reason(
    path: str, page: Handle, step: str, reason: Reason, detail: str
) -> None:
    portal = Portal()
    portal.broken[path] = page
    async with open_portal(portal) as url:
        sample = await travel(url, deadline_s=0.4 if page is hang else 5.0)
    assert (sample.reason, sample.facts["failed_step"]) == (reason, step)
    assert f"step {step}" in sample.detail
    assert detail in sample.detail
    reached = NAMES[: NAMES.index(step) + 1]
    assert successes(sample) == {name: float(name != step) for name in reached}


@pytest.mark.parametrize(
    ("path", "page", "is_repeatable"),
    [
        ("/session", answers(200, "Sai mật khẩu"), False),
        ("/session", answers(502), True),
        ("/api/dossiers", answers(200, "[]"), True),
    ],
)
async def test_what_may_be_a_refused_login_is_not_to_be_repeated_at_once(
    path: str, page: Handle, is_repeatable: bool
) -> None:
    portal = Portal()
    portal.broken[path] = page
    async with open_portal(portal) as url:
        sample = await travel(url)
    assert (sample.ok, sample.is_repeatable) == (False, is_repeatable)


@pytest.mark.parametrize(
    ("link", "reason", "detail"),
    [
        ("http://127.0.0.9:1/pay", Reason.PERMISSION, "127.0.0.9 is outside the scope (127.0.0.9)"),
        ("http://127.0.0.1:1/pay", Reason.REFUSED, "127.0.0.1: Connection refused"),
        (f"http://{'x' * 70}.invalid/", Reason.RESOLVE, "Name"),
        ("ftp://127.0.0.1/pay", Reason.PROTOCOL, "what was carried leads to ftp scheme"),
        ("http://[::1", Reason.PROTOCOL, "what was carried makes no URL"),
        ("https://{host}/pay", Reason.TLS, "handshake with 127.0.0.1 failed"),
    ],
)
async def test_a_page_may_lead_astray_but_no_further_than_the_scope(
    link: str, reason: Reason, detail: str
) -> None:
    portal = Portal()
    async with open_portal(portal) as url:
        portal.pay_link = link.replace("{host}", url.removeprefix("http://"))

        def allows(address: IPAddress) -> bool:
            return str(address) == "127.0.0.1"

        sample = await probe(Target("portal", url, allows), Settings(steps=STEPS), 5.0)
    assert (sample.reason, sample.facts["failed_step"]) == (reason, "pay-page")
    if reason is not Reason.RESOLVE:
        assert detail in sample.detail


async def test_a_page_cannot_name_another_origin_to_get_the_password() -> None:
    stolen: list[str] = []

    async def steal(request: web.Request) -> web.Response:
        stolen.append(await request.text())
        return web.Response()

    portal, thief = Portal(), Portal()
    without_cookie = {name: source for name, source in STEPS[0].carry.items() if name != "sid"}
    thief.broken["/login"] = steal
    async with open_portal(portal) as url, open_portal(thief) as other:
        form = f'<form action="{other}/login"><input name="csrf" value="x">'
        portal.broken["/login"] = answers(200, form)
        sample = await travel(url, replace(STEPS[0], carry=without_cookie), *STEPS[1:2])
    assert (sample.reason, sample.detail) == (
        Reason.PERMISSION,
        f"step log-in: what it is to send is not for {other}",
    )
    assert not stolen


async def test_secrets_of_the_settings_and_of_the_way_stay_out_of_everything() -> None:
    portal = Portal()

    async def echo(request: web.Request) -> web.Response:
        """Everything that it was told comes back in the address."""
        form = await request.post()
        raise web.HTTPFound(
            f"/{form['csrf']}/{form['password']}?x={request.cookies['sid']}".replace(" ", "%20")
        )

    portal.broken["/session"] = echo
    settings = Settings(steps=STEPS, username="noc", password="s3cret-pw")
    async with open_portal(portal) as url:
        sample = await probe(Target("portal", url), settings, 5.0)
    assert (sample.reason, sample.facts["failed_step"]) == (Reason.PROTOCOL, "log-in")
    shown = repr(sample) + repr(settings)
    assert "***" in sample.facts["url"]
    for secret in (*portal.issued, PASSWORD, "m4t-kh4u", "s3cret-pw"):
        assert secret not in shown


async def test_each_journey_begins_without_the_cookies_of_the_one_before() -> None:
    portal = Portal()
    async with open_portal(portal) as url:
        assert (await travel(url)).ok
        alone = await travel(url, replace(STEPS[2], url="/api/token", headers={}, carry={}))
    assert alone.reason is Reason.AUTH


async def test_steps_after_the_one_that_failed_are_not_taken() -> None:
    portal = Portal()
    portal.broken["/session"] = answers(500)
    async with open_portal(portal) as url:
        await travel(url)
    assert portal.heard == ["/login", "/session"]


async def test_an_address_that_makes_no_url_is_told() -> None:
    sample = await travel("ftp://127.0.0.1/")
    assert (sample.reason, sample.detail) == (Reason.RESOLVE, "the target's address does not make a URL")
