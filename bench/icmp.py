"""The ICMP engine beside fping, on loopback, and the time from a cut to its verdict.

python bench/icmp.py steady [--targets 10000 --seconds 20]     CPU and false loss at 1 Hz
python bench/icmp.py stall  [--targets 10000 --seconds 20]     the same beside a thread that is always busy
python bench/icmp.py fping  [--targets 5000 --rounds 10]       fping -l -i 0.1 on as many targets
python bench/icmp.py cut    [--targets 2000 --cuts 20]         needs root: nft drops in a namespace
"""

import argparse
import ctypes
import json
import os
import random
import resource
import signal
import subprocess
import sys
import tempfile
import threading
import time
from ipaddress import ip_address
from pathlib import Path

import numpy as np

from probes.icmp import Outcome, Pinger, PingTarget

WARM_UP_S = 2.0


def addresses(first: str, count: int) -> list[str]:
    return [str(ip_address(int(ip_address(first)) + i)) for i in range(count)]


def targets(first: str, count: int) -> list[PingTarget]:
    return [PingTarget(address, ip_address(address)) for address in addresses(first, count)]


def cpu_s(usage: resource.struct_rusage) -> float:
    return usage.ru_utime + usage.ru_stime


def steady(count: int, seconds: float) -> dict[str, object]:
    """What the whole process costs, drained once a second."""
    pinger = Pinger()
    pinger.replace(targets("127.1.0.1", count))
    pinger.start()
    time.sleep(WARM_UP_S)
    pinger.drain()
    parts, began, before = [], time.monotonic(), cpu_s(resource.getrusage(resource.RUSAGE_SELF))
    while time.monotonic() < began + seconds:
        time.sleep(1.0)
        parts.append(pinger.drain())
    lasted_s = time.monotonic() - began
    used_s = cpu_s(resource.getrusage(resource.RUSAGE_SELF)) - before
    outcome = np.concatenate([part.outcome for part in parts])
    rtt_us = np.concatenate([part.rtt_s for part in parts]) * 1e6
    counters = pinger.counters()
    pinger.close()
    return {
        "pings_per_s": round(outcome.size / lasted_s),
        "cpu_ratio": round(used_s / lasted_s, 4),
        "cpu_us_per_ping": round(used_s / outcome.size * 1e6, 2),
        "lost": int((outcome == Outcome.LOST).sum()),
        "void": int((outcome == Outcome.VOID).sum()),
        "missed_schedules": counters.missed_schedules,
        "rtt_us": dict(
            zip(
                ("p50", "p95", "p99", "max"),
                np.nanpercentile(rtt_us, [50, 95, 99, 100]).round(1).tolist(),
                strict=True,
            )
        ),
        "max_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }


def stall(count: int, seconds: float) -> dict[str, object]:
    """A thread that never lets go of the interpreter lock by itself, as a busy event loop does."""
    done = threading.Event()

    def busy() -> None:
        numbers = list(range(20_000))
        while not done.is_set():
            sum(numbers)

    threading.Thread(target=busy, daemon=True).start()
    result = steady(count, seconds)
    done.set()
    return result


def fping(count: int, rounds: int) -> dict[str, object]:
    """fping in loop mode at its fastest allowed pace, ended after so many rounds."""
    with tempfile.NamedTemporaryFile("w") as file:
        file.write("\n".join(addresses("127.1.0.1", count)))
        file.flush()
        command = ["fping", "-l", "-q", "-i", "0.1", "-p", "1000", "-t", "900", "-f", file.name]
        began = time.monotonic()
        child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        time.sleep(rounds)
        os.kill(child.pid, signal.SIGINT)
        assert child.stderr is not None
        lines = child.stderr.read().splitlines()
        _, _, usage = os.wait4(child.pid, 0)
        child.returncode = 0
    lasted_s = time.monotonic() - began
    counted = [line.split("=")[1].split("/") for line in lines if "xmt/rcv" in line]
    sent, received = (sum(int(fields[i].strip()) for fields in counted) for i in (0, 1))
    return {
        "pings_per_s": round(sent / lasted_s),
        "cpu_ratio": round(cpu_s(usage) / lasted_s, 4),
        "cpu_us_per_ping": round(cpu_s(usage) / max(sent, 1) * 1e6, 2),
        "lost": sent - received,
    }


def enter_namespace() -> None:
    """A namespace of this process alone, in which 10.50.0.0/16 answers."""
    if ctypes.CDLL(None).unshare(0x40000000):
        sys.exit("needs root (network namespace)")
    for command in ("ip link set lo up", "ip addr add 10.50.0.0/16 dev lo"):
        subprocess.run(command.split(), check=True)
    for command in ("add table ip lw", "add chain ip lw in { type filter hook input priority 0; }"):
        subprocess.run(["nft", command], check=True)
    subprocess.run(["nft", "add set ip lw cut { type ipv4_addr; }"], check=True)
    subprocess.run(["nft", "add rule ip lw in ip daddr @cut drop"], check=True)


def cut(count: int, cuts: int) -> dict[str, object]:
    """From the moment of each cut to the down verdict of just that target."""
    enter_namespace()
    woken = threading.Event()
    pinger = Pinger(wake=woken.set)
    pinger.replace(targets("10.50.0.1", count))
    pinger.start()
    time.sleep(6.0)
    pinger.drain()
    delays_s, wrong = [], 0
    for row in random.sample(range(count), cuts):
        key = next(key for key, at in pinger.rows.items() if at == row)
        time.sleep(random.random())
        cut_at = time.time()
        subprocess.run(["nft", f"add element ip lw cut {{ {key} }}"], check=True)
        while True:
            woken.wait(10)
            woken.clear()
            fallen = [verdict for verdict in pinger.drain().verdicts if not verdict.up]
            wrong += sum(verdict.row != row for verdict in fallen)
            if any(verdict.row == row for verdict in fallen):
                delays_s.append(time.time() - cut_at)
                break
    pinger.close()
    spread = np.percentile(delays_s, [0, 50, 95, 100]).round(2).tolist()
    return {
        "cuts": cuts,
        "wrong": wrong,
        "cut_to_verdict_s": dict(zip(("min", "p50", "p95", "max"), spread, strict=True)),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=["steady", "stall", "fping", "cut"])
    parser.add_argument("--targets", type=int)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--cuts", type=int, default=20)
    options = parser.parse_args()
    if options.what == "fping":
        result = fping(options.targets or 5000, options.rounds)
    elif options.what == "cut":
        result = cut(options.targets or 2000, options.cuts)
    else:
        run = steady if options.what == "steady" else stall
        result = run(options.targets or 10_000, options.seconds)
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))
    main()
