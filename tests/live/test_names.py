"""A name moves to another address: LinkWatch follows when the DNS says that the old one holds no more."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.live.watch import inventory, wait_for, watching
from tests.network import Namespace, own_namespace
from tests.probes.daemons import need

pytestmark = pytest.mark.live

LIFETIME_S = 5
SERVER = "127.0.0.53"
ASK = """
import asyncio, sys
from probes.dns.lifetime import lifetime_s
print(*(asyncio.run(lifetime_s(name, 4, 2.0)) for name in sys.argv[1:]))
"""


@pytest.fixture
def namespace() -> Iterator[Namespace]:
    """Its own resolver is at SERVER: `ip netns exec` puts the file over /etc/resolv.conf."""
    with own_namespace() as made:
        folder = Path("/etc/netns") / made.name
        folder.mkdir(parents=True)
        (folder / "resolv.conf").write_text(f"nameserver {SERVER}\nsearch lw.test\n")
        try:
            yield made
        finally:
            shutil.rmtree(folder)


@contextmanager
def dnsmasq(namespace: Namespace, *options: str) -> Iterator[subprocess.Popen[bytes]]:
    command = [need("dnsmasq", "dnsmasq-base"), "-k", f"--listen-address={SERVER}", "--bind-interfaces"]
    command += ["--no-resolv", "--no-hosts", "--pid-file=", "--conf-file=/dev/null", "--user=root"]
    with subprocess.Popen(namespace.command(*command, *options), stderr=subprocess.DEVNULL) as process:
        try:
            yield process
        finally:
            process.terminate()


def test_a_name_that_fails_over_is_followed(namespace: Namespace, tmp_path: Path) -> None:
    hosts = tmp_path / "hosts"
    hosts.write_text("10.50.1.1 portal.lw.test\n")
    target = {"id": "portal", "address": "portal.lw.test"}
    options = (f"--addn-hosts={hosts}", f"--local-ttl={LIFETIME_S}")
    with (
        dnsmasq(namespace, *options) as server,
        watching(namespace, tmp_path, inventory(tmp_path, [target])) as watch,
    ):
        wait_for(lambda: watch.metric("linkwatch_up", target="portal") == 1)
        namespace.cut("10.50.1.1")
        wait_for(lambda: watch.metric("linkwatch_up", target="portal") == 0)
        hosts.write_text("10.50.1.2 portal.lw.test\n")
        server.send_signal(signal.SIGHUP)
        wait_for(lambda: watch.metric("linkwatch_up", target="portal") == 1, 20)


def test_the_least_lifetime_on_the_way_counts(
    namespace: Namespace,
) -> None:
    records = ("--cname=www.lw.test,portal.lw.test,30", "--host-record=portal.lw.test,10.50.1.1,86400")
    with dnsmasq(namespace, *records, "--address=/lw.test/"):
        wait_for(lambda: namespace.run("ss", "-Hlnu", "src", SERVER))
        names = ("portal.lw.test", "www.lw.test", "portal", "gone.lw.test", "a..b", "x" * 64)
        told = namespace.run(sys.executable, "-c", ASK, *names)
    assert told.split() == ["86400.0", "30.0", "86400.0", "None", "None", "None"]


def test_without_a_resolver_no_lifetime_is_known(namespace: Namespace) -> None:
    assert namespace.run(sys.executable, "-c", ASK, "portal.lw.test").split() == ["None"]
    (Path("/etc/netns") / namespace.name / "resolv.conf").write_text("")
    assert namespace.run(sys.executable, "-c", ASK, "portal.lw.test").split() == ["None"]
