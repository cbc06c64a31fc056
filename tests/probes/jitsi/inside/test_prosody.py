"""A real Prosody, asked for its metrics and its health."""

from __future__ import annotations

from pathlib import Path

import pytest

from probes.jitsi.finding import Finding, Part, State
from probes.jitsi.inside import Inside
from probes.sample import Reason
from tests.probes.daemons import need
from tests.probes.http.pages import serve, text
from tests.probes.jitsi.inside.looking import only, place, read, value
from tests.probes.jitsi.inside.peers import prosody


async def test_a_real_prosody_tells_its_sessions(tmp_path: Path) -> None:
    with prosody(tmp_path) as url:
        await read(Inside(prosody=url))  # counted by the first collection, shown by the next
        reading = await read(Inside(prosody=url))
    assert only(reading) == Finding(Part.SIGNALLING, State.GOOD, None, f"Prosody {place(url)}: well")
    assert value(reading, "signalling_sessions", transport="bosh") == 0


@pytest.mark.parametrize(
    ("how", "state", "reason", "words"),
    [
        ({"health": (500, "HAS ERRORS")}, State.FAILED, Reason.PROTOCOL, "its health is 500: HAS ERRORS"),
        (
            {"more": 'openmetrics_allow_ips = { "10.9.9.9" }'},
            State.UNSEEN,
            Reason.AUTH,
            "/metrics: status 403: this machine's address is not on its list, or it does not expose this "
            "path (openmetrics_allow_cidr)",
        ),
        (
            {"metrics": False},
            State.UNSEEN,
            Reason.PROTOCOL,
            "there is neither /metrics nor /health: enable mod_http_openmetrics",
        ),
        (
            {"statistics": "nil"},
            State.UNSEEN,
            Reason.PROTOCOL,
            "there is neither /metrics nor /health: enable mod_http_openmetrics",
        ),
    ],
    ids=["a module in error", "not on the list", "not enabled", "no statistics"],
)
async def test_each_trouble_of_a_real_prosody_is_told(
    tmp_path: Path, how: dict[str, object], state: State, reason: Reason, words: str
) -> None:
    with prosody(tmp_path, **how) as url:  # type: ignore[arg-type]
        finding = only(await read(Inside(prosody=url)))
    assert (finding.part, finding.state, finding.reason) == (Part.SIGNALLING, state, reason)
    assert finding.detail == f"Prosody {place(url)}: {words}"


async def test_one_of_its_two_pages_is_enough(tmp_path: Path) -> None:
    refused = 'openmetrics_allow_ips = { "10.9.9.9" }'
    with prosody(tmp_path, health=(200, "OK"), more=refused) as url:
        assert only(await read(Inside(prosody=url))).state is State.GOOD


async def test_a_prosody_that_is_gone_or_is_another_program_is_told() -> None:
    need("prosody", "prosody")
    async with serve({"/metrics": text("up 1")}) as url:
        assert only(await read(Inside(prosody=url))).detail.endswith("/metrics is not Prosody's")
    assert only(await read(Inside(prosody=url))).reason is Reason.REFUSED
