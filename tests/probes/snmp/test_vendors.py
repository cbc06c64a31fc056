"""Each vendor's profile against an agent that answers as its devices do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from probes.sample import Sample
from probes.snmp import metrics, mib
from probes.snmp.testing import V2C, Agent, integer, serve, text
from tests.probes.snmp.devices import session_for

DEVICES: dict[str, Any] = yaml.safe_load((Path(__file__).parent / "vendors.yml").read_text("utf-8"))
SENSED = {metric.name for metric in metrics.METRICS[metrics.METRICS.index(metrics.CPU) :]}


def rows_of(device: str) -> dict[str, Any]:
    return {oid: _value(value) for oid, value in DEVICES[device]["rows"].items()}


def _value(value: Any) -> Any:
    if isinstance(value, int):
        return integer(value)
    return V2C.ObjectIdentifier(value) if value.startswith("1.3.6.") else text(value)


def sensed(sample: Sample) -> dict[str, float]:
    return {
        " ".join([metric.removeprefix("linkwatch_"), *(text for _, text in labels if text)]): value
        for (metric, labels), value in sample.values.items()
        if metric in SENSED
    }


@pytest.mark.parametrize("version", ["1", "2c"])
@pytest.mark.parametrize("device", DEVICES)
async def test_a_vendors_device_is_read_by_its_profile(device: str, version: str) -> None:
    async with serve(Agent(rows_of(device))) as agent:
        session = session_for(agent, version=version)
        first, second = await session.probe(10.0), await session.probe(10.0)
    assert first.ok, first.detail
    assert not first.detail
    assert sensed(first) == pytest.approx(DEVICES[device]["values"])
    assert sensed(second) == sensed(first)


async def test_a_value_that_goes_away_is_absent_and_comes_back() -> None:
    rows = rows_of("huawei, optics in dBm") | {f"{mib.IF_OPER_STATUS}.7": integer(1)}
    power = "1.3.6.1.4.1.2011.5.25.31.1.1.3.1.8.270"
    async with serve(Agent(rows)) as agent:
        session = session_for(agent)
        seen = []
        for value in (integer(-849), integer(0), None, integer(-900)):
            agent.rows = {**rows, power: value} if value is not None else _without(rows, power)
            seen.append(sensed(await session.probe(5.0)).get(_RECEIVE))
    assert seen == [-8.49, None, None, -9.0]


_RECEIVE = "interface_optical_power_dbm receive GigabitEthernet0/0/4"


def _without(rows: dict[str, Any], oid: str) -> dict[str, Any]:
    return {key: value for key, value in rows.items() if key != oid}


@pytest.mark.parametrize(
    ("profile", "found"),
    [("none", {}), ("hikvision", {"device_cpu_ratio": 0.45, "device_storage_ratio disk": 0.91})],
)
async def test_a_profile_may_be_named_where_the_object_id_misleads(
    profile: str, found: dict[str, float]
) -> None:
    rows = rows_of("hikvision") | {"1.3.6.1.2.1.1.2.0": V2C.ObjectIdentifier("1.3.6.1.4.1.8072.3.2.10")}
    async with serve(Agent(rows)) as agent:
        sample = await session_for(agent, profile=profile).probe(5.0)
    assert sensed(sample) == pytest.approx(found)
