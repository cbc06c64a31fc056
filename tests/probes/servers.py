"""Real servers of names and of time on 127.0.0.1: dnsmasq, unbound, chronyd."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.probes.coturn import free_port

PATH = f"{os.environ['PATH']}:/usr/sbin"


def need(program: str, package: str) -> str:
    found = shutil.which(program, path=PATH)
    if found is None:
        pytest.skip(f"needs {program}: apt-get install {package}")
    return found


@contextmanager
def dnsmasq(*options: str) -> Iterator[int]:
    """Knows what `options` say and refuses every other name; yields its port."""
    port = free_port()
    command = [need("dnsmasq", "dnsmasq-base"), "-k", "-p", str(port), "--listen-address=127.0.0.1"]
    command += ["--bind-interfaces", "--no-resolv", "--no-hosts", "--pid-file=", "--conf-file=/dev/null"]
    with _running([*command, *options], lambda: _accepts(port)):
        yield port


UNBOUND = """
server:
  interface: 127.0.0.1@{port}
  do-daemonize: no
  username: ""
  chroot: ""
  directory: "{folder}"
  pidfile: ""
  use-syslog: no
  do-ip6: no
  do-not-query-localhost: no
  root-hints: "/dev/null"
  ede: yes
  local-zone: "test." nodefault
  {server}
remote-control:
  control-enable: no
{rest}
"""


@contextmanager
def unbound(folder: Path, server: str = "", rest: str = "", port: int = 0) -> Iterator[int]:
    """Yields its port; `server` is added to its server clause, `rest` are further clauses."""
    port = port or free_port()
    config = folder / f"unbound-{port}.conf"
    config.write_text(UNBOUND.format(port=port, folder=folder, server=server, rest=rest))
    with _running([need("unbound", "unbound"), "-d", "-c", str(config)], lambda: _accepts(port)):
        yield port


CHRONYD = """
port {port}
bindaddress 127.0.0.1
allow 127.0.0.0/8
cmdport 0
pidfile {folder}/chronyd.pid
{more}
"""


@contextmanager
def chronyd(folder: Path, more: str, *, wrapper: Sequence[str] = ()) -> Iterator[int]:
    """A time server that leaves the clock alone; yields its port."""
    port = free_port()
    config = folder / "chrony.conf"
    config.write_text(CHRONYD.format(port=port, folder=folder, more=more))
    program = [need("chronyd", "chrony"), "-x", "-d", "-U", "-u", "root", "-f", str(config)]
    with _running([*wrapper, *program], lambda: _answers_time(port)):
        yield port


@contextmanager
def _running(command: Sequence[str], is_ready: Callable[[], bool]) -> Iterator[None]:
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            give_up_s = time.monotonic() + 10
            while not is_ready():
                if process.poll() is not None or time.monotonic() > give_up_s:
                    raise RuntimeError(f"{command[0]} did not start")
                time.sleep(0.02)
            yield
        finally:
            process.terminate()


def _accepts(port: int) -> bool:
    with socket.socket() as stream:
        return stream.connect_ex(("127.0.0.1", port)) == 0


def _answers_time(port: int) -> bool:
    with socket.socket(type=socket.SOCK_DGRAM) as client:
        client.settimeout(0.2)
        client.connect(("127.0.0.1", port))
        try:
            client.send(b"\x23".ljust(48, b"\0"))
            return len(client.recv(100)) >= 48
        except OSError:
            return False
