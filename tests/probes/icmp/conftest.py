"""A network namespace per test, in which every address of 10.50.0.0/16 and fd50::/64 is this machine."""

import ctypes
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ipaddress import ip_address
from itertools import count

import pytest

from probes.icmp import Pinger, ProbePermissionError
from probes.icmp.targets import PingTarget

_CLONE_NEWNET = 0x40000000
_numbers = count()


class Namespace:
    def __init__(self) -> None:
        self.name = f"lw-icmp-{os.getpid()}-{next(_numbers)}"
        subprocess.run(["ip", "netns", "add", self.name], check=True)
        self.run("sysctl", "-qw", "net.ipv4.icmp_ratelimit=0", "net.ipv6.icmp.ratelimit=0")
        self.run("ip", "link", "set", "lo", "up")
        self.run("ip", "addr", "add", "10.50.0.0/16", "dev", "lo")
        self.run("ip", "route", "add", "local", "fd50::/64", "dev", "lo")
        self.run("nft", "add table inet lw")
        for hook in ("input", "output"):
            self.run("nft", f"add chain inet lw {hook} {{ type filter hook {hook} priority 0; }}")

    def run(self, *command: str) -> str:
        done = subprocess.run(
            ["ip", "netns", "exec", self.name, *command], check=True, capture_output=True, text=True
        )
        return done.stdout

    def rule(self, chain: str, rule: str) -> None:
        self.run("nft", f"add rule inet lw {chain} {rule}")

    def mend(self) -> None:
        self.run("nft", "flush table inet lw")

    @contextmanager
    def entered(self) -> Iterator[None]:
        """The calling thread's new sockets lie inside."""
        libc = ctypes.CDLL(None, use_errno=True)
        with open("/proc/thread-self/ns/net") as outside, open(f"/run/netns/{self.name}") as inside:
            if libc.setns(inside.fileno(), _CLONE_NEWNET):
                raise OSError(ctypes.get_errno(), "setns")
            try:
                yield
            finally:
                libc.setns(outside.fileno(), _CLONE_NEWNET)

    def delete(self) -> None:
        subprocess.run(["ip", "netns", "del", self.name], check=True)


@pytest.fixture
def namespace() -> Iterator[Namespace]:
    if os.geteuid() != 0:
        pytest.skip("needs root (network namespaces)")
    for program in ("ip", "nft"):
        if shutil.which(program) is None:
            pytest.skip(f"needs {program}: apt-get install iproute2 nftables")
    made = Namespace()
    yield made
    made.delete()


@pytest.fixture
def start() -> Iterator[Callable[..., Pinger]]:
    """Starts pingers, and closes them after the test."""
    pingers: list[Pinger] = []

    def started(*targets: PingTarget, **options: object) -> Pinger:
        pinger = Pinger(**options)  # type: ignore[arg-type]
        pinger.replace(targets)
        try:
            pinger.start()
        except ProbePermissionError as error:
            pytest.skip(f"needs ICMP sockets: {error}")
        pingers.append(pinger)
        return pinger

    yield started
    for pinger in pingers:
        pinger.close()


def target(address: str, interval_s: float = 0.05, **more: object) -> PingTarget:
    return PingTarget(address, ip_address(address), interval_s=interval_s, **more)  # type: ignore[arg-type]


def wait_for(condition: Callable[[], object], within_s: float = 5.0) -> None:
    """Real peers take real time: look often, give up late."""
    stop_at = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < stop_at, "did not happen in time"
        time.sleep(0.01)
