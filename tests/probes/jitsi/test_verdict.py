"""One verdict of what was found outside and inside."""

from __future__ import annotations

import pytest

from probes.http.masking import secrets_of
from probes.jitsi import Settings
from probes.jitsi.finding import Finding, Part, State
from probes.jitsi.inside import Inside
from probes.jitsi.sampling import probe
from probes.jitsi.verdict import conclude
from probes.sample import Reason, Target
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
