"""Jicofo's account: of itself, of the bridges, of the recorders."""

from __future__ import annotations

import pytest

from probes.jitsi.finding import Part, State
from probes.jitsi.inside import Inside
from probes.sample import Reason
from tests.probes.http.pages import serve, text
from tests.probes.jitsi.inside.looking import failed, of, place, read, unseen, value
from tests.probes.jitsi.inside.standins import Jicofo, Jvb

WAYS = pytest.mark.parametrize("has_stats", [True, False], ids=["stats", "metrics"])


@WAYS
async def test_a_good_jicofo_tells_everything_either_way(has_stats: bool) -> None:
    async with Jicofo(has_stats=has_stats).serving() as url:
        reading = await read(Inside(jicofo=url))
    assert [(each.part, each.state) for each in reading.findings] == [
        (Part.FOCUS, State.GOOD),
        (Part.BRIDGE, State.GOOD),
    ]
    assert of(reading, Part.BRIDGE)[0].detail == f"Jicofo {place(url)}: 2 bridges are operational"
    assert reading.values == {
        ("linkwatch_jitsi_way_open", (("part", "focus"), ("way", place(url)))): 1,
        ("linkwatch_jitsi_focus_bridges", (("state", "known"),)): 2,
        ("linkwatch_jitsi_focus_bridges", (("state", "operational"),)): 2,
        ("linkwatch_jitsi_focus_bridges", (("state", "in_shutdown"),)): 0,
        ("linkwatch_jitsi_focus_lost_bridges_total", ()): 1,
        ("linkwatch_jitsi_conferences", ()): 3,
        ("linkwatch_jitsi_participants", ()): 60,
        ("linkwatch_jitsi_recorders", (("state", "known"),)): 2,
        ("linkwatch_jitsi_recorders", (("state", "available"),)): 1,
    }


async def test_a_health_page_that_is_not_enabled_is_not_asked_for() -> None:
    async with Jicofo(has_health=False).serving() as url:
        reading = await read(Inside(jicofo=url))
    assert failed(reading) == []
    assert of(reading, Part.FOCUS)[0].detail == f"Jicofo {place(url)}: well"


@pytest.mark.parametrize(
    ("health", "reason", "words"),
    [
        (
            (503, "Test conference failed to start due to timeout."),
            Reason.TIMEOUT,
            "its health is 503: Test conference failed to start due to timeout.",
        ),
        (
            (500, "Test conference failed to start."),
            Reason.PROTOCOL,
            "its health is 500: Test conference failed to start.",
        ),
    ],
)
async def test_a_soft_failure_is_told_from_a_hard_one(
    health: tuple[int, str], reason: Reason, words: str
) -> None:
    async with Jicofo(health=health).serving() as url:
        reading = await read(Inside(jicofo=url))
    assert failed(reading) == [(Part.FOCUS, reason, f"Jicofo {place(url)}: {words}")]


async def test_a_closed_way_says_nothing_of_jicofo_but_what_it_told_counts() -> None:
    jicofo = Jicofo(health=(403, ""))
    jicofo.selects(operational_bridge_count=0)
    async with jicofo.serving() as url:
        reading = await read(Inside(jicofo=url))
    assert [each[:2] for each in unseen(reading)] == [(Part.FOCUS, Reason.AUTH)]
    assert [each[0] for each in failed(reading)] == [Part.BRIDGE]
    assert value(reading, "way_open", part="focus", way=place(url)) == 0


@WAYS
async def test_no_operational_bridge_is_the_bridges_fault_not_jicofos(has_stats: bool) -> None:
    health = (500, "No operational bridges available (total bridge count: 2)")
    jicofo = Jicofo(has_stats=has_stats, health=health)
    jicofo.selects(operational_bridge_count=0)
    async with jicofo.serving() as url:
        reading = await read(Inside(jicofo=url))
        what = "none of the 2 bridges it knows is operational"
        assert failed(reading) == [(Part.BRIDGE, Reason.PROTOCOL, f"Jicofo {place(url)}: {what}")]
        assert of(reading, Part.FOCUS)[0].detail == f"Jicofo {place(url)}: works, but lacks bridges"
        jicofo.selects(bridge_count=0)
        reading = await read(Inside(jicofo=url))
    assert failed(reading) == [(Part.BRIDGE, Reason.PROTOCOL, f"Jicofo {place(url)}: it knows no bridge")]


async def test_health_alone_names_the_bridges_too() -> None:
    health = (500, "No operational bridges available (total bridge count: 0)")
    async with Jicofo(has_stats=False, has_metrics=False, health=health).serving() as url:
        reading = await read(Inside(jicofo=url))
    assert [each[0] for each in failed(reading)] == [Part.BRIDGE]


@WAYS
async def test_bridges_that_all_shut_down_gracefully_are_maintenance(has_stats: bool) -> None:
    jicofo = Jicofo(has_stats=has_stats)
    jicofo.selects(operational_bridge_count=2, in_shutdown_bridge_count=2)
    async with jicofo.serving() as url:
        reading = await read(Inside(jicofo=url))
    [bridges] = of(reading, Part.BRIDGE)
    assert (bridges.state, failed(reading)) == (State.MAINTENANCE, [])
    assert bridges.detail == f"Jicofo {place(url)}: all 2 bridges are in graceful shutdown"


async def test_a_bridge_that_is_well_and_that_jicofo_has_dropped_is_told() -> None:
    jicofo = Jicofo()
    jicofo.selects(operational_bridge_count=1)
    async with jicofo.serving() as url, Jvb().serving() as a, Jvb().serving() as b:
        reading = await read(Inside(bridges=(a, b), jicofo=url))
    what = "uses only 1 of 2 bridges that are well by their own account"
    assert failed(reading) == [(Part.BRIDGE, Reason.PROTOCOL, f"Jicofo {place(url)}: {what}")]


@WAYS
@pytest.mark.parametrize(
    ("count", "available", "recording", "state", "words"),
    [
        (2, 1, 1, State.GOOD, "1 of 2 recorders (Jibri) are available"),
        (2, 0, 2, State.GOOD, "all 2 recorders (Jibri) are recording"),
        (2, 0, 1, State.FAILED, "none of 2 recorders (Jibri) is available, 1 are recording"),
        (0, 0, 0, State.FAILED, "it knows no recorder (Jibri)"),
    ],
)
async def test_recorders_are_spoken_of_where_recording_is_wanted(
    count: int, available: int, recording: int, state: State, words: str, has_stats: bool
) -> None:
    jicofo = Jicofo(has_stats=has_stats)
    jicofo.stats["jibri_detector"] = {"count": count, "available": available}
    jicofo.stats["jibri"] = {**jicofo.stats["jibri"], "recording_active": recording}
    async with jicofo.serving() as url:
        assert of(await read(Inside(jicofo=url)), Part.RECORDING) == []
        [finding] = of(await read(Inside(jicofo=url), wants_recording=True), Part.RECORDING)
    assert (finding.state, finding.detail) == (state, f"Jicofo {place(url)}: {words}")


async def test_a_focus_that_is_gone_or_is_another_program_is_told() -> None:
    async with serve({"/stats": text('{"hello": 1}')}) as url:
        reading = await read(Inside(jicofo=url))
    what = "/stats is not Jicofo's: it does not count bridges"
    assert unseen(reading) == [(Part.FOCUS, Reason.PROTOCOL, f"Jicofo {place(url)}: {what}")]
    assert failed(reading) == []
    reading = await read(Inside(jicofo=url))
    assert [each[:2] for each in failed(reading)] == [(Part.FOCUS, Reason.REFUSED)]
    assert value(reading, "conferences") is None
