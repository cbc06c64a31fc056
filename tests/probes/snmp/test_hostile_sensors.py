"""Agents whose sensors never end, answer nothing, or say things that no sensor says."""

from __future__ import annotations

from typing import Any

import pytest

from probes.snmp import mib, sensors
from probes.snmp.testing import (
    OID,
    V2C,
    Agent,
    Row,
    counter64,
    integer,
    interface_rows,
    parse_oid,
    serve,
    text,
)
from tests.probes.snmp.devices import session_for
from tests.probes.snmp.test_vendors import sensed

JUNOS = {mib.SYS_OBJECT_ID: V2C.ObjectIdentifier("1.3.6.1.4.1.2636.1")}
CPU, NAME = "1.3.6.1.4.1.2636.3.1.13.1.8", "1.3.6.1.4.1.2636.3.1.13.1.5"


class EndlessColumn(Agent):
    def next_row(self, oid: OID) -> Row | None:
        column = parse_oid(CPU)
        if oid[: len(column)] != column:
            return super().next_row(oid)
        return (*column, oid[-1] + 1 if len(oid) > len(column) else 1), integer(1)


async def test_a_column_without_end_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sensors, "ROWS_MAX", 40)
    async with serve(EndlessColumn(JUNOS | interface_rows(1, "ge-0/0/0"))) as agent:
        sample = await session_for(agent).probe(5.0)
    assert sample.ok, sample.detail


class SilentOn(Agent):
    """Does not answer what lies below a column: some agents hang there."""

    def datagram_received(self, data: bytes, addr: tuple[str | Any, int]) -> None:
        self.silent = bytes([0x94, 0x4C, 3, 1, 13, 1, 8]) in data  # 2636.3.1.13.1.8 in BER
        super().datagram_received(data, addr)


async def test_an_item_that_the_agent_does_not_answer_costs_no_interface_and_not_every_poll() -> None:
    rows = JUNOS | interface_rows(1, "ge-0/0/0", IF_HC_IN_OCTETS=counter64(7))
    rows |= {"1.3.6.1.4.1.2636.3.1.13.1.7.9": integer(39), f"{NAME}.9": text("Routing Engine 0")}
    async with serve(SilentOn(rows)) as agent:
        session = session_for(agent, request_timeout_s=0.05)
        first, second = await session.probe(5.0), await session.probe(5.0)
    assert first.ok
    assert first.detail.startswith("incomplete: ")
    assert ("linkwatch_interface_oper_up", (("alias", ""), ("interface", "ge-0/0/0"))) in first.values
    assert not second.detail
    assert sensed(second) == {"device_temperature_celsius Routing Engine 0": 39}


@pytest.mark.parametrize(
    "value",
    [
        text(""),
        text("n/a"),
        text("\x00\xff"),
        text("9" * 300),
        integer(-(2**31)),
        counter64(2**64 - 1),
        V2C.Null(""),
    ],
)
async def test_what_no_processor_says_is_no_value(value: Any) -> None:
    rows = JUNOS | {f"{CPU}.9": value, f"{NAME}.9": text("Routing Engine 0")}
    async with serve(Agent(rows)) as agent:
        sample = await session_for(agent).probe(5.0)
    assert sample.ok, sample.detail
    assert sensed(sample) == {}


async def test_parts_of_one_name_are_told_apart_and_long_names_are_cut() -> None:
    rows = JUNOS | {f"{CPU}.{index}": integer(10) for index in (8, 9, 10)}
    rows |= {f"{NAME}.8": text("FPC"), f"{NAME}.9": text("FPC"), f"{NAME}.10": text("FPC " + "x" * 500)}
    async with serve(Agent(rows)) as agent:
        found = sensed(await session_for(agent).probe(5.0))
    short = {name for name in found if len(name) < 60}
    assert short == {"device_cpu_ratio FPC 8", "device_cpu_ratio FPC 9"}
    assert max(map(len, found)) < 130


async def test_a_device_whose_parts_lie_in_a_circle_is_read() -> None:
    optics = "1.3.6.1.4.1.2011.5.25.31.1.1.3.1.8"
    rows = {mib.SYS_OBJECT_ID: V2C.ObjectIdentifier("1.3.6.1.4.1.2011.2")}
    rows |= {f"{optics}.5": integer(-800), "1.3.6.1.2.1.47.1.1.1.1.4.5": integer(6)}
    rows |= {"1.3.6.1.2.1.47.1.1.1.1.4.6": integer(5), "1.3.6.1.2.1.47.1.1.1.1.7.5": text("SFP 1")}
    async with serve(Agent(rows)) as agent:
        found = sensed(await session_for(agent).probe(5.0))
    assert found == {"interface_optical_power_dbm receive SFP 1": -8.0}
