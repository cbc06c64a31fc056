"""A bridge's own account, and what each trouble of it reads like."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from probes.jitsi.finding import Part, State
from probes.jitsi.inside import Inside, bridge, focus, metrics, prosody
from probes.jitsi.inside.reading import read_inside
from probes.sample import Reason, Target
from probes.testing import hang, serve_tcp
from tests.probes.http.pages import redirect_to, serve, text
from tests.probes.jitsi.inside.looking import failed, only, place, read, unseen, value
from tests.probes.jitsi.inside.standins import Jvb


@pytest.mark.parametrize("has_stats", [True, False], ids=["colibri-stats", "metrics"])
async def test_a_good_bridge_tells_everything_either_way(has_stats: bool) -> None:
    jvb = Jvb(has_stats=has_stats)
    async with jvb.serving() as url:
        reading = await read(Inside(bridges=(url,)))
        at = place(url)
    assert (only(reading).part, only(reading).state) == (Part.BRIDGE, State.GOOD)
    assert only(reading).detail == f"bridge {at}: well"
    expected = {
        "bridge_up": 1,
        "bridge_in_maintenance": 0,
        "bridge_stress_ratio": 0.3,
        "bridge_participants": 30,
        "bridge_conferences": 3,
        "bridge_lossy_participants": 1,
        "bridge_rtt_seconds": 0.0425,
        "bridge_ice_failed_total": 7,
        "bridge_ice_succeeded_total": 2093,
    }
    assert {name: value(reading, name, bridge=at) for name in expected} == pytest.approx(expected)
    both = {"loss_ratio": (0.002, 0.01), "traffic_bytes_per_second": (1.5e6, 6e6)}
    for name, (receive, transmit) in both.items():
        assert value(reading, f"bridge_{name}", bridge=at, direction="receive") == pytest.approx(receive)
        assert value(reading, f"bridge_{name}", bridge=at, direction="transmit") == pytest.approx(transmit)
    assert reading.facts == {"versions": f"bridge {at} 2.3-235-ga29d97d1"}
    assert value(reading, "seats_free") == (50 if has_stats else None)  # /metrics has no stress of one


async def test_nothing_but_reading_is_asked_for() -> None:
    jvb = Jvb(has_stats=False)
    async with jvb.serving() as url:
        await read(Inside(bridges=(url,)))
    assert jvb.asked == [
        "GET /colibri/stats",
        "GET /metrics",
        "GET /about/version",
        "GET /about/health",
    ]


TROUBLES = [
    (
        {"health": (500, "Failed to bind single-port")},
        Reason.PROTOCOL,
        "its health is 500: Failed to bind single-port",
    ),
    ({"health": (503, "")}, Reason.TIMEOUT, "its health is 503"),
    ({"health": (502, "")}, Reason.PROTOCOL, "502: the proxy answers, what it leads to does not"),
    ({"has_health": False, "stats": {"healthy": False}}, Reason.PROTOCOL, "it says that it is not healthy"),
    ({"stats": {"muc_clients_connected": 0}}, Reason.PROTOCOL, "has only 0 of its 1 XMPP connections"),
    (
        {"stats": {"mucs_joined": 0}},
        Reason.PROTOCOL,
        "has only 0 of its 1 XMPP rooms, in which Jicofo finds it",
    ),
]


@pytest.mark.parametrize("has_stats", [True, False], ids=["colibri-stats", "metrics"])
@pytest.mark.parametrize(("trouble", "reason", "words"), TROUBLES, ids=[words for _, _, words in TROUBLES])
async def test_each_trouble_is_told(
    trouble: dict[str, Any], reason: Reason, words: str, has_stats: bool
) -> None:
    jvb = Jvb(has_stats=has_stats)
    jvb.stats |= trouble.get("stats", {})
    for name in trouble.keys() - {"stats"}:
        setattr(jvb, name, trouble[name])
    async with jvb.serving() as url:
        reading = await read(Inside(bridges=(url,)))
    finding = only(reading)
    assert (finding.state, finding.reason) == (State.FAILED, reason)
    assert finding.detail.startswith(f"bridge {place(url)}: ")
    assert words in finding.detail
    assert value(reading, "bridge_stress_ratio", bridge=place(url)) == 0.3  # what was told is kept
    assert value(reading, "bridge_up", bridge=place(url)) == 0
    assert value(reading, "seats_free") == 0
    assert value(reading, "way_open", part="bridge", way=place(url)) == 1


async def test_a_closed_way_says_nothing_of_the_bridge_behind_it() -> None:
    jvb = Jvb(health=(403, ""))
    async with jvb.serving() as url:
        reading = await read(Inside(bridges=(url,)))
        jvb.stats["mucs_joined"] = 0
        alone = await read(Inside(bridges=(url,)))
    [(part, reason, detail)] = unseen(reading)
    assert (part, reason) == (Part.BRIDGE, Reason.AUTH)
    assert f"bridge {place(url)}: /about/health: status 403: this machine's address is not" in detail
    assert value(reading, "way_open", part="bridge", way=place(url)) == 0
    assert value(reading, "bridge_stress_ratio", bridge=place(url)) == 0.3  # what was told is kept
    assert value(reading, "bridge_up", bridge=place(url)) is None
    assert value(reading, "seats_free") is None
    assert len(failed(alone)) == 1  # by what it did tell


async def test_a_file_of_ours_that_cannot_be_read_is_a_closed_way() -> None:
    async with Jvb().serving() as url:
        secured = url.replace("http:", "https:")
        way = Inside(bridges=(secured,), client_cert_file="/nowhere.pem", client_key_file="/nowhere.key")
        [(_, reason, detail)] = unseen(await read(way))
    assert reason is Reason.ERROR
    assert "/nowhere" in detail


@pytest.mark.parametrize(
    ("flag", "words"),
    [
        ("drain", "drains: it takes no new conferences"),
        ("graceful_shutdown", "is in graceful shutdown: it takes no new conferences"),
        ("shutting_down", "is shutting down"),
    ],
)
@pytest.mark.parametrize("has_stats", [True, False], ids=["colibri-stats", "metrics"])
async def test_who_leaves_on_purpose_is_in_maintenance_though_its_xmpp_is_gone(
    flag: str, words: str, has_stats: bool
) -> None:
    jvb = Jvb(has_stats=has_stats, health=(500, "no address"))
    jvb.stats |= {flag: True, "muc_clients_connected": 0}
    async with jvb.serving() as url:
        reading = await read(Inside(bridges=(url,)))
    assert only(reading).state is State.MAINTENANCE
    assert only(reading).reason is None
    assert only(reading).detail == f"bridge {place(url)}: {words}"
    assert value(reading, "bridge_in_maintenance", bridge=place(url)) == 1
    assert value(reading, "bridge_up", bridge=place(url)) is None
    assert value(reading, "seats_free") == 0


async def test_a_slow_health_page_is_a_timeout_and_takes_nothing_from_the_numbers() -> None:
    jvb = Jvb(held=asyncio.Event())
    async with jvb.serving() as url:
        reading = await read(Inside(bridges=(url,)), deadline_s=1.0)
        jvb.held.set()
    [(_, reason, detail)] = failed(reading)
    assert reason is Reason.TIMEOUT
    assert detail == f"bridge {place(url)}: no end of first_byte of /about/health within 1 s"
    assert value(reading, "bridge_participants", bridge=place(url)) == 30


async def test_absent_stays_absent_and_old_names_are_not_read() -> None:
    jvb = Jvb()
    jvb.stats = {
        "stress_level": 0.1,
        "version": "2.1",
        "loss_rate_download": 0.5,
        "loss_rate_upload": 0.5,
        "jitter_aggregate": 9.0,
        "videochannels": 4,
        "rtt_aggregate": 0.0,
    }
    async with jvb.serving() as url:
        reading = await read(Inside(bridges=(url,)))
    assert {name for name, _ in reading.values} == {
        "linkwatch_jitsi_bridge_up",
        "linkwatch_jitsi_bridge_in_maintenance",
        "linkwatch_jitsi_bridge_stress_ratio",
        "linkwatch_jitsi_way_open",
    }
    assert only(reading).detail == f"bridge {place(url)}: well, as far as it tells"


async def test_nobody_listens_and_nobody_answers() -> None:
    async with serve_tcp(hang) as port:
        reading = await read(Inside(bridges=(f"http://127.0.0.1:{port}",)), deadline_s=1.0)
    [(_, reason, detail)] = failed(reading)
    assert (reason, detail) == (
        Reason.TIMEOUT,
        f"bridge 127.0.0.1:{port}: no end of first_byte of /colibri/stats within 1 s",
    )
    reading = await read(Inside(bridges=(f"http://127.0.0.1:{port}",)))
    [(_, reason, detail)] = failed(reading)
    assert reason is Reason.REFUSED
    assert "Connection refused" in detail


HOSTILE = {
    "no JSON": ("<html>hello</html>", "/colibri/stats is not JSON"),
    "a list": ("[1, 2]", "/colibri/stats is not a JSON object"),
    "a text": ('{"stress_level": "high"}', "stress_level is not a number"),
    "below zero": ('{"stress_level": -1}', "stress_level is not a number"),
    "an object": ('{"stress_level": {}}', "stress_level is not a number"),
    "too big": ('{"stress_level": 1e999}', "/colibri/stats is not"),
    "too long": (" " * 1_100_000 + "{}", "/colibri/stats is longer than max_body_bytes"),
    "too deep": ("[" * 100_000, "/colibri/stats is not JSON"),
}


@pytest.mark.parametrize(("body", "words"), HOSTILE.values(), ids=HOSTILE.keys())
async def test_hostile_statistics_end_with_a_reason(body: str, words: str) -> None:
    async with serve({"/colibri/stats": text(body)}) as url:
        [(_, reason, detail)] = failed(await read(Inside(bridges=(url,))))
    assert reason is Reason.PROTOCOL
    assert words in detail
    assert len(detail) < 300


HOSTILE_TEXT = {
    "no value": "jitsi_jvb_stress\n",
    "no number": "jitsi_jvb_stress high\n",
    "open quote": 'jitsi_jvb_stress{a="b 1\n',
}


@pytest.mark.parametrize("body", HOSTILE_TEXT.values(), ids=HOSTILE_TEXT.keys())
async def test_hostile_metrics_end_with_a_reason(body: str) -> None:
    async with serve({"/metrics": text(body)}) as url:
        [(_, reason, detail)] = failed(await read(Inside(bridges=(url,))))
    assert reason is Reason.PROTOCOL
    assert "/metrics is not" in detail


ANOTHER_SERVER = {
    "nothing": ({"/": "welcome"}, "there is neither /about/health nor /colibri/stats nor /metrics"),
    "no figures": ({"/colibri/stats": "{}"}, "/colibri/stats is not that of a videobridge"),
    "another's": ({"/metrics": "node_load1 0.5\n"}, "/metrics is not that of a videobridge"),
    "not finite": ({"/metrics": "jitsi_jvb_stress NaN\n"}, "/metrics is not that of a videobridge"),
    "bytes": ({"/metrics": "\x00\ufffd" * 1000}, "/metrics is not that of a videobridge"),
    "a long line": (
        {"/metrics": 'jitsi_jvb_stress{a="' + "x" * 900_000 + '"} 1\n'},
        "/metrics is not that of a videobridge",
    ),
}


@pytest.mark.parametrize(("pages", "words"), ANOTHER_SERVER.values(), ids=ANOTHER_SERVER.keys())
async def test_something_else_that_answers_there_says_nothing_of_the_bridge(
    pages: dict[str, str], words: str
) -> None:
    async with serve({path: text(body) for path, body in pages.items()}) as url:
        [(_, reason, detail)] = unseen(await read(Inside(bridges=(url,))))
    assert reason is Reason.PROTOCOL
    assert words in detail


async def test_nothing_outside_the_scope_is_asked_also_not_by_redirect() -> None:
    jvb = Jvb()
    async with jvb.serving() as url:
        nowhere = Target("meet", "127.0.0.1", allows=lambda _address: False)
        reading = await read_inside(nowhere, (Inside(bridges=(url,)),), 5.0)
        [(_, reason, _)] = unseen(reading)
        assert (reason, jvb.asked) == (Reason.PERMISSION, [])
        elsewhere = redirect_to(url.replace("127.0.0.1", "127.0.0.2") + "/colibri/stats")
        async with serve({"/colibri/stats": elsewhere}) as moved:
            here = Target("meet", "127.0.0.1", allows=lambda address: str(address) == "127.0.0.1")
            reading = await read_inside(here, (Inside(bridges=(moved,)),), 5.0)
    assert [each[1] for each in unseen(reading)] == [Reason.PERMISSION]


async def test_the_seats_of_several_bridges_add_up_without_those_that_leave_or_fail() -> None:
    well, draining, ill = Jvb(), Jvb(), Jvb(health=(500, ""))
    draining.stats["drain"] = True
    async with well.serving() as a, draining.serving() as b, ill.serving() as c:
        reading = await read(Inside(bridges=(a, b, c)))
        assert value(reading, "seats_free") == 50
        draining.stats |= {"drain": False, "stress_level": 0.9}
        ill.health = (200, "")
        ill.stats |= {"stress_level": 0.2, "average_participant_stress": 0.005}
        reading = await read(Inside(bridges=(a, b, c)))
        assert value(reading, "seats_free") == 50 + 0 + 120
        del ill.stats["average_participant_stress"]
        reading = await read(Inside(bridges=(a, b, c)))
    assert value(reading, "seats_free") is None  # a sum without one of them would be too small
    assert len(reading.findings) == 3
    assert value(reading, "bridge_stress_ratio", bridge=place(b)) == 0.9


async def test_a_token_that_a_server_repeats_is_not_shown() -> None:
    jvb = Jvb(health=(500, "bad token abc-secret-xyz"))
    jvb.stats["version"] = "2.3 abc-secret-xyz"
    async with jvb.serving() as url:
        reading = await read(Inside(bridges=(url,), bearer_token="abc-secret-xyz"))
    assert only(reading).detail == f"bridge {place(url)}: its health is 500: bad token ***"
    assert "abc-secret-xyz" not in repr(reading)


def test_every_metric_is_told_by_something() -> None:
    """None stands in the catalogue that no endpoint can fill."""
    told = {
        figure.metric
        for figures in (bridge.FIGURES, focus.FIGURES, prosody.FIGURES)
        for figure in figures
        if figure.metric is not None
    }
    judged = {metrics.BRIDGE_UP, metrics.BRIDGE_IN_MAINTENANCE, metrics.SEATS_FREE, metrics.WAY_OPEN}
    assert told | judged == set(metrics.INSIDE_METRICS)
