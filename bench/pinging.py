"""The ICMP engine beside fping: CPU time of a ping, and how long a sweep takes."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from bench.capture import capturing
from bench.network import FIRST, Echoes, namespace, write_hosts
from bench.process import Spell, Subject, running
from bench.row import Figure, Pace, Row
from bench.tools import FPING, NAMESPACE, TCPDUMP
from tests.network import Namespace

TARGETS = 10_000
FPING_TARGETS = 6_000
"""At 1 Hz fping allows no more: it ends when it needs over 65,535 sequence numbers within 10 s."""

WARM_UP_S = 3.0
PACES = {"even": ("-i", "0.1"), "bursts": ("-i", "0")}
REACH = {"even": 0.5, "bursts": 1.2}
SWEEPS = 5
LINKWATCH = str(Path(sys.executable).with_name("linkwatch"))


def measure_cpu(pace: Pace) -> Iterator[Figure]:
    """CPU time by /proc, pings by the kernel's counters, the same for both."""
    seconds = pace.pick(30, 5)
    with namespace(firewall=False) as inside, tempfile.TemporaryDirectory() as folder:
        arguments = ("--first", FIRST, "--count", TARGETS)
        with Subject("pinger", *arguments, inside=inside.command()) as pinger:
            ours_us = cpu_us_per_ping(inside, pinger.pid, seconds)
            told = json.loads(pinger.finish())
        hosts = write_hosts(Path(folder) / "hosts", FPING_TARGETS)
        for name, words in PACES.items():
            peer_us = fping_us(inside, hosts, words, seconds) if FPING.found else None
            yield Figure(
                f"CPU per ping, {name}", ours_us, "us", at_most=REACH[name],
                peer=peer_us, peer_name=f"fping, {FPING_TARGETS:,}",
            )  # fmt: skip
    yield Figure("lost or void on a clean loopback", told["lost"] + told["void"], at_most=0)
    yield Figure("missed sends", told["missed"], at_most=0)


def cpu_us_per_ping(inside: Namespace, pid: int, seconds: float) -> float:
    """After a while, over some seconds."""
    time.sleep(WARM_UP_S)
    spell, echoes = Spell(pid), Echoes(inside)
    time.sleep(seconds)
    return spell.used_s / max(echoes.sent(), 1) * 1e6


def fping_us(inside: Namespace, hosts: Path, words: Sequence[str], seconds: float) -> float:
    """fping in loop mode, one round a second."""
    command = inside.command("fping", "-l", "-q", *words, "-p", "1000", "-t", "900", "-f", str(hosts))
    with running(command) as fping:
        used_us = cpu_us_per_ping(inside, fping.pid, seconds)
        fping.send_signal(signal.SIGINT)
        fping.wait()
    return used_us


def measure_sweep(pace: Pace) -> Iterator[Figure]:
    """First packet to last reply, as tcpdump sees them; the best of some."""
    sweeps = pace.pick(SWEEPS, 2)
    with namespace(firewall=False) as inside, tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        hosts = write_hosts(folder / "hosts", TARGETS)
        ours = [LINKWATCH, "ping", "--count", "1", "--interval", "10ms", "--quiet", "--file", str(hosts)]
        theirs = ["fping", "-c1", "-i", "0", "-q", "-t", "900", "-f", str(hosts)]
        ours_s, lost = best_sweep(inside, ours, folder, sweeps)
        peer_s = best_sweep(inside, theirs, folder, sweeps)[0] if FPING.found else None
    yield Figure(
        "first packet to last reply", ours_s * 1e3, "ms", at_most=1.1,
        peer=peer_s and peer_s * 1e3, peer_name="fping -c1 -i 0",
    )  # fmt: skip
    yield Figure("replies missing", lost, at_most=0)


def best_sweep(inside: Namespace, command: Sequence[str], folder: Path, sweeps: int) -> tuple[float, int]:
    """Seconds of the fastest, and how many replies were missing in the worst."""
    lasted_s, missing = [], []
    for _ in range(sweeps):
        with capturing(inside, "lo", folder / "sweep.pcap") as capture:
            subprocess.run(inside.command(*command), capture_output=True, check=False)
        sent_ns, received_ns = capture.times_ns()
        lasted_s.append((received_ns.max() - sent_ns.min()) / 1e9)
        missing.append(TARGETS - received_ns.size)
    return min(lasted_s), max(missing)


ROWS = (
    Row(
        "pinger",
        "10,000 loopback targets at 1 Hz: CPU per ping beside fping -l -i 0.1 and -i 0",
        measure_cpu,
        NAMESPACE,
        (FPING,),
    ),
    Row(
        "sweep",
        "10,000 targets once: first packet to last reply",
        measure_sweep,
        (*NAMESPACE, TCPDUMP),
        (FPING,),
    ),
)
