"""`linkwatch doctor`: what of this machine stands in the way, and the command that mends it."""

from __future__ import annotations

import ctypes
import json
import os
import shutil
import socket
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass

import click

from linkwatch.cli.failures import MEASURED_BAD

BUFFER_WANTED = 4 * 1024 * 1024
"""Bytes of receive buffer: a queued reply costs 832, so the stock 212,992 hold 51 ms at 10,000 replies/s."""

FILES_WANTED = 4096
CLOCK_UNSYNCHRONIZED = 5  # TIME_ERROR of adjtimex(2)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. `mend`: the command that mends it, if it is not good."""

    name: str
    good: bool
    text: str
    mend: str = ""


@click.command("doctor", short_help="Find what is wrong with this machine and how to mend it.")
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
def command(as_json: bool) -> None:
    """Look at privileges, buffers, clock and tools. Exit code: 0 all good, 1 something is not."""
    found = list(examine())
    if as_json:
        click.echo(json.dumps([asdict(finding) for finding in found], indent=2))
    else:
        for finding in found:
            _print(finding)
    sys.exit(0 if all(finding.good for finding in found) else MEASURED_BAD)


def examine() -> Iterator[Finding]:
    """Look at everything."""
    yield _icmp(socket.AF_INET, "IPv4", socket.IPPROTO_ICMP)
    yield _icmp(socket.AF_INET6, "IPv6", socket.IPPROTO_ICMPV6)
    yield _buffer("rmem_max", socket.SO_RCVBUF)
    yield _buffer("wmem_max", socket.SO_SNDBUF)
    yield _files()
    yield _clock()
    yield _tool("ip", "iproute2", "the demo's own network")


def _icmp(family: int, name: str, protocol: int) -> Finding:
    for kind, text in ((socket.SOCK_RAW, "raw sockets"), (socket.SOCK_DGRAM, "datagram sockets")):
        try:
            socket.socket(family, kind, protocol).close()
        except OSError:
            continue
        return Finding(f"icmp {name}", True, f"{text} may be opened")
    binary = os.path.realpath(sys.executable)
    return Finding(
        f"icmp {name}", False, "no ICMP socket may be opened", f"sudo setcap cap_net_raw+ep {binary}"
    )


def _buffer(name: str, option: int) -> Finding:
    """What the kernel grants, since the limit itself cannot be read inside a container."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as trial:
        trial.setsockopt(socket.SOL_SOCKET, option, BUFFER_WANTED)
        size = trial.getsockopt(socket.SOL_SOCKET, option) // 2  # the kernel doubles it for its overhead
    mend = f"sudo sysctl -w net.core.{name}={BUFFER_WANTED}"
    enough = size >= BUFFER_WANTED
    text = f"socket buffers of {size:,} bytes are granted, {BUFFER_WANTED:,} are wanted"
    return Finding(name, enough, text, "" if enough else mend)


def _files() -> Finding:
    import resource

    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    enough = hard == resource.RLIM_INFINITY or hard >= FILES_WANTED
    return Finding(
        "files", enough, f"up to {hard:,} open files", "" if enough else f"ulimit -n {FILES_WANTED}"
    )


def _clock() -> Finding:
    state = ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(256))
    good = state != CLOCK_UNSYNCHRONIZED
    text = (
        "the clock is synchronized" if good else "the clock is not synchronized: times in messages may be off"
    )
    return Finding("clock", good, text, "" if good else "sudo timedatectl set-ntp true")


def _tool(name: str, package: str, purpose: str) -> Finding:
    path = shutil.which(name)
    text = f"{name} is there" if path else f"{name} is missing: needed for {purpose}"
    return Finding(name, path is not None, text, "" if path else f"sudo apt-get install {package}")


def _print(finding: Finding) -> None:
    mark = click.style("good", fg="green") if finding.good else click.style("BAD ", fg="red", bold=True)
    click.echo(f"{mark}  {finding.name:<10} {finding.text}")
    if finding.mend:
        click.echo(f"      {'':<10} mend: {finding.mend}")
