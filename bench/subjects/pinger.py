"""The ICMP engine alone, drained once a second: --count targets from --first on, at 1 Hz.

With --stall other threads hold the interpreter lock for 40 to 75 ms at a time. Prints its counters; with
--results FILE what it measured: `address` (IPv4 as a number), `sent_at`, `rtt_s`.
"""

from __future__ import annotations

import argparse
import json
import random
import threading
import time
from ipaddress import IPv4Address

import numpy as np

from bench.subjects import run_until_told
from probes.icmp import Outcome, Pinger, PingTarget, Results

STALL_S = (0.040, 0.075)
STALLING_THREADS = 2


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--first", type=IPv4Address, required=True)
    parser.add_argument("--count", type=int, required=True)
    parser.add_argument("--stall", action="store_true")
    parser.add_argument("--results")
    options = parser.parse_args()
    pinger = Pinger()
    hosts = [options.first + i for i in range(options.count)]
    pinger.replace([PingTarget(str(host), host) for host in hosts])
    stalls = stalling_threads() if options.stall else []
    pinger.start()
    for thread in stalls:
        thread.start()
    parts, over = drain_each_second(pinger)
    run_until_told()
    over.set()
    counters = pinger.counters()
    pinger.close()
    row, sent_at, rtt_s, outcome = columns(parts)
    if options.results:
        rows = np.array([pinger.rows[str(host)] for host in hosts])
        address = np.zeros(rows.max() + 1, dtype=np.uint32)
        address[rows] = np.arange(options.count) + int(options.first)
        np.savez(options.results, address=address[row], sent_at=sent_at, rtt_s=rtt_s)
    report = {
        "replies": int((outcome == Outcome.REPLY).sum()),
        "lost": int((outcome == Outcome.LOST).sum()),
        "void": int((outcome == Outcome.VOID).sum()),
        "missed": counters.missed_schedules,
        "send_errors": counters.send_errors,
        "receive_drops": counters.receive_drops,
    }
    print(json.dumps(report))


def drain_each_second(pinger: Pinger) -> tuple[list[Results], threading.Event]:
    """As the service does; the results so far, and what ends it."""
    parts: list[Results] = []
    over = threading.Event()

    def drain() -> None:
        while not over.wait(1.0):
            parts.append(pinger.drain())

    threading.Thread(target=drain, daemon=True).start()
    return parts, over


def columns(parts: list[Results]) -> tuple[np.ndarray, ...]:
    """Row, send time, round trip and outcome of every ping that ended."""
    names = ("row", "sent_at", "rtt_s", "outcome")
    return tuple(np.concatenate([getattr(part, name) for part in parts]) for name in names)


def stalling_threads() -> list[threading.Thread]:
    """Threads that hold the interpreter lock: one call into C is never interrupted, however long."""
    numbers = [1] * 20_000_000
    began = time.perf_counter()
    sum(numbers)
    per_s = len(numbers) / (time.perf_counter() - began)
    shortest, longest = (numbers[: int(per_s * stall_s)] for stall_s in STALL_S)
    stalls = (shortest, longest)
    return [threading.Thread(target=stall, args=stalls, daemon=True) for _ in range(STALLING_THREADS)]


def stall(shortest: list[int], longest: list[int]) -> None:
    """Hold the lock, let go for as long, for ever."""
    while True:
        sum(random.choice((shortest, longest)))
        time.sleep(random.uniform(*STALL_S))


if __name__ == "__main__":
    main()
