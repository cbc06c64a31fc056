"""Agents that are slow, silent or gone, and who waits for them."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from probes.sample import Reason, Sample, Target
from probes.snmp import Settings, mib
from probes.snmp.sampling import open_session
from probes.snmp.testing import (
    Agent,
    counter64,
    serve,
)
from tests.probes.snmp.devices import device, names, session_for, value


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
