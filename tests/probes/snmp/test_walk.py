"""Walks over tables that come in disorder, or in answers that are too big for the way or the agent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from probes.snmp import mib
from probes.snmp.testing import V2C, Agent, Request, Row, gauge, serve
from tests.probes.snmp.devices import device, names, session_for


class LosesBigAnswers(Agent):
    """A way on which fragments are dropped."""

    def datagram_received(self, data: bytes, addr: tuple[str | Any, int]) -> None:
        self.silent = False
        super().datagram_received(data, addr)

    def answer(self, request: Request) -> Sequence[Row]:
        self.silent = request.kind == "getbulk" and request.max_repetitions > 5
        return super().answer(request)

    def reply(self, data: bytes, addr: tuple[str | Any, int]) -> None:
        if not self.silent:
            super().reply(data, addr)


class TooBigHalfway(Agent):
    """Answers a GETBULK that starts behind the third row as if the table were at its end."""

    def answer(self, request: Request) -> Sequence[Row]:
        if request.kind == "getbulk" and request.oids[0][-1] >= 3:
            return [(oid, V2C.EndOfMibView("")) for oid in request.oids]
        return list(super().answer(request))[:3] if request.kind == "getbulk" else super().answer(request)


class Shuffled(Agent):
    """Gives rows 2 and 3 of every column the other way round, as agents with unsorted tables do."""

    def _ordered(self) -> list[Row]:
        return sorted(
            super()._ordered(), key=lambda row: (row[0][:-1], {2: 3, 3: 2}.get(row[0][-1], row[0][-1]))
        )

    def next_row(self, oid: tuple[int, ...]) -> Row | None:
        rows = self._ordered()
        places = [place for place, row in enumerate(rows) if row[0] == oid]
        if not places:
            return super().next_row(oid)
        return rows[places[0] + 1] if places[0] + 1 < len(rows) else None


@pytest.mark.parametrize("kind", [LosesBigAnswers, TooBigHalfway, Shuffled])
async def test_every_interface_is_found_all_the_same(kind: type[Agent]) -> None:
    rows = device(8) | {mib.IF_NUMBER: gauge(8)}
    async with serve(kind(rows)) as agent:
        session = session_for(agent, request_timeout_s=0.1)
        first, second = await session.probe(5.0), await session.probe(5.0)
    assert first.ok, first.detail
    assert len(names(first)) == len(names(second)) == 8


async def test_an_agent_that_counts_more_interfaces_than_it_has_is_read() -> None:
    async with serve(Agent(device(3) | {mib.IF_NUMBER: gauge(9)})) as agent:
        sample = await session_for(agent).probe(5.0)
    assert len(names(sample)) == 3
