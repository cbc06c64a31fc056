"""A real coturn on 127.0.0.1."""

from __future__ import annotations

import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from probes.stun.message import Kind, Method, encode
from tests.probes.daemons import accepts, free_port, need, running

USER = ("--lt-cred-mech", "--user", "lw:secret", "--realm", "lw.test")


@contextmanager
def coturn(*options: str) -> Iterator[int]:
    """Serves UDP and TCP, and TLS where `options` name a certificate, all on the port that is yielded."""
    program = need("turnserver", "coturn")
    with tempfile.TemporaryDirectory() as folder:
        port = free_port()
        command = [program, "-n", "-L", "127.0.0.1", "-p", str(port), "--no-dtls", "--no-cli", "-m", "1"]
        command += ["--pidfile", f"{folder}/pid", "--db", f"{folder}/db", "--log-file", f"{folder}/log"]
        command += ["--no-stdout-log", *options]
        with running(command, lambda: accepts(port) and answers_datagrams(port)):
            yield port


def answers_datagrams(port: int) -> bool:
    with socket.socket(type=socket.SOCK_DGRAM) as client:
        client.settimeout(0.2)
        client.connect(("127.0.0.1", port))
        try:
            client.send(encode(Method.BINDING, Kind.REQUEST, bytes(12), {}))
            return bool(client.recv(1000))
        except OSError:
            return False
