"""A real coturn on 127.0.0.1."""

from __future__ import annotations

import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from probes.stun.message import Kind, Method, encode

TURNSERVER = shutil.which("turnserver")
USER = ("--lt-cred-mech", "--user", "lw:secret", "--realm", "lw.test")


@contextmanager
def coturn(*options: str) -> Iterator[int]:
    """Serves UDP and TCP, and TLS where `options` name a certificate, all on the port that is yielded."""
    if TURNSERVER is None:
        pytest.skip("needs turnserver: apt-get install coturn")
    with tempfile.TemporaryDirectory() as folder:
        port = free_port()
        command = [TURNSERVER, "-n", "-L", "127.0.0.1", "-p", str(port), "--no-dtls", "--no-cli", "-m", "1"]
        command += ["--pidfile", f"{folder}/pid", "--db", f"{folder}/db", "--log-file", f"{folder}/log"]
        with subprocess.Popen(
            [*command, "--no-stdout-log", *options], stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        ) as server:
            try:
                wait_until_it_answers(port, server)
                yield port
            finally:
                server.kill()


def free_port() -> int:
    """A port that is free for UDP and for TCP."""
    while True:
        with socket.socket() as stream, socket.socket(type=socket.SOCK_DGRAM) as datagrams:
            stream.bind(("127.0.0.1", 0))
            port = int(stream.getsockname()[1])
            try:
                datagrams.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


def wait_until_it_answers(port: int, server: subprocess.Popen[bytes]) -> None:
    give_up_s = time.monotonic() + 10
    while time.monotonic() < give_up_s and server.poll() is None:
        with socket.socket() as stream:
            if stream.connect_ex(("127.0.0.1", port)) == 0 and answers_datagrams(port):
                return
        time.sleep(0.02)
    raise RuntimeError("coturn did not start")


def answers_datagrams(port: int) -> bool:
    with socket.socket(type=socket.SOCK_DGRAM) as client:
        client.settimeout(0.2)
        client.connect(("127.0.0.1", port))
        try:
            client.send(encode(Method.BINDING, Kind.REQUEST, bytes(12), {}))
            return bool(client.recv(1000))
        except OSError:
            return False
