"""One verdict of what was found outside and inside."""

from __future__ import annotations

from dataclasses import replace

import pytest

from probes.http.masking import secrets_of
from probes.jitsi import Settings
from probes.jitsi.finding import Finding, Part, State
from probes.jitsi.inside import Inside
from probes.jitsi.sampling import open_session, probe
from probes.jitsi.verdict import conclude
from probes.sample import Reason, Sample, Target
from tests.probes.jitsi.inside.standins import JICOFO_STATS, Jicofo, Jvb
from tests.probes.jitsi.platform import Platform

SEATS, WANTED = ("linkwatch_jitsi_seats_free", ()), ("linkwatch_jitsi_seats_wanted", ())
IN_MAINTENANCE = ("linkwatch_jitsi_in_maintenance", ())


def up(part: str) -> tuple[str, tuple[tuple[str, str], ...]]:
    return "linkwatch_jitsi_part_up", (("part", part),)


def failed(part: Part, reason: Reason, detail: str) -> Finding:
    return Finding(part, State.FAILED, reason, detail)


def found(part: Part, state: State, detail: str) -> Finding:
    return Finding(part, state, None, detail)


def test_what_fails_first_gives_the_reason_and_all_that_fails_is_named() -> None:
    verdict = conclude(
        [
            failed(Part.MEDIA, Reason.REFUSED, "udp"),
            found(Part.BRIDGE, State.GOOD, "b1"),
            failed(Part.BRIDGE, Reason.TIMEOUT, "b2"),
            found(Part.WEB, State.GOOD, "page"),
        ]
    )
    assert (verdict.reason, verdict.detail) == (Reason.TIMEOUT, "bridge: b2; media: udp")
    assert verdict.facts["failing"] == "bridge, media"
    assert verdict.facts["bridge"] == "good: b1; failed: b2"
    assert verdict.facts["turn"] == "not asked"
    assert (verdict.values[up("web")], verdict.values[up("bridge")]) == (1.0, 0.0)
    assert up("turn") not in verdict.values


def test_maintenance_is_no_failure() -> None:
    verdict = conclude([found(Part.BRIDGE, State.MAINTENANCE, "b1 drains")])
    assert (verdict.reason, verdict.detail) == (None, "")
    assert (verdict.values[up("bridge")], verdict.values[IN_MAINTENANCE]) == (1.0, 1.0)
    assert "failing" not in verdict.facts


def test_whether_there_is_maintenance_is_not_said_where_nothing_could_tell() -> None:
    assert IN_MAINTENANCE not in conclude([found(Part.WEB, State.GOOD, "page")]).values
    assert conclude([found(Part.BRIDGE, State.GOOD, "b1")]).values[IN_MAINTENANCE] == 0.0


def test_of_a_part_behind_a_closed_way_nothing_is_said() -> None:
    unseen = Finding(Part.BRIDGE, State.UNSEEN, Reason.TLS, "b1: our certificate has expired")
    verdict = conclude([found(Part.WEB, State.GOOD, "page"), unseen])
    assert (verdict.reason, verdict.detail) == (None, "")
    assert verdict.values == {up("web"): 1.0}
    assert verdict.facts["bridge"] == "unseen: b1: our certificate has expired"
    verdict = conclude([unseen, failed(Part.BRIDGE, Reason.TIMEOUT, "b2")])
    assert (verdict.reason, verdict.values[up("bridge")]) == (Reason.TIMEOUT, 0.0)


@pytest.mark.parametrize("reason", [Reason.EXHAUSTED, Reason.PERMISSION, Reason.ERROR])
def test_a_failure_of_our_own_is_no_part_that_is_down(reason: Reason) -> None:
    verdict = conclude([failed(Part.WEB, reason, "ours")])
    assert (verdict.reason, verdict.values) == (reason, {})


async def test_each_part_counts_its_own_failures(platform: Platform) -> None:
    platform.services = '{ type = "turns", transport = "tcp", host = "127.0.0.1", port = 5349 }'
    settings = Settings(ca_file=str(platform.authority.ca_file), media_port=0)
    session = open_session(Target("t", f"127.0.0.1:{platform.web}"), settings)
    with platform.prosody(), platform.front():
        counts = [failures_of(await session.probe(10.0)) for _ in range(2)]
        async with platform.jicofo():
            counts.append(failures_of(await session.probe(10.0)))
    counts.append(failures_of(await session.probe(10.0)))
    works = {"web": 0.0, "signalling": 0.0, "log-in": 0.0}
    assert counts == [
        {**works, "focus": 1.0, "turn": 1.0},
        {**works, "focus": 2.0, "turn": 2.0},
        {**works, "focus": 0.0, "turn": 3.0},
        {"web": 1.0},
    ]


