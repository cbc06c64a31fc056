"""SNMP beside snmp_exporter: CPU time of a poll of snmpd's interfaces, and 500 devices at once."""

from __future__ import annotations

import json
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import yaml

from bench.network import addresses, namespace
from bench.process import Spell, Subject, running
from bench.row import Figure, Pace, Row
from bench.tools import NAMESPACE, SNMP_EXPORTER, SNMPD
from bench.watched import SETTLED_S, await_all_up, scrape, service, stage
from probes.snmp import mib
from probes.snmp.testing import snmpd
from tests.live.watch import wait_for
from tests.network import Namespace

PAIRS = 24
DEVICES, DEVICE_PAIRS, EVERY_S = 500, 4, 10
AGENT_PORT, EXPORTER_PORT = 11161, 19116
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))

COLUMNS = (
    mib.IF_HC_IN_OCTETS, mib.IF_HC_OUT_OCTETS, mib.IF_HC_IN_UCAST_PKTS, mib.IF_HC_IN_MULTICAST_PKTS,
    mib.IF_HC_IN_BROADCAST_PKTS, mib.IF_HC_OUT_UCAST_PKTS, mib.IF_HC_OUT_MULTICAST_PKTS,
    mib.IF_HC_OUT_BROADCAST_PKTS, mib.IF_IN_ERRORS, mib.IF_IN_DISCARDS, mib.IF_OUT_ERRORS,
    mib.IF_OUT_DISCARDS, mib.IF_ADMIN_STATUS, mib.IF_OPER_STATUS, mib.IF_HIGH_SPEED,
)  # fmt: skip
"""What our poll reads of each interface that is up; the exporter is asked for no more."""


def measure_poll(pace: Pace) -> Iterator[Figure]:
    """One device with 49 interfaces, polled as fast as it goes by one poller after the other."""
    seconds = pace.pick(20, 3)
    with namespace(firewall=False) as inside, tempfile.TemporaryDirectory() as folder:
        add_interfaces(inside, PAIRS)
        with inside.entered(), snmpd(host="127.0.0.1", port=AGENT_PORT):
            ours_ms, told = our_poll_ms(inside, seconds)
            peer_ms = exporter_ms(inside, Path(folder), seconds) if SNMP_EXPORTER.found else None
    what = f"CPU per poll of {2 * PAIRS + 1} interfaces"
    yield Figure(what, ours_ms, "ms", 1.0, None, peer_ms, "snmp_exporter", f"{told['values']} values")


def our_poll_ms(inside: Namespace, seconds: float) -> tuple[float, dict[str, int]]:
    """CPU milliseconds of a poll, and what the poller told."""
    with Subject("snmp", f"127.0.0.1:{AGENT_PORT}", inside=inside.command()) as ours:
        spell = Spell(ours.pid)
        time.sleep(seconds)
        used_s = spell.used_s
        told: dict[str, int] = json.loads(ours.finish())
    return used_s / told["polls"] * 1e3, told


def exporter_ms(inside: Namespace, folder: Path, seconds: float) -> float:
    """CPU milliseconds of one scrape of snmp_exporter."""
    file = folder / "snmp.yml"
    file.write_text(yaml.safe_dump({"if_mib": exporter_module()}))
    listen = f"--web.listen-address=127.0.0.1:{EXPORTER_PORT}"
    command = inside.command(SNMP_EXPORTER.name, f"--config.file={file}", listen)
    with running(command, folder / "exporter.log") as exporter:
        wait_for(is_exporter_there)
        for _ in range(5):
            poll_through_exporter()
        spell, polls = Spell(exporter.pid), 0
        while spell.lasted_s < seconds:
            poll_through_exporter()
            polls += 1
        return spell.used_s / polls * 1e3


def exporter_module() -> dict[str, object]:
    """The same columns in the exporter's own words (the form before version 0.23)."""
    name = {"labels": ["ifIndex"], "labelname": "ifName", "oid": mib.IF_NAME, "type": "DisplayString"}
    index = {"labelname": "ifIndex", "type": "gauge"}
    metrics = [
        {"name": f"column{n}", "oid": oid, "type": "counter", "indexes": [index], "lookups": [name]}
        for n, oid in enumerate(COLUMNS)
    ]
    return {
        "walk": [mib.IF_NAME, *COLUMNS],
        "get": [mib.SYS_UPTIME],
        "metrics": metrics,
        "version": 2,
        "max_repetitions": 50,
        "auth": {"community": "public"},
    }


def is_exporter_there() -> bool:
    """Whether it answers."""
    try:
        poll_through_exporter()
    except OSError:
        return False
    return True


def poll_through_exporter() -> None:
    """One scrape; a failed one is an HTTP error."""
    url = f"http://127.0.0.1:{EXPORTER_PORT}/snmp?module=if_mib&target=127.0.0.1:{AGENT_PORT}"
    with OPENER.open(url, timeout=10) as answer:
        answer.read()


def add_interfaces(inside: Namespace, pairs: int) -> None:
    """Pairs of interfaces that are up."""
    for n in range(pairs):
        inside.run("ip", "link", "add", f"a{n}", "type", "veth", "peer", "name", f"b{n}")
        for end in "ab":
            inside.run("ip", "link", "set", f"{end}{n}", "up")


def measure_devices(pace: Pace) -> Iterator[Figure]:
    """One snmpd that answers on 500 addresses."""
    seconds = pace.pick(120, 20)
    probe = {"type": "snmp", "interval": f"{EVERY_S}s", "community": "public", "port": AGENT_PORT}
    devices = [
        {"id": f"router-{i:03}", "kind": "router", "address": address, "probes": [probe]}
        for i, address in enumerate(addresses(DEVICES))
    ]
    with stage() as on:
        add_interfaces(on.inside, DEVICE_PAIRS)
        with on.inside.entered(), snmpd(host="0.0.0.0", port=AGENT_PORT), service(on, devices) as watch:
            await_all_up(watch, DEVICES)
            time.sleep(SETTLED_S)
            spell = Spell(watch.pid)
            time.sleep(seconds)
            cores_percent = spell.cores_percent
            missed, success = "linkwatch_missed_schedules_total", "linkwatch_probe_success"
            seen = scrape(watch, missed, success, "linkwatch_probe_failures_total")
    yield Figure("missed schedules", seen.total(missed), at_most=0)
    yield Figure("failed polls", seen.total("linkwatch_probe_failures_total"), at_most=0)
    yield Figure("devices that answer", seen.total(success), at_least=DEVICES)
    yield Figure("CPU of one core", cores_percent, "%", note=f"{2 * DEVICE_PAIRS + 1} interfaces each")


ROWS = (
    Row(
        "snmp",
        "IF-MIB poll of snmpd beside snmp_exporter",
        measure_poll,
        (*NAMESPACE, SNMPD),
        (SNMP_EXPORTER,),
    ),
    Row("devices", "500 SNMP devices every 10 s", measure_devices, (*NAMESPACE, SNMPD)),
)
