"""A network namespace of a test: every address of 10.50.0.0/16 and fd50::/64 is this machine."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count

import pytest

_CLONE_NEWNET = 0x40000000
_numbers = count()


class Namespace:
    def __init__(self) -> None:
        self.name = f"lw-{os.getpid()}-{next(_numbers)}"
        subprocess.run(["ip", "netns", "add", self.name], check=True)
        self.run("sysctl", "-qw", "net.ipv4.icmp_ratelimit=0", "net.ipv6.icmp.ratelimit=0")
        self.run("ip", "link", "set", "lo", "up")
        self.run("ip", "addr", "add", "10.50.0.0/16", "dev", "lo")
        self.run("ip", "route", "add", "local", "fd50::/64", "dev", "lo")
        self.run("nft", "add table inet lw")
        for hook in ("input", "output"):
            self.run("nft", f"add chain inet lw {hook} {{ type filter hook {hook} priority 0; }}")

    def command(self, *command: str) -> list[str]:
        """The words that run a command inside."""
        return ["ip", "netns", "exec", self.name, *command]

    def run(self, *command: str) -> str:
        done = subprocess.run(self.command(*command), check=True, capture_output=True, text=True)
        return done.stdout

    def rule(self, chain: str, rule: str) -> None:
        self.run("nft", f"add rule inet lw {chain} {rule}")

    def cut(self, *addresses: str) -> None:
        """Let nothing reach these addresses, or prefixes, any more."""
        for address in addresses:
            self.rule("input", f"ip daddr {address} drop")

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


@contextmanager
def own_namespace() -> Iterator[Namespace]:
    """A fresh namespace, or a skip that says what is missing."""
    if os.geteuid() != 0:
        pytest.skip("needs root (network namespaces)")
    for program in ("ip", "nft"):
        if shutil.which(program) is None:
            pytest.skip(f"needs {program}: apt-get install iproute2 nftables")
    made = Namespace()
    try:
        yield made
    finally:
        made.delete()
