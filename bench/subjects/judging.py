"""Every shipped rule over a board of 10,000 targets, step by step; prints CPU milliseconds of each step."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable

import numpy as np

from bench.subjects import run_until_told
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
        self.subjects = self.board.labels.subjects.numbers(
            {
                "target": id_,
                "site": f"site-{i % 700}",
                "kind": "link" if i % 2 else "camera",
                "owner": "vnpt" if i % 3 else "viettel",
                "emergency": "true" if i % 2 else "false",
            }
            for i, id_ in enumerate(self.ids)
        )
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
        rows = column.extend(self.subjects, self.board.labels.details.number(extra))
        column.fill(rows, np.full(count, value), np.ones(count, dtype=np.bool_), NOW)
        return column

    def cut(self, count: int, now: float) -> None:
        rows = np.arange(len(self.ids))
        self.up.fill(rows, np.where(rows < count, 0.0, 1.0), np.ones(len(rows), dtype=np.bool_), now)


def cpu_ms(work: Callable[[], object]) -> float:
    start_s = time.process_time()
    work()
    return 1000 * (time.process_time() - start_s)


def measure(targets: int) -> dict[str, float]:
    """What happens in a province -> CPU milliseconds of the step that judges it."""
    province = Province(targets)
    machine = AlertMachine(load_rules(sorted(rules_dir().glob("*.yml"))))
    known, half = frozenset(province.ids), targets // 2

    def step(seconds: float) -> float:
        return cpu_ms(
            lambda: list(machine.step(province.board, NOW + seconds, isolated=False, targets=known))
        )

    found = {"first step: masks, groups, joins are made": step(0), "quiet": min(step(1), step(2), step(3))}
    province.cut(half, NOW + 4)
    found["half of all targets go down"] = step(4)
    step(5)
    found["3 s later, emergency targets fire"] = step(7)
    found["30 s later, the others fire"] = step(34)
    found["steady, all of them firing"] = step(35)
    province.up.clear(np.arange(targets))
    found["nothing can be measured, all held"] = step(36)
    province.cut(0, NOW + 38)
    step(38)
    found["all recover at once"] = step(68)
    if machine.failures:
        raise RuntimeError(str(machine.failures))
    return found


if __name__ == "__main__":
    run_until_told()
    print(json.dumps(measure(int(sys.argv[1]))))
