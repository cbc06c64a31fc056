"""The pinger's thread: the metronome that waits for nobody."""

from __future__ import annotations

import errno
import math
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from probes.icmp.budget import ConfirmationBudget
from probes.icmp.clock import Clock, Reading
from probes.icmp.columns import Integers, Mask, Rows
from probes.icmp.egress import Egress, Group
from probes.icmp.engine import Engine
from probes.icmp.mmsg import SEND_BATCH
from probes.icmp.results import EngineCounters, Results, RowCounters
from probes.icmp.schedule import LATE_S
from probes.icmp.sockets import REPLY_BUFFER_BYTES
from probes.icmp.targets import PingTarget
from probes.icmp.transport import Transport, not_sent
from probes.icmp.transports import Transports

TURN_S, SHORTEST_TURN_S = 0.02, 0.005
"""How often the thread wakes at most: arrival times come from the kernel, so no reply needs us sooner, and a
turn costs half a millisecond however little it does. Where intervals are shorter than two turns, sooner."""
LOOK_S = 0.05
"""How often replies are read and silence is judged while any ping is open and nothing under suspicion; while
anything is, at every turn."""
REST_S = 0.5
"""The longest that the thread sleeps, however little there is to do: whoever watches sees it alive."""
AIM_S = 1.0
"""How often interfaces and source addresses are looked for: a modem may be plugged in again."""
NICENESS = -10
CATCH_UP = 2
"""After a pause, regular pings go out at most this much faster than on average: what is too late for that is
skipped, and counted."""


