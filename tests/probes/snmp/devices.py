"""Devices with interfaces, and what a poll says of them."""

from __future__ import annotations

from typing import Any

from probes.sample import Sample, Target
from probes.snmp import Settings, mib
from probes.snmp.poller import DeviceSession
from probes.snmp.sampling import open_session
from probes.snmp.testing import (
    Agent,
    counter32,
    counter64,
    gauge,
    interface_rows,
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
