"""The poller against agents that move, restart and renumber."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from probes.snmp import mib
from probes.snmp.testing import (
    Agent,
    Request,
    counter32,
    counter64,
    gauge,
    integer,
    interface_rows,
    parse_oid,
    serve,
    timeticks,
)
from tests.probes.snmp.devices import device, names, session_for, set_uptime, value


@pytest.mark.parametrize("version", ["1", "2c"])
async def test_a_device_is_discovered_and_read(version: str) -> None:
    rows = device(3, IF_IN_OCTETS=counter32(700))
    async with serve(Agent(rows)) as agent:
        sample = await session_for(agent, version=version).probe(5.0)
    assert sample.ok, sample.detail
    assert names(sample) == {"ge-0/0/1", "ge-0/0/2", "ge-0/0/3"}
    assert sample.values["linkwatch_device_uptime_seconds", ()] == 1000.0
    assert value(sample, "receive_bytes_total") == (700 if version == "1" else 1000)
    assert sample.facts == {"system_name": "sw-1", "profile": "other", "interfaces": "3 watched of 3"}


async def test_rates_come_from_the_agents_own_clock() -> None:
    async with serve(Agent(device(1))) as agent:
        session = session_for(agent)
        await session.probe(5.0)
        await asyncio.sleep(0.1)
        set_uptime(agent, 100_010)
        agent.rows[f"{mib.IF_HC_IN_OCTETS}.1"] = counter64(1000 + 625_000)
        sample = await session.probe(5.0)
    assert value(sample, "utilization_ratio", direction="receive") == pytest.approx(0.5)


async def test_after_the_first_poll_only_what_exists_and_is_needed_is_asked_for() -> None:
    async with serve(Agent(device(2, IF_IN_OCTETS=counter32(1), IF_SPEED=gauge(100_000_000)))) as agent:
        session = session_for(agent)
        await session.probe(5.0)
        await session.probe(5.0)
        agent.requests.clear()
        await session.probe(5.0)
    (_system, counters) = agent.requests
    asked = {".".join(map(str, oid[:-1])) for oid in counters.oids[1:]}
    assert asked == {
        *(mib.IF_ADMIN_STATUS, mib.IF_OPER_STATUS, mib.IF_HIGH_SPEED),
        *(mib.IF_HC_IN_OCTETS, mib.IF_HC_OUT_OCTETS, mib.IF_IN_ERRORS),
    }
    assert counters.oids[0] == parse_oid(mib.SYS_UPTIME)


async def test_a_reboot_that_renumbers_interfaces_is_noticed() -> None:
    async with serve(Agent(device(2))) as agent:
        session = session_for(agent)
        await session.probe(5.0)
        agent.rows = device(0, uptime=500) | interface_rows(1, "ge-0/0/2", IF_HC_IN_OCTETS=counter64(5))
        sample = await session.probe(5.0)
    assert names(sample) == {"ge-0/0/2"}
    assert value(sample, "receive_bytes_total", "ge-0/0/2") == 5


async def test_a_change_of_the_interface_table_is_noticed() -> None:
    async with serve(Agent(device(1))) as agent:
        session = session_for(agent)
        await session.probe(5.0)
        agent.rows |= interface_rows(2, "tun0")
        assert names(await session.probe(5.0)) == {"ge-0/0/1"}
        agent.rows[mib.IF_TABLE_LAST_CHANGE] = timeticks(100_200)
        assert names(await session.probe(5.0)) == {"ge-0/0/1", "tun0"}


async def test_an_agent_that_claims_a_change_with_every_answer_is_not_walked_every_time() -> None:
    async with serve(Agent(device(2))) as agent:
        session = session_for(agent)
        for poll in range(6):
            agent.rows[mib.IF_TABLE_LAST_CHANGE] = timeticks(100_000 + poll)
            assert names(await session.probe(5.0)) == {"ge-0/0/1", "ge-0/0/2"}
        walks = [request for request in agent.requests if _asks_for(request, mib.IF_NAME)]
        assert len(walks) == 2  # the first, and one that found nothing new
        agent.rows = device(0, uptime=500) | interface_rows(1, "ge-0/0/3", IF_HC_IN_OCTETS=counter64(5))
        assert names(await session.probe(5.0)) == {"ge-0/0/3"}  # a reboot is looked into at once


def _asks_for(request: Request, column: str) -> bool:
    return any(oid[:-1] == parse_oid(column) for oid in request.oids)


async def test_an_interface_that_is_gone_without_notice_is_dropped() -> None:
    async with serve(Agent(device(2))) as agent:
        session = session_for(agent)
        await session.probe(5.0)
        agent.rows = device(1)
        assert names(await session.probe(5.0)) == {"ge-0/0/1"}
        sample = await session.probe(5.0)
    assert sample.facts["interfaces"] == "1 watched of 1"
    assert "not_answered" not in sample.facts


@pytest.mark.parametrize(
    ("settings", "wanted"),
    [
        ({"interfaces": "^ge-0/0/[12]$"}, {"ge-0/0/1", "ge-0/0/2"}),
        ({"exclude": "/2$"}, {"ge-0/0/1", "ge-0/0/3", "lo"}),
        ({"types": ("24",)}, {"lo"}),
        ({"interfaces": "nothing"}, set()),
    ],
)
async def test_interfaces_are_filtered_by_name_and_type(
    settings: Mapping[str, Any], wanted: set[str]
) -> None:
    rows = device(3) | interface_rows(4, "lo", IF_TYPE=integer(24))
    async with serve(Agent(rows)) as agent:
        sample = await session_for(agent, **settings).probe(5.0)
    assert sample.ok
    assert names(sample) == wanted


async def test_a_switched_off_interface_tells_only_its_state() -> None:
    async with serve(Agent(device(1, IF_ADMIN_STATUS=integer(2), IF_OPER_STATUS=integer(2)))) as agent:
        sample = await session_for(agent).probe(5.0)
    assert value(sample, "admin_up") == value(sample, "oper_up") == 0.0
    assert value(sample, "receive_bytes_total") is None


async def test_an_agent_with_few_values_per_answer_is_read_in_smaller_requests() -> None:
    async with serve(Agent(device(6), max_varbinds=12)) as agent:
        session = session_for(agent)
        sample = await session.probe(5.0)
        agent.requests.clear()
        again = await session.probe(5.0)
    assert len(names(sample)) == 6
    assert names(again) == names(sample)
    assert max(len(request.oids) for request in agent.requests) <= 12
