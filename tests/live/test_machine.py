"""Faults of the machine beneath a running service: told, counted, outlived, or ended with an exit code."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.error
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from itertools import pairwise
from pathlib import Path

import pytest
import yaml

from tests.live.test_outage import quick, target
from tests.live.watch import Watch, inbox, wait_for, watching
from tests.network import Namespace

pytestmark = pytest.mark.live

BROKEN = """
import threading, time
from linkwatch.{place} import {owner}
from probes.icmp.pinger import Pinger
turn, before, broken_from = Pinger._turn, {owner}.{moment}, []
def broken(self):
    if broken_from and time.monotonic() > broken_from[0]:
        {fault}
    return turn(self)
def after(self, *given):
    broken_from.append(time.monotonic() + {later_s})
    return before(self, *given)
Pinger._turn, {owner}.{moment} = broken, after
threading.excepthook = lambda _: None
from linkwatch.cli import main
main()
"""
"""`linkwatch` whose pinger thread comes to grief from a moment on."""

STARTING = {"place": "store.store", "owner": "Store", "moment": "load", "later_s": "0"}
READY = {"place": "flow.supervisor", "owner": "Supervisor", "moment": "ready", "later_s": "1"}
DIES, HANGS = "raise RuntimeError", "time.sleep(60)"
STUCK = "the pinger thread is stuck, and the service with it; the process ends"

STALLED = """
import asyncio, time
from linkwatch.flow.vitals import Vitals
async def stall(self, _monotonic):
    await asyncio.sleep(3)
    time.sleep(6)
    await asyncio.Event().wait()
