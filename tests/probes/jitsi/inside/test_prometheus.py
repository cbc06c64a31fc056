"""The same numbers by way of a Prometheus: a real one, and answers that no real one gives."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from probes.jitsi.finding import Part, Reading, State
from probes.jitsi.inside import Inside
from probes.sample import Reason
from tests.probes.http.pages import serve, text
from tests.probes.jitsi.inside.looking import failed, of, only, place, read, unseen, value
from tests.probes.jitsi.inside.peers import prometheus, prosody, up_of
from tests.probes.jitsi.inside.standins import Jicofo, Jvb

PATH = "/api/v1/query"


async def scraped(url: str, **wanted: str) -> None:
    """Wait until Prometheus has these values of `up`; it says so to nobody."""
    for _ in range(300):
        found = await asyncio.to_thread(up_of, url)
        if all(found.get(instance) == up for instance, up in wanted.items()):
            return
        await asyncio.sleep(0.1)
    raise RuntimeError(f"not scraped: {found}")


async def test_a_real_prometheus_tells_what_the_endpoints_tell(tmp_path: Path) -> None:
    jicofo = Jicofo()
    async with Jvb().serving() as one, Jvb().serving() as two, jicofo.serving() as focus:
        with prosody(tmp_path) as xmpp:
            addresses = [place(each) for each in (one, two, focus, xmpp)]
            jobs = {"jvb": addresses[:2], "jicofo": addresses[2:3], "prosody": addresses[3:]}
            with prometheus(tmp_path, jobs) as url:
                await scraped(url, **dict.fromkeys(addresses, "1"))
                way = Inside(
                    prometheus=url,
                    prometheus_bridges='job="jvb"',
                    prometheus_jicofo='job="jicofo"',
                    prometheus_prosody='job="prosody"',
                )
                told = await read(way, wants_recording=True)
                direct = await read(
                    Inside(bridges=(one, two), jicofo=focus, prosody=xmpp), wants_recording=True
                )
    assert failed(told) == []
    assert sorted(map(str, told.findings)) == sorted(map(str, direct.findings))
    # /metrics has no average_participant_stress, which is a setting: no seats by this way.
    others = {key: v for key, v in direct.values.items() if "seats" not in key[0] and "way" not in key[0]}
    ways = {part: value(told, "way_open", part=part, way=place(url)) for part in ("bridge", "focus")}
    assert (others.items() <= told.values.items(), ways) == (True, {"bridge": 1, "focus": 1})


async def test_a_bridge_that_prometheus_cannot_scrape_has_failed(tmp_path: Path) -> None:
    async with Jvb().serving() as gone:
        pass
    async with Jvb().serving() as well:
        with prometheus(tmp_path, {"jvb": [place(well), place(gone)]}) as url:
            await scraped(url, **{place(well): "1", place(gone): "0"})
            reading = await read(Inside(prometheus=url, prometheus_bridges='job="jvb"'))
            nobody = await read(Inside(prometheus=url, prometheus_bridges='job="jbv"'))
    what = f"bridge {place(gone)}: Prometheus cannot scrape it (up is 0)"
    assert failed(reading) == [(Part.BRIDGE, Reason.UNREACHABLE, what)]
    assert value(reading, "bridge_up", bridge=place(gone)) == 0
    assert value(reading, "bridge_participants", bridge=place(gone)) is None
    assert value(reading, "bridge_participants", bridge=place(well)) == 30
    assert nobody.findings == ()
    closed = {("linkwatch_jitsi_way_open", (("part", "bridge"), ("way", place(url)))): 0}
    assert nobody.values == closed
    assert nobody.facts == {
        "not_told": f'bridge by Prometheus {place(url)}: no sample of job="jbv" within the last 60 s'
    }


async def test_each_trouble_of_a_bridge_is_told_by_prometheus_too(tmp_path: Path) -> None:
    alone, leaving = Jvb(), Jvb()
    alone.stats["mucs_joined"] = 0
    leaving.stats["graceful_shutdown"] = True
    async with alone.serving() as one, leaving.serving() as two:
        with prometheus(tmp_path, {"jvb": [place(one), place(two)]}) as url:
            await scraped(url, **{place(one): "1", place(two): "1"})
            reading = await read(Inside(prometheus=url, prometheus_bridges='job="jvb"'))
    states = {each.detail.split(": ")[1]: each.state for each in reading.findings}
    assert states == {
        "has only 0 of its 1 XMPP rooms, in which Jicofo finds it": State.FAILED,
        "is in graceful shutdown": State.MAINTENANCE,
    }


async def test_a_query_that_prometheus_refuses_is_told_with_its_status(tmp_path: Path) -> None:
    with prometheus(tmp_path, {}) as url:
        way = Inside(prometheus=url, prometheus_bridges='job=~"("')
        [(part, reason, detail)] = unseen(await read(way))
    assert (part, reason) == (Part.BRIDGE, Reason.PROTOCOL)
    assert detail == f"bridge by Prometheus {place(url)}: /api/v1/query: status 400"


@asynccontextmanager
async def answering(result: Any) -> AsyncIterator[Reading]:
    body = result if isinstance(result, str) else json.dumps(matrix(result))
    async with serve({PATH: text(body)}) as url:
        yield await read(Inside(prometheus=url, prometheus_bridges='job="jvb"'))


def matrix(rows: Any) -> dict[str, Any]:
    return {"status": "success", "data": {"resultType": "matrix", "result": rows}}


def row(name: str, *samples: tuple[float, str], instance: str = "a:8080") -> dict[str, Any]:
    return {"metric": {"__name__": name, "instance": instance, "job": "jvb"}, "values": samples}


async def test_what_an_older_scrape_left_behind_is_not_told() -> None:
    rows = [
        row("up", (100, "1"), (115, "1")),
        row("jitsi_jvb_stress", (100, "0.1"), (115, "0.5")),
        row("jitsi_jvb_healthy", (100, "0")),
    ]
    async with answering(rows) as reading:
        assert only(reading).state is State.GOOD
        assert value(reading, "bridge_stress_ratio", bridge="a:8080") == 0.5
    async with answering(
        [row("up", (100, "1"), (115, "0")), row("jitsi_jvb_stress", (100, "0.1"))]
    ) as reading:
        assert only(reading).reason is Reason.UNREACHABLE
        assert value(reading, "bridge_stress_ratio", bridge="a:8080") is None


async def test_a_job_that_is_something_else_is_told() -> None:
    async with answering([row("up", (100, "1"))]) as reading:
        what = "bridge a:8080: Prometheus scrapes it and finds no jitsi_jvb_stress"
        assert failed(reading) == [(Part.BRIDGE, Reason.PROTOCOL, what)]


async def test_federated_series_have_no_up() -> None:
    async with answering([row("jitsi_jvb_stress", (100, "0.4"))]) as reading:
        assert only(reading).state is State.GOOD


HOSTILE = {
    "no JSON": "<html>",
    "a list": "[]",
    "an error": '{"status": "error", "error": "x"}',
    "a vector": json.dumps({"status": "success", "data": {"resultType": "vector", "result": []}}),
    "no instance": json.dumps(matrix([{"metric": {"__name__": "up"}, "values": [[1, "1"]]}])),
    "no sample": json.dumps(matrix([row("up")])),
    "no number": json.dumps(matrix([row("up", (1, "one"))])),
    "no time": json.dumps(matrix([{"metric": {"__name__": "up", "instance": "a"}, "values": [["x", "1"]]}])),
    "a text": json.dumps(matrix("rows")),
    "too many": json.dumps(matrix([row("up", (1, "1"), instance=f"{i}:1") for i in range(33)])),
}


@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE.keys())
async def test_hostile_answers_end_with_a_reason(body: str) -> None:
    async with answering(body) as reading:
        assert [each[:2] for each in unseen(reading)] == [(Part.BRIDGE, Reason.PROTOCOL)]
        assert {name for name, _ in reading.values} == {"linkwatch_jitsi_way_open"}


async def test_names_of_bridges_are_bounded() -> None:
    async with answering([row("jitsi_jvb_stress", (100, "0.4"), instance="x\n" * 9000)]) as reading:
        [label] = {labels for name, labels in reading.values if "way" not in name}
    assert len(dict(label)["bridge"]) <= 160


async def test_a_prometheus_that_is_gone_is_told() -> None:
    async with serve({}) as url:
        way = Inside(prometheus=url, prometheus_jicofo='job="jicofo"')
        assert unseen(await read(way))[0][2].endswith("there is no /api/v1/query: not a Prometheus")
    assert [each[:2] for each in unseen(await read(way))] == [(Part.FOCUS, Reason.REFUSED)]
    assert failed(await read(way)) == []
    assert of(await read(way), Part.BRIDGE) == []
