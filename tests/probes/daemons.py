"""Starts real servers for a test, on free ports of 127.0.0.1, and ends them with it."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import pytest

PATH = f"{os.environ['PATH']}:/usr/sbin"
PATIENCE_S = 15


def need(program: str, package: str) -> str:
    """Where the program lies, or a skip that says what to install."""
    found = shutil.which(program, path=PATH)
    if found is None:
        pytest.skip(f"needs {program}: apt-get install {package}")
    return found


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


def free_ports(count: int) -> list[int]:
    """Different ports that are free for TCP."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()


def accepts(port: int) -> bool:
    """Whether somebody listens there."""
    with socket.socket() as stream:
        return stream.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def running(command: Sequence[str], is_ready: Callable[[], bool]) -> Iterator[None]:
    """A server while it runs, from when it is ready."""
    silent = subprocess.DEVNULL
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=silent, stderr=silent) as process:
        try:
            give_up_s = time.monotonic() + PATIENCE_S
            while not is_ready():
                if process.poll() is not None or time.monotonic() > give_up_s:
                    raise RuntimeError(f"{command[0]} did not start")
                time.sleep(0.02)
            yield
        finally:
            process.terminate()


@contextmanager
def listening(command: Sequence[str], ports: Sequence[int]) -> Iterator[None]:
    """A server while it runs, from when it listens at all of these ports."""
    with running(command, lambda: all(map(accepts, ports))):
        yield
