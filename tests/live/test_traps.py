"""Traps of a real agent's address at a running service: a poll and an event at once, a line in the story."""

from __future__ import annotations

import json
import resource
import shutil
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from probes.snmp.testing import SNMPD_MISSING, has_snmpd, snmpd
from probes.snmp.traps import Result
from tests.live.test_outage import quick
from tests.live.watch import Watch, wait_for, watching
from tests.network import Namespace
from tests.probes.snmp.traps.captures import damaged

pytestmark = pytest.mark.live

ROUTER, TRAP_PORT = "10.50.9.1", 1162
LINK_DOWN, COLD_START = "1.3.6.1.6.3.1.1.5.3", "1.3.6.1.6.3.1.1.5.1"
PORT_3 = ("1.3.6.1.2.1.31.1.1.1.1.3", "s", "ge-0/0/3")


@contextmanager
def agent(namespace: Namespace) -> Iterator[int]:
    """A real snmpd at the router's address; yields its port."""
    if not has_snmpd():
        pytest.skip(SNMPD_MISSING)
    if shutil.which("snmptrap") is None:
        pytest.skip("needs snmptrap: apt-get install snmp")
    started = snmpd(["rocommunity s3cret"], host=ROUTER)
    with namespace.entered():
        port = started.__enter__()
    try:
        yield port
    finally:
        started.__exit__(None, None, None)


def document(folder: Path, port: int) -> dict[str, Any]:
    probes = [
        {"type": "icmp", "interval": "1s"},
        {"type": "snmp", "interval": "1h", "community": "s3cret"},
    ]
    router = {"id": "router", "kind": "router", "address": f"{ROUTER}:{port}", "probes": probes}
    made = quick(folder, [router])
    made["server"]["traps"] = {"listen": f"0.0.0.0:{TRAP_PORT}"}
    return made


def send(namespace: Namespace, *words: str, source: str = ROUTER, community: str = "s3cret") -> None:
    sender = (f"--clientaddr={source}", "-m", "", "-v2c", "-c", community, f"{ROUTER}:{TRAP_PORT}", "1")
    namespace.run("snmptrap", *sender, *words)


def events(watch: Watch) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(watch.get("/api/v1/targets/router"))["events"]
    return found


def test_a_trap_becomes_a_poll_and_an_event_within_a_second(namespace: Namespace, tmp_path: Path) -> None:
    with agent(namespace) as port, watching(namespace, tmp_path, document(tmp_path, port)) as watch:
        assert watch.metric("linkwatch_probe_success", probe="snmp") is None, "its turn comes within an hour"
        assert events(watch) == []
        sent_s = time.monotonic()
        send(namespace, LINK_DOWN, *PORT_3)
        wait_for(lambda: watch.metric("linkwatch_probe_success", probe="snmp") == 1 and events(watch), 5)
        took_s = time.monotonic() - sent_s
        assert took_s < 1.0
        (event,) = events(watch)
        assert (event["kind"], event["detail"]) == ("link-down", {"interface": "ge-0/0/3"})
        assert watch.metric("linkwatch_traps_total", target="router", trap="link-down") == 1
        send(namespace, LINK_DOWN, source="10.50.9.77")
        send(namespace, LINK_DOWN, community="public")
        refused = "linkwatch_trap_datagrams_total"
        wait_for(lambda: watch.metric(refused, result="unknown_sender") == 1)
        wait_for(lambda: watch.metric(refused, result="unauthenticated") == 1)
        assert len(events(watch)) == 1
        errors = watch.stop()
        assert "10.50.9.77 sends to the trap port is not heard: no target" in errors
        assert "s3cret" not in errors


def test_a_service_under_fifty_thousand_garbage_datagrams_goes_on(
    namespace: Namespace, tmp_path: Path
) -> None:
    garbage, lags = list(damaged(50_000)), []
    with agent(namespace) as port, watching(namespace, tmp_path, document(tmp_path, port)) as watch:

        def results() -> dict[Result, float]:
            name = "linkwatch_trap_datagrams_total"
            return {one: watch.metric(name, result=one.value) or 0.0 for one in Result}

        def is_heard_again() -> bool:
            send(namespace, COLD_START)
            return len(events(watch)) > 1

        send(namespace, LINK_DOWN)
        wait_for(lambda: watch.metric("linkwatch_probe_success", probe="snmp") == 1)
        before_bytes = resident_bytes(watch.pid)
        with namespace.entered(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.bind((ROUTER, 0))
            for place in range(0, len(garbage), 5000):
                for data in garbage[place : place + 5000]:
                    sender.sendto(data, (ROUTER, TRAP_PORT))
                time.sleep(0.3)  # the lag is told once a second
                lags.append(watch.metric("linkwatch_loop_lag_seconds") or 0.0)
        wait_for(lambda: sum(results().values()) == len(garbage) + 1)
        assert max(lags) < 0.5
        assert resident_bytes(watch.pid) - before_bytes < 20e6
        assert watch.metric("linkwatch_icmp_consecutive_losses", target="router") == 0
        wait_for(is_heard_again, 30)


def resident_bytes(pid: int) -> int:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * resource.getpagesize()


def test_what_a_device_says_stands_in_the_incident_that_it_announced(
    namespace: Namespace, tmp_path: Path
) -> None:
    with agent(namespace) as port, watching(namespace, tmp_path, document(tmp_path, port)) as watch:
        wait_for(lambda: watch.metric("linkwatch_up", target="router") == 1)
        send(namespace, LINK_DOWN, *PORT_3)
        wait_for(lambda: events(watch))
        namespace.cut(f"{ROUTER} meta l4proto icmp")
        wait_for(watch.incidents)
        send(namespace, COLD_START)

        def story() -> list[str]:
            return [line["kind"] for line in watch.incidents()[0]["timeline"]]

        wait_for(lambda: {"link-down", "cold-start"} <= {*story()})
        assert story().index("opened") < story().index("link-down") < story().index("cold-start")
        page = watch.get("/incidents/1")
        assert "cổng mất kết nối" in page
        assert "ge-0/0/3" in page
