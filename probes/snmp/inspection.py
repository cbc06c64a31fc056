"""Everything that a device says of its interfaces, as it says it: for people who look at one device."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from gufo.snmp import ValueType

from probes.failure import ProbeError
from probes.resolve import resolve_one, split_host_port
from probes.sample import Sample, Target
from probes.snmp import mib
from probes.snmp.client import Client
from probes.snmp.discovery import Discovery
from probes.snmp.interfaces import Interface, Reading, clean_text
from probes.snmp.poller import DeviceSession
from probes.snmp.settings import Settings

_TEXTS = {"description": mib.IF_DESCR, "if_name": mib.IF_NAME}
_STATES = {1: "up", 2: "down", 3: "testing", 4: "unknown", 5: "dormant", 6: "notPresent", 7: "lowerLayerDown"}
NUMBERS = {
    "ifType": mib.IF_TYPE,
    "ifMtu": mib.IF_MTU,
    "ifSpeed": mib.IF_SPEED,
    "ifHighSpeed": mib.IF_HIGH_SPEED,
    "ifAdminStatus": mib.IF_ADMIN_STATUS,
    "ifOperStatus": mib.IF_OPER_STATUS,
    "ifCounterDiscontinuityTime": mib.IF_COUNTER_DISCONTINUITY_TIME,
    "ifInOctets": mib.IF_IN_OCTETS,
    "ifInUcastPkts": mib.IF_IN_UCAST_PKTS,
    "ifInNUcastPkts": mib.IF_IN_NUCAST_PKTS,
    "ifInDiscards": mib.IF_IN_DISCARDS,
    "ifInErrors": mib.IF_IN_ERRORS,
    "ifOutOctets": mib.IF_OUT_OCTETS,
    "ifOutUcastPkts": mib.IF_OUT_UCAST_PKTS,
    "ifOutNUcastPkts": mib.IF_OUT_NUCAST_PKTS,
    "ifOutDiscards": mib.IF_OUT_DISCARDS,
    "ifOutErrors": mib.IF_OUT_ERRORS,
    "ifHCInOctets": mib.IF_HC_IN_OCTETS,
    "ifHCInUcastPkts": mib.IF_HC_IN_UCAST_PKTS,
    "ifHCInMulticastPkts": mib.IF_HC_IN_MULTICAST_PKTS,
    "ifHCInBroadcastPkts": mib.IF_HC_IN_BROADCAST_PKTS,
    "ifHCOutOctets": mib.IF_HC_OUT_OCTETS,
    "ifHCOutUcastPkts": mib.IF_HC_OUT_UCAST_PKTS,
    "ifHCOutMulticastPkts": mib.IF_HC_OUT_MULTICAST_PKTS,
    "ifHCOutBroadcastPkts": mib.IF_HC_OUT_BROADCAST_PKTS,
}
"""Columns that hold numbers, by their names in IF-MIB."""

Found = Mapping[str, Any]


async def inspect(target: Target, settings: Settings, deadline_s: float) -> tuple[Sample, Found]:
    """Poll once, then list `interfaces`: all of them, whatever the settings watch, with `raw` numbers.

    Returns within `deadline_s`; when time or the agent does not suffice, `interfaces_detail` says why there
    is no list.
    """
    started = time.monotonic()
    session = DeviceSession(target, settings)
    try:
        sample = await session.probe(deadline_s)
    finally:
        await session.close()
    if not sample.ok:
        return sample, {}
    try:
        async with asyncio.timeout(deadline_s - (time.monotonic() - started)):
            return sample, {"interfaces": await _list_interfaces(target, settings)}
    except TimeoutError:
        return sample, {"interfaces_detail": f"not finished within {deadline_s:g} s: give --deadline"}
    except ProbeError as failure:
        return sample, {"interfaces_detail": failure.detail}


async def _list_interfaces(target: Target, settings: Settings) -> list[Found]:
    host, port = split_host_port(target.host, settings.port)
    client = Client(str(await resolve_one(target, host)), port, settings)
    interfaces = await Discovery(client, replace(settings, interfaces="", exclude="", types=())).run()
    columns = (*_TEXTS.values(), *NUMBERS.values())
    found = []
    for interface in interfaces:
        answer = await client.get_all([f"{column}.{interface.index}" for column in columns])
        found.append(
            _entry(interface, {column: answer.get(f"{column}.{interface.index}") for column in columns})
        )
    return found


def _entry(interface: Interface, said: Mapping[str, ValueType]) -> Found:
    numbers = {column: value for column, value in said.items() if isinstance(value, int)}
    return {
        "index": interface.index,
        "name": interface.name,
        "alias": interface.alias,
        **{key: clean_text(said[column]) for key, column in _TEXTS.items() if said[column] is not None},
        "admin_status": _STATES.get(numbers.get(mib.IF_ADMIN_STATUS, 0)),
        "oper_status": _STATES.get(numbers.get(mib.IF_OPER_STATUS, 0)),
        "speed_bits_per_second": Reading(0.0, None, numbers).speed_bps,
        "raw": {name: numbers[column] for name, column in NUMBERS.items() if column in numbers},
    }
