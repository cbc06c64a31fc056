"""Replies that come with another TTL than before: their way is another one, or somebody else answers."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence

import numpy as np

from linkwatch.core.records import TargetEvent
from linkwatch.flow.clock import Clock
from linkwatch.flow.measure import ICMP
from linkwatch.flow.pings import parts_of
from probes.icmp import Pinger, RowCounters

KIND = "reply-ttl-changed"
LOOK_EVERY_S = 2.0
PAUSE_S = 300.0
"""How often a row is told at most: what answers by several ways in turn is one story."""
AT_ONCE = 20
"""So many are told of one look: where a core router takes another line, thousands change with it. The
counters have them all."""


class ReplyTtls:
    """Finds changes between two looks at the pinger's counters."""

    def __init__(self) -> None:
        self._rows: Mapping[str, int] = {}
        self._before = RowCounters.zeros()
        self._told_s: dict[str, float] = {}

    async def run(
        self, pinger: Pinger, note: Callable[[Sequence[TargetEvent]], Awaitable[None]], clock: Clock
    ) -> None:
        """Look, for ever."""
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            events = self.look(pinger.rows, pinger.row_counters(), clock.utc(), clock.monotonic())
            if events:
                await note(events)

    def look(
        self, rows: Mapping[str, int], counters: RowCounters, now: float, now_s: float
    ) -> list[TargetEvent]:
        """What is to be told at `now` (UTC; `now_s` monotonic); `rows`: key of each ping -> row."""
        is_same_list = rows is self._rows  # else a row may be another ping's
        before, self._before, self._rows = self._before, counters, rows
        if not is_same_list or not (changed := _changed(before, counters)):
            return []
        self._told_s = {key: at_s for key, at_s in self._told_s.items() if now_s - at_s < PAUSE_S}
        fresh = [key for key, row in rows.items() if row in changed and key not in self._told_s][:AT_ONCE]
        self._told_s.update(dict.fromkeys(fresh, now_s))
        return [_event(key, int(before.ttl[rows[key]]), int(counters.ttl[rows[key]]), now) for key in fresh]


def _changed(before: RowCounters, now: RowCounters) -> set[int]:
    """Rows whose last reply came with another TTL; what has changed back meanwhile is not among them."""
    known = min(len(before.ttl), len(now.ttl))
    was, is_now = before.ttl[:known], now.ttl[:known]
    return set(np.flatnonzero((was != 0) & (is_now != 0) & (was != is_now)).tolist())


def _event(key: str, was: int, is_now: int, now: float) -> TargetEvent:
    target, probe = parts_of(key)
    detail = {"probe": probe or ICMP, "was": str(was), "now": str(is_now)}
    return TargetEvent(target, now, KIND, detail)
