"""SNMPv3 engines: restarted agents, clocks that run on, and two devices of one id."""

from __future__ import annotations

from typing import Any

import pytest

from probes.sample import Target
from probes.snmp import Settings, client
from probes.snmp.engines import Engine, Engines
from probes.snmp.sampling import open_session
from probes.snmp.testing import SNMPD_MISSING, has_snmpd, snmpd

USER = ["createUser lw SHA authpass123 AES privpass123", "rouser lw authpriv", "engineID linkwatch-1"]
HERE, THERE = ("10.0.0.1", 161), ("10.0.0.2", 161)


@pytest.fixture(autouse=True)
def _needs_snmpd(request: pytest.FixtureRequest) -> None:
    if "snmpd" in request.node.name and not has_snmpd():
        pytest.skip(SNMPD_MISSING)


def session_for(port: int, **settings: Any) -> Any:
    secrets = {"auth_password": "authpass123", "priv_password": "privpass123"}
    protocols = {"auth_protocol": "sha", "priv_protocol": "aes"}
    quick = {"retries": 0, "profile": "none"}
    given = {"version": "3", "user": "lw", **protocols, **secrets, **quick, **settings}
    return open_session(Target(f"t-{port}", f"127.0.0.1:{port}"), Settings(**given))


async def test_a_restarted_snmpd_is_known_again_within_one_poll() -> None:
    with snmpd(USER) as port:
        session = session_for(port)
        assert (await session.probe(5.0)).ok
    with snmpd([*USER, "engineBoots 50"], port=port):
        sample = await session.probe(5.0)
        await session.close()
    assert sample.ok, sample.detail


async def test_after_a_long_pause_the_clock_of_snmpd_is_asked_for_anew(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(client, "ENGINE_CLOCK_S", 0.0)
    with snmpd(USER) as port:
        session = session_for(port)
        samples = [await session.probe(5.0) for _ in range(3)]
        await session.close()
    assert all(sample.ok for sample in samples), samples


async def test_two_snmpd_of_one_engine_id_are_reported_and_no_longer_when_one_is_gone() -> None:
    with snmpd([*USER, "sysname a"]) as first, snmpd([*USER, "sysname b"]) as second:
        one, two = session_for(first), session_for(second)
        samples = [await one.probe(5.0), await two.probe(5.0), await one.probe(5.0)]
        await two.close()
        samples.append(await one.probe(5.0))
        await one.close()
    found = [sample.values["linkwatch_snmp_engine_duplicate", ()] for sample in samples]
    assert found == [0.0, 1.0, 1.0, 0.0]
    assert samples[2].facts["engine_id_also_of"] == f"127.0.0.1 port {second}"


def test_one_device_at_two_addresses_is_no_duplicate() -> None:
    engines = Engines()
    engines.note(HERE, Engine(b"id", "r1", 100.0))
    assert engines.note(THERE, Engine(b"id", "r1", 102.0)) == ()


@pytest.mark.parametrize(("name", "started_at"), [("r2", 100.0), ("r1", 500.0), ("r1", None)])
def test_another_name_or_start_is_another_device(name: str, started_at: float | None) -> None:
    engines = Engines()
    engines.note(HERE, Engine(b"id", "r1", 100.0))
    assert engines.note(THERE, Engine(b"id", name, started_at)) == (HERE,)


def test_an_agent_with_a_new_id_no_longer_counts_for_the_old_one() -> None:
    engines = Engines()
    engines.note(HERE, Engine(b"id", "r1", 100.0))
    engines.note(HERE, Engine(b"other", "r1", 100.0))
    assert engines.note(THERE, Engine(b"id", "r2", 100.0)) == ()
    engines.forget(HERE)
    engines.forget(HERE)
