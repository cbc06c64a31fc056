"""What needs rights is opened first, then every right is given up; the service goes on as before."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import yaml

from tests.live.watch import LINKWATCH, inventory, wait_for
from tests.network import Namespace

pytestmark = pytest.mark.live

PORT = 80
URL = f"http://127.0.0.1:{PORT}/metrics"
NOBODY = 65534
OWN_VIEW = """
set -e
mkdir "$1/bin" && mount --bind "$2" "$1/bin" && mount -t tmpfs -o mode=755 tmpfs "$3"
mkdir -p "$2" && mount --bind "$1/bin" "$2"
shift 3; exec "$@"
"""
"""Where Python lies in a folder that only its owner may enter (pyenv below /root), the command sees that
folder open to all and with nothing but Python in it."""


class Service:
    """`linkwatch run` on port 80 of a namespace."""

    def __init__(self, namespace: Namespace, process: subprocess.Popen[str], file: Path) -> None:
        self._namespace, self.process, self._file = namespace, process, file

    def metrics(self) -> str:
        assert self.process.poll() is None, self.process.communicate()[1]
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with self._namespace.entered(), opener.open(URL, timeout=5) as answer:
                text: str = answer.read().decode()
        except OSError:
            return ""
        return text

    def shows(self, start: str, value: str) -> bool:
        return any(
            line.startswith(start) and line.endswith(f" {value}") for line in self.metrics().splitlines()
        )

    def reload(self, document: dict[str, Any]) -> None:
        self._file.write_text(yaml.safe_dump(document))
        self.process.send_signal(signal.SIGHUP)

    def threads(self) -> list[dict[str, str]]:
        """What the kernel says of each thread."""
        tasks = list(Path(f"/proc/{self.process.pid}/task").iterdir())
        statuses = [(task / "status").read_text().splitlines() for task in tasks]
        return [dict(line.split(":\t", 1) for line in lines) for lines in statuses]

    def nicest(self) -> int:
        return min(
            os.getpriority(os.PRIO_PROCESS, int(task.name))
            for task in Path(f"/proc/{self.process.pid}/task").iterdir()
        )


@contextmanager
def running(namespace: Namespace, folder: Path, document: dict[str, Any], user: str) -> Iterator[Service]:
    """`user`: to become; empty: root stays root."""
    file = folder / "inventory.yml"
    file.write_text(yaml.safe_dump(document))
    wrap, options = (own_view(folder), ("--user", user)) if user else ([], ())
    command = namespace.command(*wrap, LINKWATCH, "run", str(file), *options)
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        yield Service(namespace, process, file)
    finally:
        process.terminate()
        process.communicate(timeout=15)


def own_view(folder: Path) -> list[str]:
    """Words before a command that let everybody read Python, whoever owns the folders above it."""
    (folder / "view").mkdir()
    base = Path(sys.base_prefix).resolve()
    closed = [parent for parent in reversed(base.parents) if not parent.stat().st_mode & 0o001]
    if not closed:
        return []
    return ["unshare", "--mount", "sh", "-c", OWN_VIEW, "sh", str(folder / "view"), str(base), str(closed[0])]


@pytest.fixture
def folder() -> Iterator[Path]:
    """Open to others. Not below pytest's own folder: any other run of pytest takes that away from others."""
    with TemporaryDirectory(prefix="linkwatch-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


def world(folder: Path, *addresses: str) -> dict[str, Any]:
    targets = [{"id": f"t{i}", "address": address} for i, address in enumerate(addresses)]
    document = inventory(folder, targets, server={"listen": f"127.0.0.1:{PORT}"})
    return {**document, "scope": ["10.50.0.0/16", "fd50::/64"]}


@pytest.mark.parametrize("user", ["", "nobody"])
def test_no_thread_keeps_a_right_and_the_service_pings_reloads_and_stores(
    namespace: Namespace, folder: Path, user: str
) -> None:
    os.chown(folder, NOBODY if user else 0, -1)
    with running(namespace, folder, world(folder, "10.50.1.1"), user) as service:
        wait_for(lambda: service.shows('linkwatch_up{target="t0"', "1"), 20)
        for status in service.threads():
            rights = {
                name: int(status[name], 16) for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")
            }
            assert set(rights.values()) == {0}, rights
            assert status["NoNewPrivs"] == "1"
            assert status["Uid"].split() == [str(NOBODY if user else 0)] * 4
            assert not user or status["Groups"].split() == [str(NOBODY)]
        assert service.nicest() == os.getpriority(os.PRIO_PROCESS, 0) - 10
        service.reload(world(folder, "10.50.1.1", "fd50::1"))  # the first IPv6 target
        wait_for(lambda: service.shows('linkwatch_up{target="t1"', "1"), 20)
        assert service.shows("linkwatch_store_healthy", "1")
        assert service.shows("linkwatch_icmp_send_errors_total", "0")
    assert (folder / "linkwatch.db").stat().st_uid == (NOBODY if user else 0)


def test_a_secret_that_only_root_may_read_is_told_at_the_start(namespace: Namespace, folder: Path) -> None:
    """Not at the first reload, weeks later."""
    os.chown(folder, NOBODY, -1)
    (folder / "chat").write_text("json://127.0.0.1/x")
    (folder / "chat").chmod(0o600)
    document = world(folder, "10.50.1.1")
    document["contacts"]["duty"]["channels"]["chat"] = "${file:chat}"
    with running(namespace, folder, document, "nobody") as service:
        _, errors = service.process.communicate(timeout=20)
    assert service.process.returncode == 2
    assert "the secret file chat cannot be read: Permission denied" in errors
    assert "Traceback" not in errors
