"""LinkWatch watches itself: its own numbers on the board, where its own rules can see them."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping
from importlib.metadata import version

import numpy as np

from linkwatch.core.board import Board
from linkwatch.core.records import Alert, Delivery, IncidentState
from linkwatch.core.windows import MinuteCounts
from probes.icmp import EngineCounters

LAG_STEP_S = 0.05
UNRESOLVED = (IncidentState.OPEN, IncidentState.ACKNOWLEDGED)


class Increase:
    """How much a counter has grown within a window of `window_s` seconds."""

    def __init__(self, window_s: float) -> None:
        self._window_s = window_s
        self._counts = MinuteCounts(1)
        self._last = 0

    def update(self, total: int, now_s: float) -> float:
        """Take over the counter's value; `now_s` monotonic."""
        self._counts.add(np.zeros(1, dtype=np.intp), now_s, total - self._last)
        self._last = total
        return float(self._counts.total(self._window_s, now_s)[0])


class Pulse:
    """Whether a part still turns. Looks are counted, not seconds: when the whole process was stopped for a
    while (a paused machine, a debugger), every part is late and none is stuck.
    """

    def __init__(self, read: Callable[[], float], looks: int) -> None:
        """`read` gives what changes with every turn."""
        self._read, self._looks = read, looks
        self._last, self._unchanged = read(), 0

    def is_still(self) -> bool:
        """Look once; whether nothing has changed for `looks` looks."""
        value = self._read()
        self._unchanged = self._unchanged + 1 if value == self._last else 0
        self._last = value
        return self._unchanged >= self._looks


class Vitals:
    """Gauges and counters of the service itself."""

    def __init__(self, board: Board, *, targets: int, now: float) -> None:
        self._board = board
        self._worst_lag_s = 0.0
        self._missed, self._drops = Increase(300.0), Increase(300.0)
        self._failures: dict[str, Increase] = {}
        self._alerts: Counter[tuple[str, str, str]] = Counter()
        self.put("linkwatch_build_info", 1.0, now, version=version("linkwatch"))
        self.put("linkwatch_start_time_seconds", now, now)
        self.publish_reload(targets, now, successful=True)
        self.put("linkwatch_emergency_mode", 0.0, now)

    def put(self, metric: str, value: float, now: float, **labels: str) -> None:
        """Put one value on the board."""
        self._board.column(metric).set(labels, value, now)

    def publish_reload(self, targets: int, now: float, *, successful: bool) -> None:
        """Put on the board how many targets there are, and whether the last configuration was taken."""
        self.put("linkwatch_targets", float(targets), now)
        self.put("linkwatch_config_last_reload_successful", float(successful), now)

    async def watch_loop(self, monotonic: Callable[[], float]) -> None:
        """Measure, for ever, how late the event loop is."""
        while True:
            expected = monotonic() + LAG_STEP_S
            await asyncio.sleep(LAG_STEP_S)
            self._worst_lag_s = max(self._worst_lag_s, monotonic() - expected)

    def publish_loop(self, judge_s: float, now: float) -> None:
        """Put the worst lag since the last call, and how long the judgement took, on the board."""
        self.put("linkwatch_loop_lag_seconds", self._worst_lag_s, now)
        self.put("linkwatch_judge_duration_seconds", judge_s, now)
        self._worst_lag_s = 0.0

    def publish_engine(self, engine: EngineCounters, missed_probes: int, now: float, now_s: float) -> None:
        """Put the pinger's own counters and what was missed on the board (`now_s` monotonic)."""
        missed, drops = engine.missed_schedules + missed_probes, engine.receive_drops
        self.put("linkwatch_missed_schedules_total", missed, now)
        self.put("linkwatch_missed_schedules", self._missed.update(missed, now_s), now, window="5m")
        self.put("linkwatch_icmp_receive_drops", self._drops.update(drops, now_s), now, window="5m")
        self.put("linkwatch_icmp_send_errors_total", engine.send_errors, now)
        self.put("linkwatch_icmp_receive_drops_total", drops, now)
        self.put("linkwatch_icmp_foreign_replies_total", engine.foreign_replies, now)
        self.put("linkwatch_icmp_malformed_packets_total", engine.malformed_packets, now)

    def publish_clock(self, now: float) -> None:
        """Put on the board how far this machine's clock is ahead of the synchronised time servers' median:
        one of three that is wrong does not count. Absent when none of them was measured.
        """
        servers = self._board.find("linkwatch_ntp_offset_seconds")
        offsets = servers.values[servers.present] if servers is not None else np.zeros(0)
        own = self._board.column("linkwatch_clock_offset_seconds")
        if len(offsets):
            own.set({}, -float(np.median(offsets)), now)
        elif len(own):
            own.clear([0])

    def publish_files(self, refused: int, shortages: int, now: float) -> None:
        """Put on the board how many connections were one too many, and how often no file was left for one."""
        self.put("linkwatch_web_refused_connections_total", refused, now)
        self.put("linkwatch_file_shortages_total", shortages, now)

    def publish_rules(self, failing: int, failures: Mapping[str, int], now: float) -> None:
        """Put on the board how many rules fail now, and how often each has failed."""
        self.put("linkwatch_rules_failing", failing, now)
        for rule, failed in failures.items():
            self.put("linkwatch_rule_evaluation_failures_total", failed, now, rule=rule)

    def publish_alerts(self, active: Mapping[str, Alert], now: float) -> None:
        """Put the number of alerts by name, severity and state on the board; what has ended shows 0."""
        counts = Counter((alert.rule, alert.severity, alert.state.value) for alert in active.values())
        for key in {**self._alerts, **counts}:
            name, severity, state = key
            self.put("linkwatch_alerts", counts[key], now, alertname=name, severity=severity, state=state)
        self._alerts = Counter(dict.fromkeys({**self._alerts, **counts}, 0))

    def publish_incidents(self, states: Mapping[IncidentState, int], now: float) -> None:
        """Put the number of unresolved incidents on the board."""
        for state in UNRESOLVED:
            self.put("linkwatch_incidents", states.get(state, 0), now, state=state.value)

    def publish_outcomes(self, outcomes: Mapping[tuple[str, str], int], now: float, now_s: float) -> None:
        """Put the counts of sent messages by (channel, outcome) on the board (`now_s` monotonic)."""
        for (channel, outcome), count in outcomes.items():
            self.put("linkwatch_notifications_total", count, now, channel=channel, outcome=outcome)
            if outcome == Delivery.FAILED:
                failures = self._failures.setdefault(channel, Increase(900.0))
                recent = failures.update(count, now_s)
                self.put("linkwatch_notification_failures", recent, now, channel=channel, window="15m")