def failures_of(sample: Sample) -> dict[str, float]:
    name = "linkwatch_jitsi_part_consecutive_failures"
    return {dict(labels)["part"]: value for (each, labels), value in sample.values.items() if each == name}


async def test_a_closed_way_in_leaves_the_verdict_to_what_is_seen_from_outside(platform: Platform) -> None:
    bridge, jicofo = Jvb(health=(403, "")), Jicofo(health=(500, "Test conference failed to start."))
    async with platform.whole(), bridge.serving() as bridge_url, jicofo.serving() as jicofo_url:
        way = Inside(bridges=(bridge_url,))
        settings = Settings(ca_file=str(platform.authority.ca_file), media_port=0, seats=200, inside=(way,))
        target = Target("t", f"127.0.0.1:{platform.web}")
        sample = await probe(target, settings, 10.0)
        assert sample.ok, sample.detail
        assert up("bridge") not in sample.values
        assert SEATS not in sample.values
        assert sample.values[way_of("bridge", bridge_url)] == 0.0
        both = replace(settings, inside=(replace(way, jicofo=jicofo_url),))
        sample = await probe(target, both, 10.0)
        assert sample.facts["failing"] == "focus"
        assert sample.values[way_of("focus", jicofo_url)] == 1.0


def way_of(part: str, url: str) -> tuple[str, tuple[tuple[str, str], ...]]:
    return "linkwatch_jitsi_way_open", (("part", part), ("way", url.removeprefix("http://")))


async def test_outside_and_inside_come_to_one_sample(platform: Platform) -> None:
    bridge, jicofo = Jvb(), Jicofo()
    async with platform.whole(), bridge.serving() as bridge_url, jicofo.serving() as jicofo_url:
        settings = Settings(
            ca_file=str(platform.authority.ca_file),
            media_port=0,
            seats=200,
            recording=True,
            inside=(Inside(bridges=(bridge_url,), jicofo=jicofo_url),),
        )
        target = Target("t", f"127.0.0.1:{platform.web}")
        jicofo.stats["bridge_selector"] = {**JICOFO_STATS["bridge_selector"], "bridge_count": 1}
        sample = await probe(target, settings, 10.0)
        assert sample.ok, sample.detail
        parts = ("web", "signalling", "log-in", "focus", "bridge", "recording")
        assert [sample.values[up(part)] for part in parts] == [1.0] * 6
        assert (sample.values[SEATS], sample.values[WANTED]) == (50.0, 200.0)
        assert sample.values[IN_MAINTENANCE] == 0.0

        bridge.stats["drain"] = True
        sample = await probe(target, settings, 10.0)
        assert sample.ok, sample.detail
        assert (sample.values[IN_MAINTENANCE], sample.values[SEATS]) == (1.0, 0.0)

        bridge.stats |= {"drain": False, "muc_clients_connected": 0}
        sample = await probe(target, settings, 10.0)
        assert (sample.reason, sample.facts["failing"]) == (Reason.PROTOCOL, "bridge")
        assert sample.detail.startswith("bridge: ")


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"url": "meet.test"}, "url: must be a full URL, or a path that begins with /"),
        ({"user": "lw"}, "password: must be set where there is a user, and only there"),
        ({"password": "p"}, "password: must be set where there is a user, and only there"),
        ({"user": "lw@meet.test", "password": "p"}, "user: must be a name without @"),
        ({"media_port": 70_000}, "media_port: must be 0 to 65535"),
        ({"media_hosts": ("",)}, "media_hosts: must be names or addresses"),
        ({"seats": 200}, "seats: must be left out without inside"),
        ({"recording": True}, "recording: must be left out without inside"),
    ],
)
def test_a_wrong_setting_is_refused_with_what_is_allowed(settings: dict[str, object], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        Settings(**settings)  # type: ignore[arg-type]


def test_passwords_are_secrets_also_those_of_the_ways_in() -> None:
    way = Inside(bridges=("http://127.0.0.1:8080",), username="noc", password="cửa-sau")
    settings = Settings(user="lw", password="m4t-khau", inside=(way,))
    assert {"m4t-khau", "cửa-sau"} <= set(secrets_of(settings))
    assert "m4t-khau" not in repr(settings)
    assert "cửa-sau" not in repr(settings)
