"""No file left: connections are refused or not accepted, and pinging and paging go on."""

from __future__ import annotations

import os
import resource
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.live.test_outage import quick, target
from tests.live.watch import PORT, Watch, inbox, wait_for, watching
from tests.network import Namespace

pytestmark = pytest.mark.live

FLOOD = 300


@contextmanager
def flood(namespace: Namespace) -> Iterator[None]:
    """Connections that say nothing, begun all at once."""
    with namespace.entered():
        held = [socket.socket() for _ in range(FLOOD)]
    for one in held:
        one.setblocking(False)
        one.connect_ex(("127.0.0.1", PORT))
    try:
        yield
    finally:
        for one in held:
            one.close()


def cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def limit_files(watch: Watch, count: int) -> None:
    _, hard = resource.prlimit(watch.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(watch.pid, resource.RLIMIT_NOFILE, (count, hard))


def test_a_flood_of_connections_takes_its_share_and_a_page_goes_out_meanwhile(
    namespace: Namespace, tmp_path: Path
) -> None:
    document = quick(tmp_path, [target("link", 1), target("other", 2)])
    wrap = ("prlimit", "--nofile=64:96")
    with inbox(namespace) as pages, watching(namespace, tmp_path, document, *wrap) as watch:
        wait_for(lambda: watch.metric("linkwatch_up", target="link") == 1)
        assert resource.prlimit(watch.pid, resource.RLIMIT_NOFILE) == (96, 96), "the soft limit is raised"
        sent = watch.metric("linkwatch_icmp_sent_total", target="other") or 0
        with flood(namespace):
            namespace.cut("10.50.1.1")
            wait_for(lambda: pages.subjects("link"))
            assert len(os.listdir(f"/proc/{watch.pid}/fd")) < 80
            time.sleep(2)
        wait_for(lambda: (watch.metric("linkwatch_web_refused_connections_total") or 0) > FLOOD - 60)
        assert watch.metric("linkwatch_file_shortages_total") == 0
        assert (watch.metric("linkwatch_icmp_sent_total", target="other") or 0) >= sent + 2


def test_without_a_file_left_nothing_spins_pings_go_on_and_it_is_over_by_itself(
    namespace: Namespace, tmp_path: Path
) -> None:
    document = quick(tmp_path, [target("link", 1)])
    with watching(namespace, tmp_path, document) as watch:
        wait_for(lambda: watch.metric("linkwatch_up", target="link") == 1)
        sent = watch.metric("linkwatch_icmp_sent_total", target="link") or 0
        limit_files(watch, 3)
        before = cpu_s(watch.pid)
        with flood(namespace):
            time.sleep(4)
            assert cpu_s(watch.pid) - before < 1.0
        limit_files(watch, 1024)
        wait_for(watch.is_ready)
        assert (watch.metric("linkwatch_file_shortages_total") or 0) >= 2
        assert (watch.metric("linkwatch_icmp_sent_total", target="link") or 0) >= sent + 3
        assert watch.metric("linkwatch_up", target="link") == 1
        errors = watch.stop()
    assert errors.count("no connection can be accepted (too many open files)") == 1
    assert "Traceback" not in errors
