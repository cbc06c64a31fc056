"""Forms that are sent, JSON that comes back."""

from __future__ import annotations

import pytest
from aiohttp import web

from probes.http import Settings
from probes.sample import Reason
from tests.probes.http.pages import measure, serve, text

JSON = '{"status": "UP", "nodes": [{"id": 1, "ok": true}, {"id": 2, "ok": false}], "none": null}'


@pytest.mark.parametrize(
    ("matches", "detail"),
    [
        ({"status": "^UP$", "length(nodes)": "^2$", "nodes[0].ok": "true"}, ""),
        ({"status": "^DOWN$"}, "JSON status does not match '^DOWN$'"),
        ({"nodes[?!ok].id | [0]": "^1$"}, "JSON nodes[?!ok].id | [0] does not match '^1$'"),
        ({"none": "."}, "JSON none is not there"),
        ({"nowhere.at.all": "."}, "JSON nowhere.at.all is not there"),
        ({"sort(status)": "."}, "JSON sort(status) does not fit what is there"),
    ],
)
async def test_a_json_answer_is_looked_into(matches: dict[str, str], detail: str) -> None:
    async with serve({"/": text(JSON)}) as url:
        sample = await measure(url, Settings(json_matches=matches))
    assert (sample.reason, sample.detail) == (Reason.PROTOCOL if detail else None, detail)


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        ("", "the body is not JSON: Input is a zero-length, empty document at character 0"),
        ("<html>", "the body is not JSON: unexpected character, expected a JSON value at character 0"),
        ("[" * 100_000, "the body is not JSON: depth limit exceeded at character 1025"),
        ('"' + "x" * 300_000, "the JSON body is longer than max_body_bytes"),
    ],
)
async def test_what_is_no_json_says_so(body: str, detail: str) -> None:
    async with serve({"/": text(body)}) as url:
        sample = await measure(url, Settings(json_matches={"@": "."}, max_body_bytes=200_000))
    assert (sample.reason, sample.detail) == (Reason.PROTOCOL, detail)


async def test_a_form_is_sent_as_a_browser_sends_it() -> None:
    async def listen(request: web.Request) -> web.Response:
        assert (request.method, request.content_type) == ("POST", "application/x-www-form-urlencoded")
        return web.json_response(dict(await request.post()))

    form = {"họ tên": "Lê & Lợi", "x": "a=b+c"}
    async with serve({"/": listen}) as url:
        sample = await measure(
            url, Settings(form=form, json_matches={"x": r"^a=b\+c$", '"họ tên"': "Lê & Lợi"})
        )
    assert sample.ok, sample.detail
