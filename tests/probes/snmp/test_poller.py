"""The poller against agents that move, restart, misbehave, or fall silent."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import Any

import pytest

from probes.sample import Reason, Sample, Target
from probes.snmp import Settings, discovery, mib, open_session
from probes.snmp.poller import DeviceSession
from probes.snmp.testing import (
    OID,
    V2C,
    Agent,
    Request,
    Row,
    counter32,
    counter64,
    gauge,
    integer,
    interface_rows,
    parse_oid,
    serve,
    text,
    timeticks,
)

QUICK = {"request_timeout_s": 0.2, "retries": 0}


def device(count: int, uptime: int = 100_000, **columns: Any) -> dict[str, Any]:
    rows = {
        mib.SYS_UPTIME: timeticks(uptime),
        mib.SYS_NAME: text("sw-1"),
        mib.IF_TABLE_LAST_CHANGE: timeticks(10),
    }
    defaults = {
        "IF_HIGH_SPEED": gauge(100),
        "IF_HC_IN_OCTETS": counter64(1000),
        "IF_HC_OUT_OCTETS": counter64(2000),
        "IF_IN_ERRORS": counter32(0),
    }
    for index in range(1, count + 1):
        rows |= interface_rows(index, f"ge-0/0/{index}", **{**defaults, **columns})
    return rows


def session_for(agent: Agent, **settings: Any) -> DeviceSession:
    return open_session(Target("sw-1", f"127.0.0.1:{agent.port}"), Settings(**{**QUICK, **settings}))


def names(sample: Sample) -> set[str]:
    return {dict(labels)["interface"] for _, labels in sample.values if labels}


def value(sample: Sample, metric: str, interface: str = "ge-0/0/1", **labels: str) -> float | None:
    key = tuple(sorted({"interface": interface, "alias": "", **labels}.items()))
    return sample.values.get((f"linkwatch_interface_{metric}", key))


def set_uptime(agent: Agent, ticks: int) -> None:
    agent.rows[mib.SYS_UPTIME] = timeticks(ticks)


@pytest.mark.parametrize("version", ["1", "2c"])
async def test_a_device_is_discovered_and_read(version: str) -> None:
    rows = device(3, IF_IN_OCTETS=counter32(700))
    async with serve(Agent(rows)) as agent:
        sample = await session_for(agent, version=version).probe(5.0)
    assert sample.ok, sample.detail
    assert names(sample) == {"ge-0/0/1", "ge-0/0/2", "ge-0/0/3"}
    assert sample.values["linkwatch_device_uptime_seconds", ()] == 1000.0
    assert value(sample, "receive_bytes_total") == (700 if version == "1" else 1000)
    assert sample.facts == {"system_name": "sw-1", "interfaces": "3 watched of 3"}


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


class NextOnly(Agent):
    def answer(self, request: Request) -> list[Row]:
        if request.kind == "getbulk":
            return [(oid, V2C.EndOfMibView("")) for oid in request.oids]
        return list(super().answer(request))


class GoingBack(Agent):
    def next_row(self, oid: OID) -> Row | None:
        row = super().next_row(oid)
        return super().next_row(parse_oid(mib.IF_INDEX)) if row and row[0][-1] == 4 else row


class Endless(Agent):
    def next_row(self, oid: OID) -> Row | None:
        column = parse_oid(mib.IF_INDEX)
        if oid[: len(column)] != column:
            return super().next_row(oid)
        index = oid[-1] + 1 if len(oid) > len(column) else 1
        return (*column, index), integer(index)


async def test_a_table_without_end_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(discovery, "INTERFACES_MAX", 40)
    async with serve(Endless(device(5))) as agent:
        sample = await session_for(agent).probe(5.0)
    assert sample.ok, sample.detail
    assert sample.facts["interfaces"] == "40 watched of 40"


class CutShort(Agent):
    """Answers every GETBULK with two rows, as agents with small buffers do."""

    def answer(self, request: Request) -> list[Row]:
        return list(super().answer(request))[: 2 if request.kind == "getbulk" else None]


class Garbled(Agent):
    def reply(self, data: bytes, addr: tuple[str | Any, int]) -> None:
        super().reply(data[: len(data) // 2], addr)


@pytest.mark.parametrize(("kind", "found"), [(NextOnly, 5), (GoingBack, 3), (CutShort, 5)])
async def test_odd_walks_end_and_find_what_can_be_found(kind: type[Agent], found: int) -> None:
    async with serve(kind(device(5))) as agent:
        sample = await session_for(agent).probe(5.0)
    assert sample.ok, sample.detail
    assert len(names(sample)) == found


async def test_malformed_answers_are_a_protocol_failure() -> None:
    async with serve(Garbled(device(1))) as agent:
        sample = await session_for(agent).probe(5.0)
    assert (sample.ok, sample.reason) == (False, Reason.PROTOCOL)


async def test_any_damaged_answer_is_survived() -> None:
    """Some make the decoder of gufo-snmp panic (pyo3's PanicException is no Exception)."""

    class Damaged(Agent):
        turn = 0

        def reply(self, data: bytes, addr: tuple[str | Any, int]) -> None:
            damaged = bytearray(data)
            damaged[self.turn % len(data)] ^= 0x55
            self.turn += 1
            super().reply(bytes(damaged), addr)

    async with serve(Damaged(device(1))) as agent:
        for _ in range(200):
            assert isinstance(await session_for(agent, request_timeout_s=0.05).probe(0.02), Sample)


async def test_silence_is_a_timeout_that_names_both_causes() -> None:
    async with serve(Agent(device(1), silent=True)) as agent:
        sample = await session_for(agent, community="s3cret").probe(5.0)
    assert (sample.ok, sample.reason) == (False, Reason.TIMEOUT)
    assert sample.detail == "no answer: the device does not answer, or the community is wrong"


async def test_nothing_listens() -> None:
    async with serve(Agent({})) as agent:
        pass
    sample = await session_for(agent).probe(5.0)
    assert (sample.reason, sample.detail) == (Reason.REFUSED, "nothing listens on this port")


async def test_an_agent_that_comes_back_is_read_again() -> None:
    async with serve(Agent(device(1), silent=True)) as agent:
        session = session_for(agent)
        assert not (await session.probe(5.0)).ok
        agent.silent = False
        assert (await session.probe(5.0)).ok


async def test_a_lost_answer_is_asked_for_again() -> None:
    class Lossy(Agent):
        def reply(self, data: bytes, addr: tuple[str | Any, int]) -> None:
            if len(self.requests) % 2 == 0:
                super().reply(data, addr)

    async with serve(Lossy(device(2))) as agent:
        sample = await session_for(agent, request_timeout_s=0.05, retries=2).probe(5.0)
    assert sample.ok
    assert "not_answered" not in sample.facts


class FallingSilent(Agent):
    """Answers so many requests, then no more."""

    left = 0

    def reply(self, data: bytes, addr: tuple[str | Any, int]) -> None:
        self.left -= 1
        if self.left >= 0:
            super().reply(data, addr)


async def test_what_was_read_before_an_agent_fell_silent_is_kept_and_the_rest_is_named() -> None:
    async with serve(FallingSilent(device(6))) as agent:
        assert isinstance(agent, FallingSilent)
        session = session_for(agent, max_oids=8)
        agent.left = 10_000
        await session.probe(5.0)
        agent.left = 3
        first = await session.probe(5.0)
        agent.left = 3
        second = await session.probe(5.0)
    assert first.ok
    assert first.detail.startswith("incomplete: no answer")
    assert len(names(first)) == 2
    assert len(first.facts["not_answered"].split(", ")) == 4
    assert not names(first) & names(second), "those read longest ago come first"


class Slow(Agent):
    delay_s = 0.0

    def reply(self, data: bytes, addr: tuple[str | Any, int]) -> None:
        asyncio.get_running_loop().call_later(self.delay_s, super().reply, data, addr)


async def test_a_discovery_longer_than_the_deadline_goes_on_with_the_next_poll() -> None:
    async with serve(Slow(device(40))) as agent:
        assert isinstance(agent, Slow)
        agent.delay_s = 0.02
        session = session_for(agent, max_oids=20)
        first = await session.probe(0.1)
        assert first.ok
        assert first.facts["discovery"] == "not finished, goes on with the next poll"
        for _ in range(30):
            sample = await session.probe(0.1)
            if "discovery" not in sample.facts:
                break
    assert sample.facts["interfaces"] == "40 watched of 40"


async def test_a_slow_and_a_dead_agent_do_not_delay_another() -> None:
    async with (
        serve(Agent(device(1))) as healthy,
        serve(Agent(device(1), silent=True)) as dead,
        serve(Slow(device(1))) as slow,
    ):
        assert isinstance(slow, Slow)
        slow.delay_s = 10.0
        started = time.monotonic()

        async def poll(agent: Agent) -> tuple[Sample, float]:
            sample = await session_for(agent, request_timeout_s=5.0).probe(0.5)
            return sample, time.monotonic() - started

        (good, good_s), (_, dead_s), (_, slow_s) = await asyncio.gather(*map(poll, (healthy, dead, slow)))
    assert good.ok
    assert good_s < min(dead_s, slow_s)
    assert 0.5 <= dead_s < 2
    assert 0.5 <= slow_s < 2


async def test_one_request_is_in_flight_per_device() -> None:
    class Counting(Slow):
        waiting = most = 0

        def datagram_received(self, data: bytes, addr: tuple[str | Any, int]) -> None:
            self.waiting += 1
            self.most = max(self.most, self.waiting)
            super().datagram_received(data, addr)

        def reply(self, data: bytes, addr: tuple[str | Any, int]) -> None:
            self.waiting -= 1
            super().reply(data, addr)

    async with serve(Counting(device(10))) as agent:
        await session_for(agent, max_oids=10).probe(5.0)
    assert isinstance(agent, Counting)
    assert len(agent.requests) > 10
    assert agent.most == 1


async def test_an_address_outside_the_scope_is_never_asked() -> None:
    async with serve(Agent(device(1))) as agent:
        target = Target("x", f"127.0.0.1:{agent.port}", allows=lambda _address: False)
        sample = await open_session(target, Settings()).probe(1.0)
    assert sample.reason is Reason.PERMISSION
    assert not agent.requests


async def test_an_agent_without_sysuptime_is_timed_by_our_clock() -> None:
    rows = {oid: row for oid, row in device(1).items() if not oid.startswith("1.3.6.1.2.1.1.")}
    async with serve(Agent(rows)) as agent:
        session = session_for(agent)
        await session.probe(5.0)
        await asyncio.sleep(0.05)
        agent.rows[f"{mib.IF_HC_IN_OCTETS}.1"] = counter64(2000)
        sample = await session.probe(5.0)
    assert sample.ok
    assert ("linkwatch_device_uptime_seconds", ()) not in sample.values
    utilization = value(sample, "utilization_ratio", direction="receive")
    assert utilization is not None
    assert 0 < utilization <= 1000 * 8 / 0.05 / 1e8
