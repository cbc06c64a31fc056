"""Agents that misbehave: walks that go back or never end, answers that are cut short or garbled."""

from __future__ import annotations

from typing import Any

import pytest

from probes.sample import Reason, Sample
from probes.snmp import Settings, discovery, mib
from probes.snmp.client import Client
from probes.snmp.testing import (
    OID,
    V2C,
    Agent,
    Request,
    Row,
    gauge,
    integer,
    parse_oid,
    serve,
)
from tests.probes.snmp.devices import device, names, session_for


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


ABSENT = [f"1.3.6.1.4.1.9.9.{number}" for number in range(50)]


async def test_what_an_agent_does_not_have_is_not_taken_for_too_much_at_once() -> None:
    async with serve(Agent(device(1))) as agent:
        client = Client("127.0.0.1", agent.port, Settings())
        assert await client.get_all(ABSENT) == {}
    assert len(agent.requests) == 2
    assert client.max_oids == Settings().max_oids


async def test_what_an_agent_has_is_found_however_little_it_answers_at_once() -> None:
    rows = dict.fromkeys(ABSENT[::7], gauge(1))
    async with serve(Agent(device(1) | rows, max_varbinds=10)) as agent:
        client = Client("127.0.0.1", agent.port, Settings())
        assert (await client.get_all(ABSENT)).keys() == rows.keys()
    assert client.max_oids <= 12


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
