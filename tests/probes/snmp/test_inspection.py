"""Everything of one device on the command line, beside what snmpbulkwalk shows of it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from probes.sample import Target
from probes.snmp import Settings
from probes.snmp.inspection import NUMBERS
from probes.snmp.sampling import inspect
from probes.snmp.testing import SNMPD_MISSING, Agent, counter64, has_snmpd, integer, serve, snmpd
from tests.probes.snmp.devices import device


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    if not has_snmpd():
        pytest.skip(SNMPD_MISSING)
    with snmpd() as port:
        yield port


def shown(port: int, *options: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "probes", "snmp", f"127.0.0.1:{port}", "--community", "public", *options]
    done = subprocess.run([*command, "--json"], capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def walked(port: int, column: str) -> dict[int, int]:
    if shutil.which("snmpbulkwalk") is None:
        pytest.skip("needs snmpbulkwalk: apt-get install snmp")
    command = ["snmpbulkwalk", "-v2c", "-c", "public", "-OnqetU", f"127.0.0.1:{port}", column]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env={"MIBS": ""})
    rows = (line.partition(" ") for line in done.stdout.splitlines() if "No Such" not in line)
    return {int(oid.rpartition(".")[2]): int(value) for oid, _, value in rows}


def test_all_interfaces_of_snmpd_are_shown_as_snmpbulkwalk_shows_them(port: int) -> None:
    before = {name: walked(port, NUMBERS[name]) for name in NUMBERS}
    interfaces = {entry["index"]: entry["raw"] for entry in shown(port)["interfaces"]}
    after = {name: walked(port, NUMBERS[name]) for name in NUMBERS}
    for name in NUMBERS:
        ours = {index: raw[name] for index, raw in interfaces.items() if name in raw}
        assert ours.keys() == before[name].keys(), name
        for index, value in ours.items():
            assert before[name][index] <= value <= after[name][index], (name, index)


def test_filters_narrow_what_is_watched_not_what_is_shown(port: int) -> None:
    found = shown(port, "--interfaces", "no such interface")
    assert not [entry for entry in found["values"] if "interface" in entry["labels"]]
    assert len(found["interfaces"]) == len(walked(port, NUMBERS["ifType"]))


async def test_an_interface_is_shown_with_its_states_in_words_and_its_numbers_raw() -> None:
    rows = device(1, IF_ADMIN_STATUS=integer(1), IF_OPER_STATUS=integer(7), IF_HC_IN_OCTETS=counter64(2**63))
    async with serve(Agent(rows)) as agent:
        _, found = await inspect(Target("t", f"127.0.0.1:{agent.port}"), Settings(), 5.0)
    (entry,) = found["interfaces"]
    assert (entry["name"], entry["admin_status"], entry["oper_status"]) == (
        "ge-0/0/1",
        "up",
        "lowerLayerDown",
    )
    assert entry["raw"]["ifHCInOctets"] == 2**63
    assert entry["speed_bits_per_second"] == 1e8


async def test_without_an_answer_there_is_only_the_sample() -> None:
    async with serve(Agent(device(1), silent=True)) as agent:
        quick = Settings(request_timeout_s=0.1, retries=0)
        sample, found = await inspect(Target("t", f"127.0.0.1:{agent.port}"), quick, 2.0)
    assert not sample.ok
    assert found == {}
