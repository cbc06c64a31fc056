"""Recorded devices, served by snmpsim: what `linkwatch probe snmp` finds, against what snmpbulkwalk reads.

The recordings themselves are not part of LinkWatch; LibreNMS has hundreds, under tests/snmpsim.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from bench.process import running
from bench.row import Figure, MissingError, Pace, Row
from bench.tools import SNMPBULKWALK
from probes.snmp.inspection import NUMBERS
from probes.snmp.testing import free_udp_port
from tests.live.watch import LINKWATCH, wait_for

FOLDER = "LINKWATCH_RECORDINGS"
SNMPSIM = "snmpsim-command-responder"
WANTED = (
    f"needs {FOLDER}, a folder of *.snmprec files, and {SNMPSIM} on the PATH: "
    "python3 -m venv ~/snmpsim && ~/snmpsim/bin/pip install snmpsim pysmi && export PATH=$PATH:~/snmpsim/bin"
)
DEADLINE, START_S = "60s", 60.0
SHOWN = 10
IF_TABLE, IF_X_TABLE = "1.3.6.1.2.1.2.2", "1.3.6.1.2.1.31.1.1"

PREFIX = "linkwatch_interface_"
STATES = {"oper_up": "ifOperStatus", "admin_up": "ifAdminStatus"}
STATUS_UP, STATUS_UNKNOWN = 1, 4
TOTALS = {
    "receive_bytes_total": ("ifHCInOctets", "ifInOctets"),
    "transmit_bytes_total": ("ifHCOutOctets", "ifOutOctets"),
    "errors_total receive": ("ifInErrors",),
    "errors_total transmit": ("ifOutErrors",),
    "discards_total receive": ("ifInDiscards",),
    "discards_total transmit": ("ifOutDiscards",),
}
"""Our metrics, and the columns that they come from: the first that there is."""

Table = dict[int, dict[str, float]]
"""ifIndex -> what -> value: the numbers of IF-MIB by their names there, and our metrics."""


def measure(pace: Pace) -> Iterator[Figure]:
    """Every device of the folder; its community is the name of its file."""
    folder = find_folder()
    devices = sorted(file.stem for file in folder.glob("*.snmprec"))
    found = compared = wrong = 0
    with simulator(folder, devices[0]) as agent:
        for device in devices[: pace.pick(len(devices), 2)]:
            theirs, ours = read_walked(agent, device), read_probed(agent, device)
            differences, values = compare(theirs, ours), sum(map(len, theirs.values()))
            for line in differences[:SHOWN]:
                print(f"{device}: {line}", file=sys.stderr)
            note = f"{len(theirs)} interfaces, {values:,} values"
            yield Figure(f"{device}: differences", len(differences), at_most=0, note=note)
            found, compared, wrong = found + len(theirs), compared + values, wrong + len(differences)
    note = f"{found} interfaces, {compared:,} values"
    yield Figure("equal to snmpbulkwalk", 100 * (1 - wrong / compared), "%", at_least=100, note=note)


def find_folder() -> Path:
    """Where the recordings are; raises MissingError unless there are some, and what plays them."""
    folder = Path(os.environ.get(FOLDER) or "/nonexistent")
    if not any(folder.glob("*.snmprec")) or not shutil.which(SNMPSIM):
        raise MissingError(WANTED)
    return folder.resolve()


@contextmanager
def simulator(folder: Path, device: str) -> Iterator[str]:
    """snmpsim with all recordings; yields its address once `device` answers."""
    agent = f"127.0.0.1:{free_udp_port()}"
    with tempfile.TemporaryDirectory(prefix="snmpsim-") as made:
        command = ["env", "SNMPSIM_ALLOW_ROOT=true", SNMPSIM, f"--data-dir={folder}", f"--cache-dir={made}"]
        command += [f"--agent-udpv4-endpoint={agent}", "--log-level=error"]
        if os.geteuid() == 0:
            command += ["--process-user=root", "--process-group=root"]  # who else may read this Python?
        with running(command):
            wait_for(lambda: walk(agent, device, IF_TABLE), START_S)
            yield agent


def walk(agent: str, community: str, below: str) -> dict[str, str]:
    """OIDs and values as snmpbulkwalk prints them, without names; `-Cc` for agents that are out of order."""
    command = [SNMPBULKWALK.name, "-v2c", "-c", community, "-OnqetU", "-Cc", "-Cr50", agent, below]
    environment = {**os.environ, "MIBS": ""}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    pairs = (line.removeprefix(".").partition(" ") for line in done.stdout.splitlines())
    return {oid: value for oid, _, value in pairs if oid.startswith(below + ".") and "No Such" not in value}


def read_walked(agent: str, community: str) -> Table:
    """What snmpbulkwalk says of every interface, and what our metrics must be by that."""
    names = {column: name for name, column in NUMBERS.items()}
    table: Table = defaultdict(dict)
    for oid, value in (walk(agent, community, IF_TABLE) | walk(agent, community, IF_X_TABLE)).items():
        column, _, index = oid.rpartition(".")
        table[int(index)] |= {names[column]: float(value)} if column in names else {}
    return {index: {**row, **dict(expected(row))} for index, row in table.items()}


def expected(row: Mapping[str, float]) -> Iterator[tuple[str, float]]:
    """What our metrics of an interface must be; what is switched off has no traffic."""
    for metric, column in STATES.items():
        if row.get(column, STATUS_UNKNOWN) != STATUS_UNKNOWN:
            yield metric, float(row[column] == STATUS_UP)
    if row.get("ifAdminStatus", STATUS_UP) == STATUS_UP:
        for metric, columns in TOTALS.items():
            if present := [row[column] for column in columns if column in row]:
                yield metric, present[0]


def read_probed(agent: str, community: str) -> Table:
    """What `linkwatch probe snmp` says of every interface."""
    command = [LINKWATCH, "probe", "snmp", agent, "--community", community, "--json", "--deadline", DEADLINE]
    told = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    table: Table = {entry["index"]: dict(entry["raw"]) for entry in told["interfaces"]}
    indexes = {entry["name"]: entry["index"] for entry in told["interfaces"]}
    for value in told["values"]:
        labels = value["labels"]
        metric = f"{value['metric'].removeprefix(PREFIX)} {labels.get('direction', '')}".rstrip()
        if metric in STATES or metric in TOTALS:
            table[indexes[labels["interface"]]][metric] = value["value"]
    return table


def compare(theirs: Table, ours: Table) -> list[str]:
    """Every value that only one has, or that is another."""
    return [
        f"ifIndex {index} {what}: {theirs.get(index, {}).get(what)}, here {ours.get(index, {}).get(what)}"
        for index in sorted(theirs.keys() | ours.keys())
        for what in sorted(theirs.get(index, {}).keys() | ours.get(index, {}).keys())
        if theirs.get(index, {}).get(what) != ours.get(index, {}).get(what)
    ]


ROWS = (Row("recordings", "recorded SNMP devices beside snmpbulkwalk", measure, (SNMPBULKWALK,)),)
