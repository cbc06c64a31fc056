"""Real servers of names and of time on 127.0.0.1: dnsmasq, unbound, chronyd."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.probes.daemons import free_port, listening, need, running


@contextmanager
def dnsmasq(*options: str) -> Iterator[int]:
    """Knows what `options` say and refuses every other name; yields its port."""
    port = free_port()
    command = [need("dnsmasq", "dnsmasq-base"), "-k", "-p", str(port), "--listen-address=127.0.0.1"]
    command += ["--bind-interfaces", "--no-resolv", "--no-hosts", "--pid-file=", "--conf-file=/dev/null"]
    with listening([*command, *options], [port]):
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
    with listening([need("unbound", "unbound"), "-d", "-c", str(config)], [port]):
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
    with running([*wrapper, *program], lambda: _answers_time(port)):
        yield port


def _answers_time(port: int) -> bool:
    with socket.socket(type=socket.SOCK_DGRAM) as client:
        client.settimeout(0.2)
        client.connect(("127.0.0.1", port))
        try:
            client.send(b"\x23".ljust(48, b"\0"))
            return len(client.recv(100)) >= 48
        except OSError:
            return False
