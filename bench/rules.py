"""CPU time of one judgement of every shipped rule over a province of 10,000 targets.

Usage: python bench/rules.py [TARGETS]
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import numpy as np

from linkwatch.config.rulefile import load_rules
from linkwatch.config.shipped import rules_dir
from linkwatch.core.board import Board, Column
from linkwatch.core.rules import AlertMachine

NOW = 1_800_000_000.0


class Province:
    """A board of targets with all the windows that the service writes."""

    def __init__(self, targets: int) -> None:
        self.board = Board()
        self.ids = [f"target-{i:05d}" for i in range(targets)]
        self.labels = {
            "target": self.ids,
            "site": [f"site-{i % 700}" for i in range(targets)],
            "kind": ["link" if i % 2 else "camera" for i in range(targets)],
            "owner": ["vnpt" if i % 3 else "viettel" for i in range(targets)],
            "emergency": ["true" if i % 2 else "false" for i in range(targets)],
        }
        self.up = self.fill("up", 1.0)
        for window in ("10s", "1m", "5m"):
            self.fill("icmp_loss_ratio", 0.0, window=window)
            self.fill("icmp_jitter_seconds", 0.001, window=window)
            self.fill("call_quality_mos", 4.3, window=window)
            for stat in ("mean", "p50", "p95", "p99", "max"):
                self.fill("icmp_rtt_seconds", 0.01, window=window, stat=stat)
        for goal, value in (("loss", 0.01), ("rtt", 0.03), ("jitter", 0.01), ("availability", 0.99)):
            self.fill("objective", value, objective=goal)
        self.fill("blips", 0.0, window="15m")
        self.fill("upstream_down", 0.0)
        for probe in ("icmp", "snmp", "http"):
            self.fill("probe_success", 1.0, probe=probe)
        for window in ("15m", "1h"):
            self.fill("probe_success_ratio", 1.0, probe="icmp", window=window)
        for name in ("oper_up", "admin_up"):
            self.fill(f"interface_{name}", 1.0, interface="eth0", alias="uplink")
        for direction in ("receive", "transmit"):
            self.fill("interface_utilization_ratio", 0.1, interface="eth0", direction=direction)
            for what in ("errors", "discards"):
                labels = {"interface": "eth0", "direction": direction, "window": "5m"}
                self.fill(f"interface_{what}_ratio", 0.0, **labels)
        self.fill("tls_certificate_expiry_timestamp_seconds", NOW + 1e8)

    def fill(self, name: str, value: float, **extra: str) -> Column:
        column = self.board.column(f"linkwatch_{name}")
        count = len(self.ids)
        rows = column.extend({**self.labels, **{k: [v] * count for k, v in extra.items()}}, count)
        column.fill(rows, np.full(count, value), np.ones(count, dtype=np.bool_), NOW)
        return column

    def cut(self, count: int, now: float) -> None:
        rows = np.arange(len(self.ids))
        self.up.fill(rows, np.where(rows < count, 0.0, 1.0), np.ones(len(rows), dtype=np.bool_), now)


def timed(what: str, work: Callable[[], list[object]]) -> None:
    start = time.process_time()
    changed = len(work())
    print(f"{what:<44} {1000 * (time.process_time() - start):7.1f} ms  {changed} transitions")


def main() -> None:
    province = Province(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
    machine = AlertMachine(load_rules(sorted(rules_dir().glob("*.yml"))))
    targets = frozenset(province.ids)

    def step(seconds: float) -> Callable[[], list[object]]:
        return lambda: list(machine.step(province.board, NOW + seconds, isolated=False, targets=targets))

    half, every = len(province.ids) // 2, len(province.ids)
    timed("first step (masks, groups, joins are made)", step(0))
    for second in (1, 2, 3):
        timed("quiet step", step(second))
    province.cut(half, NOW + 4)
    timed("half of all targets go down", step(4))
    timed("next step", step(5))
    timed("3 s later: emergency targets fire", step(7))
    timed("30 s later: the others fire", step(34))
    timed("steady, all of them firing", step(35))
    province.up.clear(np.arange(every))
    timed("nothing can be measured: all held", step(36))
    timed("steady, all held", step(37))
    province.cut(0, NOW + 38)
    timed("all measured again", step(38))
    timed("30 s of keep_firing_for later: all recover", step(68))
    timed("quiet again", step(69))
    if machine.failures:
        print(machine.failures)


if __name__ == "__main__":
    main()