Vitals.watch_loop = stall
from linkwatch.cli import main
main()
"""
"""`linkwatch` whose event loop stands still for six seconds, three after its tasks began."""


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of a megabyte."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder]
    if os.geteuid() != 0 or not shutil.which("mount") or subprocess.run(mount, check=False).returncode:
        pytest.skip("needs root to mount a small disk")
    yield folder
    subprocess.run(["umount", folder], check=True)


def is_unhealthy(watch: Watch) -> bool:
    try:
        watch.get("/healthz")
    except urllib.error.HTTPError as error:
        return error.code == 503
    return False


@contextmanager
def full(folder: Path) -> Iterator[None]:
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(4096))
    yield
    filler.unlink()


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    with closing(sqlite3.connect(folder / "linkwatch.db", isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        yield
        other.execute("ROLLBACK")


@pytest.mark.parametrize("fault", [full, locked])
def test_a_store_that_cannot_be_written_stops_no_page_and_is_over_by_itself(
    namespace: Namespace, tmp_path: Path, small_disk: Path, fault: object
) -> None:
    store = {"url": f"sqlite:///{small_disk}/linkwatch.db"}
    document = quick(tmp_path, [target("link", 1)], store=store)
    with inbox(namespace) as pages, watching(namespace, tmp_path, document) as watch:
        wait_for(lambda: watch.metric("linkwatch_up", target="link") == 1)
        with fault(small_disk):  # type: ignore[operator]
            namespace.cut("10.50.1.1")
            wait_for(lambda: pages.subjects("link"), 20)
            wait_for(lambda: is_unhealthy(watch))
            wait_for(lambda: watch.metric("linkwatch_store_healthy") == 0)
        wait_for(lambda: watch.metric("linkwatch_store_healthy") == 1, 20)
        wait_for(lambda: not is_unhealthy(watch))
        wait_for(lambda: [incident["root"] for incident in watch.incidents()] == ["link"])


def test_a_process_that_was_paused_calls_nothing_down(namespace: Namespace, tmp_path: Path) -> None:
    document = quick(tmp_path, [target("link", 1), target("other", 2)])
    with inbox(namespace) as pages, watching(namespace, tmp_path, document) as watch:
        wait_for(lambda: watch.metric("linkwatch_up", target="link") == 1)
        watch.signal(signal.SIGSTOP)
        time.sleep(7)
        watch.signal(signal.SIGCONT)
        wait_for(watch.is_ready)
        assert (watch.metric("linkwatch_missed_schedules_total") or 0) >= 2
        time.sleep(4)
        assert watch.metric("linkwatch_up", target="link") == 1
        assert watch.metric("linkwatch_icmp_loss_ratio", target="link", window="1m") == 0
        assert watch.incidents() == []
    assert pages.messages == []


@pytest.mark.parametrize(
    ("moment", "fault", "told"),
    [
        (READY, DIES, "linkwatch: the pinger thread has stopped; nothing would be measured any more"),
        (READY, HANGS, STUCK),
        (STARTING, HANGS, STUCK),
    ],
    ids=["dead", "stuck", "stuck-at-start"],
)
def test_a_pinger_that_no_longer_turns_ends_the_process(
    namespace: Namespace, tmp_path: Path, moment: dict[str, str], fault: str, told: str
) -> None:
    """One that is stuck holds the lock for which the event loop waits."""
    done = run_script(namespace, tmp_path, BROKEN.format(fault=fault, **moment))
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.endswith(told)


def test_the_watchdog_is_not_fed_while_the_loop_stands_still(namespace: Namespace, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(0.05)
        command = namespace.command(sys.executable, "-c", STALLED, "run", str(written(tmp_path)))
        environment = {**os.environ, "NOTIFY_SOCKET": str(tmp_path / "notify")}
        with subprocess.Popen(command, env=environment, stdout=-3, stderr=-3) as process:
            heard = listen_to(manager, 60.0, enough=lambda heard: longest_pause(heard) > 5)
            process.terminate()
            process.wait(15)
            last = [text for _, text in listen_to(manager, 0.2)]
    assert heard[0][1] == "READY=1"
    assert longest_pause(heard) > 5
    assert "STOPPING=1" in last


def longest_pause(heard: Sequence[tuple[float, str]]) -> float:
    fed = [at for at, text in heard if text == "WATCHDOG=1"]
    return max((after - before for before, after in pairwise(fed)), default=0.0)


def listen_to(
    manager: socket.socket,
    seconds: float,
    enough: Callable[[Sequence[tuple[float, str]]], bool] = lambda _heard: False,
) -> list[tuple[float, str]]:
    """What the service tells its manager, and when."""
    until, heard = time.monotonic() + seconds, list[tuple[float, str]]()
    while time.monotonic() < until and not enough(heard):
        with suppress(TimeoutError):
            text = manager.recv(200).decode()
            heard.append((time.monotonic(), text))
    return heard


def test_a_name_that_leads_nowhere_or_outside_is_unknown_with_its_reason(
    namespace: Namespace, tmp_path: Path
) -> None:
    """The demo of a mistake that only the running service meets: the file itself is good."""
    targets = [
        target("good", 1),
        {"id": "gone", "address": "no.such.invalid"},
        {"id": "page", "kind": "portal", "address": "http://no.such.invalid/"},
        {"id": "abroad", "address": "localhost"},
    ]
    document = quick(tmp_path, targets, scope=["10.50.0.0/16"], anchors=[])
    with watching(namespace, tmp_path, document) as watch:
        wait_for(lambda: watch.metric("linkwatch_up", target="good") == 1)
        wait_for(lambda: watch.metric("linkwatch_probe_failures_total", target="gone", reason="resolve"))
        wait_for(lambda: watch.metric("linkwatch_probe_failures_total", target="abroad", reason="permission"))
        page = {"target": "page", "reason": "resolve"}
        wait_for(lambda: (watch.metric("linkwatch_probe_failures_total", **page) or 0) >= 3, 60)
        for name, reason in (("gone", "resolve"), ("page", "resolve"), ("abroad", "permission")):
            shown = yaml.safe_load(watch.get(f"/api/v1/targets/{name}"))
            assert (shown["status"], shown["cause"]) == (
                "unknown",
                {"kind": "not_measured", "reference": reason},
            )
            assert watch.metric("linkwatch_up", target=name) is None
        assert watch.metric("linkwatch_up", target="good") == 1
        assert watch.incidents() == []
        errors = watch.stop()
    assert "2 names give no address, their targets are unknown: no.such.invalid: " in errors
    assert "localhost is outside the scope (" in errors


def written(folder: Path) -> Path:
    file = folder / "inventory.yml"
    file.write_text(yaml.safe_dump(quick(folder, [target("link", 1)])))
    return file


def run_script(namespace: Namespace, folder: Path, script: str) -> subprocess.CompletedProcess[str]:
    """`linkwatch run` with a fault in it, until it ends."""
    command = namespace.command(sys.executable, "-c", script, "run", str(written(folder)))
    return subprocess.run(command, capture_output=True, text=True, timeout=55, check=False)
