"""The network of a test: namespaces, and what joins them, a plain cable or a wire that can be made bad.

In a namespace every address of 10.50.0.0/16 and fd50::/64 is this machine. `over_a_wire` gives two of them:

    with over_a_wire() as (near, far, wire):
        wire.change(Conditions(delay_s=0.025, loss_ratio=0.05))    # both ways
        wire.change(back=CUT)                                      # one way; the other stays as it was
        near.run("ping", "-c1", "10.50.1.1")                       # `far` answers

Everything goes away with its block, whatever happened in it. `tests/routed.py` has routers.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import accumulate, count
from math import comb

import pytest

from linkwatch.demo.namespace import TUN_DEVICE, open_tun
from linkwatch.demo.wire import Wire

NEAR, NEAR_6 = "10.60.0.1", "fd60::1"
"""The near end of a wire; beyond lie 10.50.0.0/16 and fd50::/64."""
FAR_NETWORK, FAR_NETWORK_6 = "10.50.0.0/16", "fd50::/64"
_CLONE_NEWNET = 0x40000000
_numbers = count()


class Namespace:
    def __init__(self) -> None:
        self.name = f"lw-{os.getpid()}-{next(_numbers)}"
        subprocess.run(["ip", "netns", "add", self.name], check=True)
        try:
            self._furnish()
        except BaseException:
            self.delete()
            raise

    def _furnish(self) -> None:
        self.run("sysctl", "-qw", "net.ipv4.icmp_ratelimit=0", "net.ipv6.icmp.ratelimit=0")
        self.run("ip", "link", "set", "lo", "up")
        self.run("ip", "addr", "add", FAR_NETWORK, "dev", "lo")
        self.run("ip", "route", "add", "local", FAR_NETWORK_6, "dev", "lo")
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


def join(near: Namespace, far: Namespace, name: str) -> None:
    """Join two namespaces by a plain cable; its interface has this name at both ends, and no address."""
    ends = ("link", "add", name, "netns", near.name, "type", "veth", "peer", "name", name, "netns", far.name)
    subprocess.run(["ip", *ends], check=True)
    for end in (near, far):
        end.run("ip", "link", "set", name, "up")


def join_by_wire(near: Namespace, far: Namespace, name: str, seed: int = 1) -> Wire:
    """The same by a wire, which takes the interfaces away again when it is closed. Whatever else runs on the
    machine, it is served first: else it would add milliseconds of its own."""
    wire = Wire(_tun(near, name), _tun(far, name), seed)
    with suppress(PermissionError):
        os.sched_setscheduler(wire.pid, os.SCHED_FIFO, os.sched_param(1))
    return wire


def _tun(inside: Namespace, name: str) -> int:
    with inside.entered():
        fd = open_tun(name)
    inside.run("ip", "link", "set", name, "up")
    return fd


def binomial_99(count: int, ratio: float) -> range:
    """How many of `count` packets are lost in 99 % of all runs if each is lost with that probability."""
    chances = (comb(count, lost) * ratio**lost * (1 - ratio) ** (count - lost) for lost in range(count + 1))
    so_far = list(accumulate(chances))
    return range(bisect_right(so_far, 0.005), bisect_left(so_far, 0.995) + 1)


@contextmanager
def wired(near: Namespace, far: Namespace, seed: int = 1) -> Iterator[Wire]:
    """Let `near` reach what is in `far` (10.50.0.0/16, fd50::/64) over a wire alone."""
    near.run("ip", "addr", "del", FAR_NETWORK, "dev", "lo")
    near.run("ip", "route", "del", "local", FAR_NETWORK_6, "dev", "lo")
    with join_by_wire(near, far, "wire", seed) as wire:
        near.run("ip", "addr", "add", f"{NEAR}/32", "dev", "wire")
        near.run("ip", "addr", "add", f"{NEAR_6}/128", "dev", "wire", "nodad")
        for end, *networks in ((near, FAR_NETWORK, FAR_NETWORK_6), (far, f"{NEAR}/32", f"{NEAR_6}/128")):
            for network in networks:
                end.run("ip", "route", "add", network, "dev", "wire")
        yield wire


@contextmanager
def over_a_wire(seed: int = 1) -> Iterator[tuple[Namespace, Namespace, Wire]]:
    """Two fresh namespaces and the wire between them, or a skip that says what is missing."""
    with own_namespace() as near, own_namespace() as far:
        if not TUN_DEVICE.exists():
            pytest.skip(f"needs {TUN_DEVICE}: modprobe tun")
        with wired(near, far, seed) as wire:
            yield near, far, wire
