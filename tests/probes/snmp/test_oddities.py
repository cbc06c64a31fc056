"""Agents that misbehave: walks that go back or never end, answers that are cut short or garbled."""

from __future__ import annotations

from typing import Any

import pytest

from probes.sample import Reason, Sample
from probes.snmp import discovery, mib
from probes.snmp.testing import (
    OID,
    V2C,
    Agent,
    Request,
    Row,
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
