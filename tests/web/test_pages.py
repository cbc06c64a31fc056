from __future__ import annotations

import re
from dataclasses import replace
from importlib.resources import files

import pytest

from linkwatch.core.inventory import Contact, Kind, Site, Target
from linkwatch.core.records import Changes, Event, IncidentState
from linkwatch.web.pages import SECURITY_HEADERS
from linkwatch.web.services import Health
from tests.web.world import NOW, incident, page, reachability

SCRIPT = "<script>alert(1)</script>"


async def page_text(client, path="/", **options):
    async with client.get(path, **options) as response:
        assert response.status == 200
        assert response.content_type == "text/html"
        return await response.text()


def plain(html):
    """What a reader sees, in one line."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


async def test_the_wall_tells_who_was_told_and_who_answered(client, world):
    world.reachability = reachability(world.inventory, down=("link-ham-rong", "portal"))
    answered = incident(
        18,
        "portal",
        fault_owner="it-centre",
        state=IncidentState.ACKNOWLEDGED,
        acknowledged_at=NOW - 5,
        acknowledged_by="Nguyễn An",
    )
    waiting = incident(17, "link-ham-rong", impact=("router-ham-rong",), emergency=True)
    await world.store.commit(
        Changes(incidents=(waiting, answered), notifications=(page(17, "vnpt-duty", "sms"),))
    )
    text = plain(await page_text(client))
    for shown in (
        "Kênh Hàm Rồng",
        "Khu cách ly Hàm Rồng, Thanh Hóa/TP Thanh Hóa",
        "15:28:30 · 1 phút 30 giây",
        "VNPT Thanh Hóa",
        "kéo theo 1 thiết bị",
        "Khẩn cấp",
        "Chưa ai nhận",
        "Trực VNPT (sms): đang chờ gửi",
        "Nguyễn An nhận lúc 15:29:55",
    ):
        assert shown in text
    assert text.index("Kênh Hàm Rồng") < text.index("Cổng dịch vụ công")
    assert "+84900000001" not in text


async def test_covered_and_held_incidents_are_marked(client, world):
    covered = incident(17, "camera-muong-lat", covered_since=NOW, covered_by="link-muong-lat", held=True)
    await world.store.commit(Changes(incidents=(covered,)))
    text = plain(await page_text(client))
    assert "Che bởi covered by : Kênh Mường Lát" in text
    assert "Giữ: chưa đo lại được" in text


async def test_what_calls_for_nobody_stands_below_what_does(client, world):
    """Covered incidents, even of an emergency target."""
    await world.store.commit(
        Changes(
            incidents=(
                incident(17, "link-ham-rong", emergency=True, covered_since=NOW, covered_by="isolated"),
                incident(18, "camera-muong-lat", covered_since=NOW, covered_by="link-muong-lat"),
                incident(19, "router-ham-rong", severity="warning"),
            )
        )
    )
    text = plain(await page_text(client))
    assert "Sự cố cần xử lý Incidents 1 " in text
    assert "Bị che Covered 2 " in text
    assert text.index("Router Hàm Rồng") < text.index("Kênh Hàm Rồng #17")
    assert text.count("Chưa ai nhận") == 1


async def test_what_fails_before_it_is_an_incident_is_named(client, world):
    world.reachability = reachability(
        world.inventory,
        down=("link-ham-rong", "link-muong-lat"),
        covered={"router-ham-rong": "link-ham-rong"},
    )
    await world.store.commit(Changes(incidents=(incident(17, "link-muong-lat"),)))
    text = plain(await page_text(client))
    assert "Failing, not an incident yet 1 ✖ Kênh Hàm Rồng Mất liên lạc" in text
    assert "✔ Không có sự cố" not in text


async def test_a_link_that_does_not_answer_keeps_no_objective(client, world):
    world.reachability = reachability(world.inventory, down=("link-ham-rong",))
    labels = world.inventory.targets["link-ham-rong"].labels()
    world.board.column("linkwatch_icmp_loss_ratio").set({**labels, "window": "5m"}, 0.0, NOW)
    assert "trong cam kết" not in plain(await page_text(client))


async def test_the_timeline_speaks_of_people_and_things_by_name(client, world):
    events = (
        Event(17, NOW, "opened", {"root": "link-ham-rong"}),
        Event(17, NOW, "fault-owner", {"organization": "vnpt", "reason": "link-owner"}),
        Event(17, NOW, "told", {"step": "1", "receivers": "it-duty/chat, vnpt-duty/sms"}),
        Event(17, NOW, "delivered", {"contact": "it-duty", "channel": "chat", "kind": "page"}),
        Event(17, NOW, "resolved", {"reason": "recovered"}),
    )
    ended = incident(17, "link-ham-rong", state=IncidentState.RESOLVED, resolved_at=NOW)
    await world.store.commit(Changes(incidents=(ended,), events=events))
    html = await page_text(client, "/incidents/17")
    text = plain(html)
    for shown in (
        "gốc Kênh Hàm Rồng",
        "đơn vị VNPT Thanh Hóa lý do đường truyền của đơn vị",
        "người nhận Trực CNTT (chat), Trực VNPT (sms)",
        "người nhận Trực CNTT kênh chat loại tin báo sự cố",
        "lý do đo lại thấy hoạt động bình thường",
    ):
        assert shown in text
    assert '<article class="good">' in html


async def test_carriers_show_their_links_and_the_worst_objective(client, world):
    world.reachability = reachability(world.inventory, down=("link-muong-lat",))
    labels = world.inventory.targets["link-ham-rong"].labels()
    world.board.column("linkwatch_icmp_loss_ratio").set({**labels, "window": "5m"}, 0.023, NOW)
    world.board.column("linkwatch_icmp_rtt_seconds").set(
        {**labels, "window": "1m", "stat": "p95"}, 0.012, NOW
    )
    text = plain(await page_text(client))
    assert re.search(r"Viettel Thanh Hóa 1 đường truyền links ✔ 0 thông up ✖ 1 đứt", text)
    assert re.search(r"VNPT Thanh Hóa 1 đường truyền links ✔ 1 thông", text)
    assert "▲ vượt cam kết: Kênh Hàm Rồng, mất gói 2,3 % / 1 %" in text


async def test_what_is_unknown_is_named(client, world):
    world.reachability = reachability(world.inventory, unknown=("portal",))
    text = plain(await page_text(client))
    assert "? Cổng dịch vụ công" in text


async def test_isolation_is_said_instead_of_a_province_of_outages(client, world):
    world.reachability = reachability(world.inventory, down=tuple(world.inventory.targets), isolated=True)
    text = plain(await page_text(client))
    assert "LinkWatch bị cô lập" in text
    assert "Mất liên lạc" not in text


async def test_old_data_and_poor_health_are_said(client, world):
    world.health = Health(ok=False, reasons=("the store cannot be written",), data_age_s=9.2)
    html = await page_text(client)
    assert 'id="age" class="bad"' in html
    assert 'data-age-s="9.200"' in html
    assert "Số liệu đã cũ" in plain(html)
    assert "the store cannot be written" in plain(html)


async def test_a_quiet_province_is_said_to_be_quiet(client):
    text = plain(await page_text(client))
    assert "✔ Không có sự cố no incidents" in text
    assert "Bình thường" in text


async def test_no_name_can_become_markup(client, world):
    targets = {"x": Target("x", SCRIPT, Kind.LINK, "127.0.0.1", "s", "o", "fibre")}
    sites = {"s": Site("s", SCRIPT, area=SCRIPT)}
    organizations = {"o": replace(world.inventory.organizations["vnpt"], id="o", name=SCRIPT)}
    world.inventory = replace(
        world.inventory,
        targets=targets,
        sites=sites,
        organizations=organizations,
        contacts={"c": Contact("c", SCRIPT)},
    )
    world.reachability = reachability(world.inventory, unknown=("x",))
    world.health = Health(ok=False, reasons=(SCRIPT,))
    evil = incident(
        17,
        "x",
        fault_owner="o",
        summary=SCRIPT,
        acknowledged_by=SCRIPT,
        acknowledged_at=NOW,
        covered_by=SCRIPT,
        covered_since=NOW,
    )
    event = Event(17, NOW, SCRIPT, {SCRIPT: SCRIPT})
    await world.store.commit(
        Changes(incidents=(evil,), events=(event,), notifications=(page(17, "c", SCRIPT),))
    )
    for path in ("/", "/wall", "/incidents/17", f"/sign-in?next=/{SCRIPT}"):
        html = await page_text(client, path)
        assert SCRIPT not in html
        assert "&lt;script&gt;" in html


async def test_pages_allow_nothing_but_their_own_files(client, world):
    await world.store.commit(Changes(incidents=(incident(17, "portal"),)))
    for path in ("/", "/incidents/17", "/sign-in"):
        response = await client.get(path)
        for name, value in SECURITY_HEADERS.items():
            assert response.headers[name] == value
        html = await response.text()
        assert "unsafe" not in response.headers["Content-Security-Policy"]
        assert not re.search(r"<script(?![^>]*src=\"/static/)|style=|\son\w+=|(src|href)=\"(?!/)", html)


async def test_every_file_that_a_page_names_is_there(client):
    html = await page_text(client)
    named = set(re.findall(r'(?:src|href)="(/static/[^"]+)"', html))
    assert {name.rpartition("/")[2] for name in named} == {
        entry.name for entry in files("linkwatch.web").joinpath("static").iterdir()
    }
    for name in named:
        assert (await client.get(name)).status == 200


# Answering


def token_in(html):
    return re.search(r'name="token" value="([^"]+)"', html)[1]


async def test_looking_at_an_incident_changes_nothing(client, world):
    await world.store.commit(Changes(incidents=(incident(17, "portal"),)))
    await page_text(client, "/incidents/17")
    assert (await world.store.incident(17)).state is IncidentState.OPEN


async def test_the_form_acknowledges_under_the_given_name(client, world):
    await world.store.commit(Changes(incidents=(incident(17, "portal"),)))
    form = {
        "token": token_in(await page_text(client, "/incidents/17")),
        "name": "Lê Thị Bình",
        "note": "đang xem",
    }
    response = await client.post("/incidents/17", data=form, allow_redirects=False)
    assert (response.status, response.headers["Location"]) == (303, "/incidents/17")
    assert (await world.store.incident(17)).acknowledged_by == "Lê Thị Bình"
    html = await page_text(client, "/incidents/17")
    assert "đang xem" in html
    assert "<form" not in html


@pytest.mark.parametrize(
    ("changed", "headers", "status"),
    [
        ({"token": "0" * 64}, {}, 403),
        ({"token": "é"}, {}, 403),
        ({}, {"Origin": "http://evil.example"}, 403),
        ({}, {"Origin": "null"}, 403),
        ({"name": " "}, {}, 400),
        ({"name": "x" * 81}, {}, 413),
        ({"note": "\0"}, {}, 400),
    ],
)
async def test_a_forged_or_broken_form_changes_nothing(client, world, changed, headers, status):
    await world.store.commit(Changes(incidents=(incident(17, "portal"),)))
    form = {"token": token_in(await page_text(client, "/incidents/17")), "name": "A"} | changed
    response = await client.post("/incidents/17", data=form, headers=headers, allow_redirects=False)
    assert response.status == status
    assert (await world.store.incident(17)).state is IncidentState.OPEN


async def test_a_token_is_good_for_its_own_incident_and_caller_alone(client, world, key):
    await world.store.commit(Changes(incidents=(incident(17, "portal"), incident(18, "link-ham-rong"))))
    other = token_in(await page_text(client, "/incidents/18"))
    operator = token_in(await page_text(client, "/incidents/17", headers=await key("operator")))
    for token in (other, operator):
        response = await client.post("/incidents/17", data={"token": token, "name": "A"})
        assert response.status == 403


async def test_a_viewer_gets_no_form(client, world, key):
    await world.store.commit(Changes(incidents=(incident(17, "portal"),)))
    assert "<form" not in await page_text(client, "/incidents/17", headers=await key("viewer"))


# Signing in

ELSEWHERE = {"X-Forwarded-For": "203.0.113.9"}


async def test_a_browser_from_elsewhere_is_asked_for_its_key_and_comes_back(client, world, key):
    await world.store.commit(Changes(incidents=(incident(17, "link-ham-rong"),)))
    browser = {**ELSEWHERE, "Accept": "text/html"}
    response = await client.get("/incidents/17", headers=browser, allow_redirects=False)
    assert (response.status, response.headers["Location"]) == (303, "/sign-in?next=/incidents/17")
    assert 'value="/incidents/17"' in await page_text(client, response.headers["Location"], headers=browser)
    token = (await key("partner", "vnpt"))["Authorization"].removeprefix("Bearer ")
    signed = await client.post(
        "/sign-in", data={"key": token, "next": "/incidents/17"}, headers=ELSEWHERE, allow_redirects=False
    )
    assert (signed.status, signed.headers["Location"]) == (303, "/incidents/17")
    cookie = signed.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    kept = {**ELSEWHERE, "Cookie": cookie.partition(";")[0]}
    form = {"token": token_in(await page_text(client, "/incidents/17", headers=kept))}
    await client.post("/incidents/17", data=form, headers=kept)
    assert (await world.store.incident(17)).acknowledged_by == "khóa partner"


async def test_the_cookie_opens_pages_and_not_the_api(client, key):
    token = (await key("admin"))["Authorization"].removeprefix("Bearer ")
    kept = {**ELSEWHERE, "Cookie": f"linkwatch_key={token}"}
    assert (await client.get("/", headers=kept)).status == 200
    assert (await client.get("/api/v1/summary", headers=kept)).status == 401


async def test_a_wrong_key_does_not_sign_in(client):
    response = await client.post("/sign-in", data={"key": "lw_wrong"}, allow_redirects=False)
    assert response.status == 401
    assert "Set-Cookie" not in response.headers


@pytest.mark.parametrize(
    "path", ["//evil.example", "https://evil.example", "/\\evil.example", "/a\r\nX: y", ""]
)
async def test_signing_in_leads_nowhere_else(client, key, path):
    token = (await key("viewer"))["Authorization"].removeprefix("Bearer ")
    response = await client.post("/sign-in", data={"key": token, "next": path}, allow_redirects=False)
    assert response.headers["Location"] == "/"