class Pinger:
    """Pings all targets from one thread over one socket per group: address family and egress.

    `wake` is called from that thread when a verdict changed. `count`: rounds per target (None: for ever).
    All methods may be called from any thread. If it dies or hangs, `counters().alive_at` stands still.
    """

    def __init__(
        self,
        *,
        wake: Callable[[], None] | None = None,
        budget: ConfirmationBudget = ConfirmationBudget(),  # noqa: B008 (frozen)
        count: int | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._wake = wake
        self._clock = clock or Clock()
        self._engine = Engine(budget, self._clock.epoch_s, count)
        self._transports = Transports(self._engine.token, self._clock)
        self._in_use: list[tuple[int, Group]] = []
        self._lock = threading.Lock()
        self._closing = False
        self._news = threading.Event()
        self._thread = threading.Thread(target=self._run, name="pinger", daemon=True)
        self._turned_at = self._looked_at = self._aimed_at = -math.inf
        self._sent_unread = 0
        self._resting = self._is_open = False
        self._turn_s = TURN_S
        self._awaited: list[Transport] = []

    def open(self, egresses: Iterable[Egress] = ()) -> None:
        """Open the sockets, which may take rights that are given up before the start: the plain ones, and
        what `egresses` and the targets so far need.

        Raises ProbePermissionError where ICMP is not allowed. What else cannot be opened is no error (no
        IPv6 here, no right to mark packets): such targets are void, and `faults` says why.
        """
        self._transports.open_all(egresses)
        self._is_open = True
        self._fit()

    def start(self) -> None:
        """Begin; opens the sockets first if `open` was not called, and raises as it does."""
        if not self._is_open:
            self.open()
        self._thread.start()

    def close(self) -> None:
        """End the thread and close the sockets."""
        self._closing = True
        self._news.set()
        if self._thread.is_alive():
            self._thread.join()
        self._transports.close()

    # What the owner says and asks

    def replace(self, targets: Sequence[PingTarget]) -> None:
        """Watch these targets from now on. A target whose key, address and egress were there before keeps its
        row, state, counters and pings in flight. Sockets that they need and that are not open are opened, if
        this process still may. Raises ValueError if a key occurs twice."""
        with self._lock:
            self._engine.replace(targets, self._clock.read().monotonic)
            shortest_s = min((target.interval_s for target in targets), default=1.0)
            self._turn_s = min(max(shortest_s / 2, SHORTEST_TURN_S), TURN_S)
            self._fit()
        self._news.set()

    def _fit(self) -> None:
        """Suit what sends and receives to the targets."""
        table = self._engine.table
        self._in_use = [
            (place, table.groups[place]) for place in np.unique(table.group[table.active]).tolist()
        ]
        if not self._is_open:
            return
        self._awaited = []
        for place, group in self._in_use:
            transport = self._transports.open(group)
            if transport is not None:
                sizes = table.size[table.active & (table.group == place)]
                transport.fit(int(sizes.max()))
                self._awaited.append(transport)
        replies = self.receive_buffer_bytes() // REPLY_BUFFER_BYTES
        self._room = max(replies * 7 // 8, SEND_BATCH)  # the rest is for confirmations
        fills_s = self._room / max(self._engine.rate_hz, 1.0)
        self._look_s = min(LOOK_S, fills_s / 4)

    @contextmanager
    def resting(self) -> Iterator[None]:
        """Send nothing within the block. After it every target begins anew within its interval, so that no
        round is missed while whoever reads the results gets ready for so many targets."""
        self._resting = True
        try:
            yield
        finally:
            with self._lock:
                self._engine.begin(self._clock.read().monotonic)
                self._resting = False
            self._news.set()

    @property
    def rows(self) -> Mapping[str, int]:
        """Key -> row."""
        return self._engine.table.rows

    @property
    def up(self) -> NDArray[np.int8]:
        """By row: 1, 0, or -1: not yet known, or not measurable for some rounds."""
        with self._lock:
            return self._engine.suspects.up.copy()

    @property
    def suspect(self) -> Mask:
        """By row: whether it is under suspicion now."""
        with self._lock:
            return self._engine.suspects.suspect.copy()

    @property
    def trouble(self) -> Integers:
        """By row: errno of what kept the last ping that ended from saying anything of the target (EMSGSIZE:
        too big, here or on the way), 0 if nothing did."""
        with self._lock:
            return self._engine.trouble.copy()

    @property
    def faults(self) -> Mapping[Group, str]:
        """Why nothing can be sent, of the groups in use of which that is known, in one line for people."""
        with self._lock:
            return self._transports.faults(group for _, group in self._in_use)

    def set_confirmations(self, counts: NDArray[np.uint8]) -> None:
        """How many confirmations a suspicion takes, by row: 8 for a clean link (over 0.65 s), 10 or more
        after recent loss (over 2.6 s), 0 for none."""
        with self._lock:
            self._engine.suspects.confirmations[:] = counts

    def set_covered(self, covered: NDArray[np.bool_]) -> None:
        """Which rows are covered by an upstream's failure, hence not confirmed."""
        with self._lock:
            self._engine.suspects.covered[:] = covered

    @property
    def is_alive(self) -> bool:
        """Whether its thread runs."""
        return self._thread.is_alive()

    def drain(self) -> Results:
        """Everything since the last drain."""
        with self._lock:
            return self._engine.log.drain()

    def row_counters(self) -> RowCounters:
        """A copy of the counters by row."""
        with self._lock:
            return self._engine.rows.copy(len(self._engine.table))

    @property
    def alive_at(self) -> float:
        """When the thread last turned (monotonic). Waits for nothing, not even for a thread that is stuck."""
        return self._engine.counters.alive_at

    def counters(self) -> EngineCounters:
        """A copy of the engine's counters."""
        with self._lock:
            return replace(self._engine.counters, missed_schedules=self._engine.schedule.missed)

    def receive_buffer_bytes(self) -> int:
        """The smallest receive buffer the kernel granted; 0 before the start."""
        return self._transports.receive_buffer_bytes()

    # The thread

    def _run(self) -> None:
        _ask_for_priority()
        while not self._closing:
            self._news.clear()
            with self._lock:
                changed = self._turn()
                wakes_at = self._wakes_at()
            if changed and self._wake is not None:
                self._wake()
            self._news.wait(max(wakes_at - time.monotonic(), 0.0))

    def _wakes_at(self) -> float:
        """When the next turn is worth it: something is to be sent, or a reply or silence to be seen."""
        soonest = self._turned_at + self._turn_s
        if self._engine.suspects.are_asked(self._turned_at) or not self._are_drained():
            return soonest
        wakes_at = self._turned_at + REST_S
        if self._engine.flight.any_open:
            wakes_at = min(wakes_at, self._looked_at + self._look_s)
        if not self._resting:
            wakes_at = min(wakes_at, self._engine.schedule.next_at)
        return max(soonest, wakes_at)

    def _turn(self) -> bool:
        """Receive, judge, send; whether a verdict changed."""
        now = self._clock.read()
        since_s, self._turned_at = now.monotonic - self._turned_at, now.monotonic
        self._engine.counters.alive_at = now.monotonic
        if now.monotonic - self._aimed_at >= AIM_S:
            self._aim(now.monotonic)
        changed = self._is_time_to_look(now.monotonic) and self._look(now)
        if not self._resting:
            self._send(now, since_s)
        return changed

    def _aim(self, now: float) -> None:
        """Look again for what may have come or gone: interfaces and source addresses."""
        self._aimed_at = now
        for transport in self._awaited:
            transport.aim()
        if any(self._transports.refusal(group) == errno.EADDRNOTAVAIL for _, group in self._in_use):
            self._fit()

    def _is_time_to_look(self, now: float) -> bool:
        if now - self._looked_at >= self._look_s or 2 * self._sent_unread > self._room:
            return True
        return self._engine.suspects.are_asked(now)

    def _look(self, now: Reading) -> bool:
        """Read what waits, and judge silence if nothing waits any more; whether a verdict changed."""
        self._looked_at = now.monotonic
        self._sent_unread = 0
        for transport in self._awaited:
            for batch in transport.receive():
                self._engine.receive(*batch)
            drops = transport.new_drops()
            if drops:
                self._engine.dropped(drops)
        if not self._are_drained():
            return False
        self._engine.review(now.monotonic)
        return self._engine.decide(now)

    def _are_drained(self) -> bool:
        return all(transport.drained for transport in self._awaited)

    def _send(self, now: Reading, since_s: float) -> None:
        """Send what is due. However much that is after a pause, between two looks never more than replies
        that the socket can hold."""
        pause_s = min(max(since_s, self._turn_s), LATE_S)
        limit = max(SEND_BATCH, int(CATCH_UP * self._engine.rate_hz * pause_s))
        limit = min(limit, max(self._room - self._sent_unread, 0))
        rows, confirmation = self._engine.take(now.monotonic, limit)
        self._sent_unread += rows.size
        groups = self._engine.table.group[rows]
        for place, group in self._in_use:
            chosen = np.flatnonzero(groups == place)
            for start in range(0, chosen.size, SEND_BATCH):
                part = chosen[start : start + SEND_BATCH]
                self._send_batch(group, rows[part], confirmation[part], now)

    def _send_batch(self, group: Group, rows: Rows, confirmation: Mask, now: Reading) -> None:
        table, flight = self._engine.table, self._engine.flight
        slots = flight.launch(rows, confirmation, now.monotonic)
        transport = self._transports.get(group)
        if transport is None:
            self._engine.sent(slots, *not_sent(now, rows.size, self._transports.refusal(group)))
            return
        serials, nonces = flight.serial[slots], flight.nonce[slots]
        self._engine.sent(slots, *transport.send(table.names[rows], table.size[rows], serials, nonces))


def _ask_for_priority() -> None:
    """Put this thread before others where allowed: if it is interrupted amid a system call that sends, the
    send times of that batch are wrong by the length of the interruption."""
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)
