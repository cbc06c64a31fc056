"""Further icmp probes: what the pinger finds out through another uplink, by another size or family.

They are probes like any other: their samples say whether the way works, and how well in the last minutes.
Whether the target is up is not theirs to say.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from linkwatch.core.catalog import WINDOWS_S
from linkwatch.core.inventory import ProbeSpec, Target
from linkwatch.core.windows import RttRing, Statistics
from linkwatch.flow.pings import Ping
from probes.failure import reason_of_errno
from probes.icmp import Outcome, Pinger, Results, RowCounters
from probes.sample import Labels, Reason, Sample

SAMPLE_S = 5.0
"""How often a way that stays as it is gives a sample; one that changes gives one at once."""
WINDOWS = ("1m", "5m")
UNKNOWN, DOWN, UP = -1, 0, 1
COUNTERS = {
    "linkwatch_ping_sent_total": "sent",
    "linkwatch_ping_received_total": "received",
    "linkwatch_ping_too_big_total": "too_big",
    "linkwatch_ping_reply_ttl_changes_total": "ttl_changes",
}

Take = Callable[[Target, ProbeSpec, Sample], None]
Values = dict[tuple[str, Labels], float]


@dataclass(slots=True)
class _Lane:
    """The pings of one interval, their rows in the pinger (-1: not pinged now) and their round trips."""

    ring: RttRing
    pings: Sequence[Ping]
    rows: NDArray[np.intp]


@dataclass(slots=True)
class _State:
    """What is known of one ping: why the last verdict was "down", what was last told, and when."""

    reason: Reason | None = None
    told: Reason | None = None
    told_s: float = -np.inf


class FurtherPings:
    """Turns what the pinger says of them into samples, which `take` records."""

    def __init__(self, take: Take) -> None:
        self._take = take
        self._lanes: list[_Lane] = []
        self._states: dict[str, _State] = {}
        self._by_row: dict[int, str] = {}

    def replace(self, pings: Sequence[Ping], rows: Mapping[str, int]) -> None:
        """Take over a list and the rows of the pinger, by key; pings that stay as they are keep all."""
        before = {ping.key: (ping, lane, i) for lane in self._lanes for i, ping in enumerate(lane.pings)}
        lanes = {lane.ring.interval_s: lane for lane in self._lanes}
        self._lanes = []
        ordered = sorted(pings, key=lambda ping: ping.spec.interval_s)
        for interval_s, grouped in groupby(ordered, key=lambda ping: ping.spec.interval_s):
            members, lane = list(grouped), lanes.get(interval_s)
            old = [before.get(ping.key) for ping in members]
            kept = [
                was[2] if was and was[1] is lane and _is_same(was[0], ping) else -1
                for was, ping in zip(old, members, strict=True)
            ]
            ring = lane.ring if lane else RttRing(interval_s)
            ring.resize(np.array(kept, dtype=np.intp), len(members))
            here = np.array([rows.get(ping.key, -1) for ping in members], dtype=np.intp)
            self._lanes.append(_Lane(ring, members, here))
        same = {ping.key for ping in pings if ping.key in before and _is_same(before[ping.key][0], ping)}
        self._states = {p.key: self._states[p.key] if p.key in same else _State() for p in pings}
        self._by_row = {rows[ping.key]: ping.key for ping in pings if ping.key in rows}

    def take(self, results: Results, now: float, now_s: float) -> None:
        """Note how pings ended by `now` (UTC; `now_s` monotonic)."""
        if not self._lanes:
            return
        for verdict in results.verdicts:
            if key := self._by_row.get(verdict.row):
                self._states[key].reason = verdict.reason
        sent_s = np.minimum(results.sent_at + (now_s - now), now_s)
        rtt_s = np.where(results.outcome == Outcome.REPLY, results.rtt_s, np.inf)
        for lane in self._lanes:
            place = np.full(int(max(lane.rows.max(), results.row.max(initial=0))) + 1, -1, dtype=np.intp)
            place[lane.rows[lane.rows >= 0]] = np.flatnonzero(lane.rows >= 0)
            rows = place[results.row]
            mine = (rows >= 0) & (results.outcome != Outcome.VOID)
            lane.ring.put(rows[mine], sent_s[mine], rtt_s[mine])
            lane.ring.advance_to(now_s)

    def publish(self, pinger: Pinger, counters: RowCounters, now: float, now_s: float) -> None:
        """Give the samples that are due."""
        if not self._lanes:
            return
        up, trouble = pinger.up, pinger.trouble
        for lane in self._lanes:
            due = [
                (i, reason)
                for i, row in enumerate(lane.rows.tolist())
                if row >= 0 and (up[row] != UNKNOWN or trouble[row])
                for reason in [self._reason(lane.pings[i].key, up[row], trouble[row])]
                if self._is_due(lane.pings[i].key, reason, now_s)
            ]
            found = {name: lane.ring.statistics(WINDOWS_S[name], slice(None)) for name in WINDOWS if due}
            for i, reason in due:
                values = _values(found, i, counters, int(lane.rows[i]))
                self._give(lane.pings[i], reason, values, now)

    def fail(self, key: str, reason: Reason, now: float, now_s: float) -> None:
        """A ping came to nothing before anything could be sent."""
        ping = next((ping for lane in self._lanes for ping in lane.pings if ping.key == key), None)
        if ping is not None and self._is_due(key, reason, now_s):
            self._give(ping, reason, {}, now)

    def _reason(self, key: str, up: int, trouble: int) -> Reason | None:
        if up == UP:
            return None
        if up == DOWN:
            return self._states[key].reason or Reason.TIMEOUT
        return reason_of_errno(int(trouble))

    def _is_due(self, key: str, reason: Reason | None, now_s: float) -> bool:
        state = self._states[key]
        is_due = state.told != reason or now_s - state.told_s >= SAMPLE_S
        if is_due:
            state.told, state.told_s = reason, now_s
        return is_due

    def _give(self, ping: Ping, reason: Reason | None, values: Values, now: float) -> None:
        rtt_s = values.get(("linkwatch_ping_rtt_seconds", (("stat", "mean"), ("window", "1m"))))
        duration_s = ping.spec.timeout_s if reason or rtt_s is None else rtt_s
        self._take(ping.target, ping.spec, Sample(now, duration_s, reason is None, reason, values=values))


def _is_same(before: Ping, now: Ping) -> bool:
    """Whether what is known of one holds for the other."""
    same_place = (before.target.address, before.target.id) == (now.target.address, now.target.id)
    return same_place and (before.size, before.spec) == (now.size, now.spec)


def _values(found: Mapping[str, Statistics], i: int, counters: RowCounters, row: int) -> Values:
    values: Values = {(name, ()): float(getattr(counters, of)[row]) for name, of in COUNTERS.items()}
    if counters.ttl[row]:
        values["linkwatch_ping_reply_ttl", ()] = float(counters.ttl[row])
    for window, statistics in found.items():
        labels = (("window", window),)
        values["linkwatch_ping_loss_ratio", labels] = float(statistics.loss_ratio[i])
        values["linkwatch_ping_jitter_seconds", labels] = float(statistics.jitter_s[i])
        for stat, rtt_s in statistics.rtt_s.items():
            values["linkwatch_ping_rtt_seconds", (("stat", stat), *labels)] = float(rtt_s[i])
    return {series: value for series, value in values.items() if not np.isnan(value)}
