"""How long one judgement of every rule takes over a province of 10,000 targets.

Usage: python bench/rules.py [TARGETS]
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import numpy as np

from linkwatch.core.board import Board, Column
from linkwatch.core.rules import AlertMachine, Rule

NOW = 1_800_000_000.0
SUMMARY = "Liên kết {{ $labels.target }} mất {{ $value | humanizePercentage }} gói tin"
TEXTS = dict.fromkeys(("summary", "cause", "consequence", "action", "summary_en", "cause_en"), SUMMARY)


def rules() -> list[Rule]:
    def rule(name: str, expr: str, for_s: float = 0.0, severity: str = "warning") -> Rule:
        return Rule(name, expr, for_s, labels={"severity": severity}, annotations=TEXTS)

    joined = 'linkwatch_icmp_{what} > on (target) group_left () linkwatch_objective{{objective="{goal}"}}'
    return [
        rule("TargetDown", 'linkwatch_up{emergency="true"} == 0', 0.0, "critical"),
        rule("TargetDown", 'linkwatch_up{emergency="false"} == 0', 30.0, "critical"),
        rule("PacketLoss", joined.format(what='loss_ratio{window="5m"}', goal="loss")),
        rule("HighLatency", joined.format(what='rtt_seconds{window="5m",stat="p95"}', goal="rtt")),
        rule("HighJitter", joined.format(what='jitter_seconds{window="5m"}', goal="jitter")),
        rule("ManyBlips", 'linkwatch_blips{window="15m"} > 3'),
        rule("PoorCalls", 'linkwatch_call_quality_mos{window="5m"} < 3.6'),
        rule("Watchdog", "vector(1)", 0.0, "none"),
        *[
            rule(f"Saturated{i}", f'linkwatch_interface_utilization_ratio{{direction="rx"}} > 0.{i}')
            for i in range(5, 9)
        ],
        *[rule(f"Share{i}", f'avg by (site) (linkwatch_up{{kind="link"}}) < 0.{i}') for i in range(1, 5)],
        *[
            rule(
                f"Silent{i}",
                f'(linkwatch_probe_success{{probe="snmp"}} == 0) and on (target) '
                f"(linkwatch_up == 1) and on (target) linkwatch_upstream_down == {i}",
            )
            for i in range(2, 6)
        ],
        *[
            rule(f"Expiring{i}", f"linkwatch_tls_certificate_expiry_timestamp_seconds - time() < {i} * 86400")
            for i in range(1, 6)
        ],
    ]


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
        for goal, value in (("loss", 0.01), ("rtt", 0.03), ("jitter", 0.01)):
            self.fill("objective", value, objective=goal)
        for name, value, extra in (
            ("blips", 0.0, {"window": "15m"}),
            ("upstream_down", 0.0, {}),
            ("probe_success", 1.0, {"probe": "snmp"}),
            ("interface_utilization_ratio", 0.1, {"direction": "rx"}),
            ("tls_certificate_expiry_timestamp_seconds", NOW + 1e8, {}),
        ):
            self.fill(name, value, **extra)

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
    start = time.perf_counter()
    changed = len(work())
    print(f"{what:<44} {1000 * (time.perf_counter() - start):7.1f} ms  {changed} transitions")


def main() -> None:
    province = Province(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
    machine = AlertMachine(rules())
    targets = frozenset(province.ids)

    def step(seconds: float) -> Callable[[], list[object]]:
        return lambda: list(machine.step(province.board, NOW + seconds, isolated=False, targets=targets))

    timed("first step (masks, groups, joins are made)", step(0))
    for second in (1, 2, 3):
        timed("quiet step", step(second))
    province.cut(len(province.ids), NOW + 4)
    timed("everything goes down: half fires", step(4))
    timed("next step", step(5))
    timed("and the next", step(6))
    timed("30 s later: the other half fires", step(36))
    timed("steady, all firing", step(37))
    province.up.clear(np.arange(len(province.ids)))
    timed("nothing can be measured: all held", step(38))
    timed("steady, all held", step(39))
    province.cut(0, NOW + 40)
    timed("all measured again: all recover", step(40))
    timed("quiet again", step(41))
    if machine.failures:
        print(machine.failures)


if __name__ == "__main__":
    main()
