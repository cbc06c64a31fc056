"""What of this machine stands in the way, whatever is watched: rights, buffers, files, clock, tools."""

from __future__ import annotations

import ctypes
import os
import resource
import shutil
import socket
import sys
from collections.abc import Iterator

from linkwatch.cli.finding import Finding

BUFFER_WANTED = 4 * 1024 * 1024
"""Bytes of receive buffer: a queued reply costs 832, so the stock 212,992 hold 51 ms at 10,000 replies/s."""

FILES_WANTED = 4096
CLOCK_MEND = "sudo timedatectl set-ntp true, or: sudo apt-get install chrony"
CLOCK_UNSYNCHRONIZED = 5  # TIME_ERROR of adjtimex(2)


def examine_machine(files_wanted: int = FILES_WANTED) -> Iterator[Finding]:
    """Look at everything. `files_wanted`: how many files the inventory may need open at once."""
    yield _icmp(socket.AF_INET, "IPv4", socket.IPPROTO_ICMP)
    yield _icmp(socket.AF_INET6, "IPv6", socket.IPPROTO_ICMPV6)
    yield _buffer("rmem_max", socket.SO_RCVBUF)
    yield _buffer("wmem_max", socket.SO_SNDBUF)
    yield _files(max(files_wanted, FILES_WANTED))
    yield _clock()
    yield _tool("ip", "iproute2", "the demo's own network")


def _icmp(family: int, name: str, protocol: int) -> Finding:
    for kind, text in ((socket.SOCK_RAW, "raw sockets"), (socket.SOCK_DGRAM, "datagram sockets")):
        try:
            socket.socket(family, kind, protocol).close()
        except OSError:
            continue
        return Finding(f"icmp {name}", True, f"{text} may be opened")
    mend = f"sudo setcap cap_net_raw+ep {os.path.realpath(sys.executable)}"
    return Finding(f"icmp {name}", False, "no ICMP socket may be opened", mend)


def _buffer(name: str, option: int) -> Finding:
    """What the kernel grants, since the limit itself cannot be read inside a container."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as trial:
        trial.setsockopt(socket.SOL_SOCKET, option, BUFFER_WANTED)
        size = trial.getsockopt(socket.SOL_SOCKET, option) // 2  # the kernel doubles it for its overhead
    mend = f"sudo sysctl -w net.core.{name}={BUFFER_WANTED}"
    enough = size >= BUFFER_WANTED
    text = f"socket buffers of {size:,} bytes are granted, {BUFFER_WANTED:,} are wanted"
    return Finding(name, enough, text, "" if enough else mend)


def _files(wanted: int) -> Finding:
    """The hard limit: `run` raises the soft one to it by itself."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    enough = hard == resource.RLIM_INFINITY or hard >= wanted
    if enough:
        return Finding("files", True, f"{wanted:,} files may be open at once")
    text = f"only {hard:,} files may be open at once, {wanted:,} are wanted"
    mend = f"ulimit -n {wanted}; under systemd: LimitNOFILE={wanted} with sudo systemctl edit linkwatch"
    return Finding("files", False, text, mend)


def _clock() -> Finding:
    state = ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(256))
    good = state != CLOCK_UNSYNCHRONIZED
    text = (
        "the clock is synchronized" if good else "the clock is not synchronized: times in messages may be off"
    )
    return Finding("clock", good, text, "" if good else CLOCK_MEND)


def _tool(name: str, package: str, purpose: str) -> Finding:
    path = shutil.which(name)
    text = f"{name} is there" if path else f"{name} is missing: needed for {purpose}"
    return Finding(name, path is not None, text, "" if path else f"sudo apt-get install {package}")
