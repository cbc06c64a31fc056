"""What the engine hands out: results, verdicts, evidence and counters, all by row."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from probes.icmp.columns import Floats, Integers, Mask, Rows, grown
from probes.icmp.gaps import NO_GAPS, Gaps
from probes.sample import Reason


class Outcome(IntEnum):
    """How a ping ended. VOID: this machine could not measure; neither a reply nor a loss."""

    REPLY = 0
    LOST = 1
    VOID = 2


@dataclass(frozen=True, slots=True)
class Verdict:
    """A row became reachable or unreachable. Times are UTC seconds since the epoch.

    `since`: when the first unanswered ping was sent (down) or the first reply came (up).
    """

    row: int
    at: float
    up: bool
    since: float
    reason: Reason | None


@dataclass(frozen=True, slots=True)
class IcmpError:
    """A router (or the target) refused a ping: type and code as in RFC 792 / RFC 4443. `mtu`: what would have
    fit, where it was too big and that was told."""

    row: int
    at: float
    type: int
    code: int
    reporter: str
    mtu: int = 0


@dataclass(frozen=True, slots=True)
class Results:
    """Everything since the last drain: arrays of equal length, one entry per ping that ended.

    `sent_at`: UTC seconds since the epoch; `rtt_s`: nan unless REPLY; `outcome`: an `Outcome`.
    Pings end out of order: a loss is known only after the timeout. Of repeated equal errors of a row the
    latest is kept. `gaps`: short outages, in monotonic seconds.
    """

    row: NDArray[np.int32]
    sent_at: Floats
    rtt_s: Floats
    outcome: NDArray[np.uint8]
    verdicts: tuple[Verdict, ...]
    errors: tuple[IcmpError, ...]
    gaps: Gaps = NO_GAPS


@dataclass(slots=True)
class RowCounters:
    """Counters by row since the row came; `consecutive_losses` falls to 0 with a reply.

    `too_big`: pings that did not fit, here or on the way; void, not lost. `ttl`: of the last reply, 0 if not
    known; `ttl_changes`: how often it was another than that of the reply before.
    """

    sent: Integers
    received: Integers
    duplicates: Integers
    late: Integers
    confirmations: Integers
    consecutive_losses: Integers
    too_big: Integers
    ttl: Integers
    ttl_changes: Integers

    @classmethod
    def zeros(cls) -> RowCounters:
        """Counters of no rows."""
        return cls(*(np.zeros(0, dtype=np.int64) for _ in cls.__slots__))

    def copy(self, size: int) -> RowCounters:
        """A copy with room for `size` rows."""
        return RowCounters(*(grown(getattr(self, name), size) for name in self.__slots__))

    def reset(self, rows: Rows) -> None:
        """Start `rows` anew."""
        for name in self.__slots__:
            getattr(self, name)[rows] = 0


@dataclass(slots=True)
class EngineCounters:
    """Counters of the engine since its start.

    `foreign_replies`: not answers to anything remembered: forged, another program's, or later than the
    engine's memory (timeout and some ten seconds). `alive_at`: monotonic time of the thread's last turn.
    """

    send_errors: int = 0
    receive_drops: int = 0
    foreign_replies: int = 0
    malformed_packets: int = 0
    missed_schedules: int = 0
    alive_at: float = 0.0


@dataclass(slots=True)
class ResultLog:
    """Collects what `Results` holds until it is drained."""

    _rows: list[Rows] = field(default_factory=list)
    _sent_at: list[Floats] = field(default_factory=list)
    _rtt_s: list[Floats] = field(default_factory=list)
    _outcome: list[NDArray[np.uint8]] = field(default_factory=list)
    _verdicts: list[Verdict] = field(default_factory=list)
    _gaps: list[Gaps] = field(default_factory=list)
    _errors: dict[tuple[int, int, int, str], IcmpError] = field(default_factory=dict)

    def add(self, rows: Rows, sent_at: Floats, rtt_s: Floats, outcome: NDArray[np.uint8]) -> None:
        """Note how pings ended."""
        if rows.size:
            self._rows.append(rows)
            self._sent_at.append(sent_at)
            self._rtt_s.append(rtt_s)
            self._outcome.append(outcome)

    def add_unanswered(self, rows: Rows, sent_at: Floats, void: Mask) -> None:
        """Note pings without reply: VOID where `void`, LOST elsewhere."""
        outcome = np.where(void, np.uint8(Outcome.VOID), np.uint8(Outcome.LOST))
        self.add(rows, sent_at, np.full(rows.size, np.nan), outcome)

    def add_verdict(self, verdict: Verdict) -> None:
        """Note a verdict."""
        self._verdicts.append(verdict)

    def add_gaps(self, gaps: Gaps) -> None:
        """Note short outages."""
        if gaps.row.size:
            self._gaps.append(gaps)

    def add_error(self, error: IcmpError) -> None:
        """Note an ICMP error, in place of an equal earlier one."""
        self._errors[error.row, error.type, error.code, error.reporter] = error

    def drain(self) -> Results:
        """Hand out everything and start anew."""
        results = Results(
            row=np.concatenate([np.zeros(0, np.intp), *self._rows]).astype(np.int32),
            sent_at=np.concatenate([np.zeros(0), *self._sent_at]),
            rtt_s=np.concatenate([np.zeros(0), *self._rtt_s]),
            outcome=np.concatenate([np.zeros(0, np.uint8), *self._outcome]),
            verdicts=tuple(self._verdicts),
            errors=tuple(self._errors.values()),
            gaps=Gaps.join(self._gaps),
        )
        for part in (self._rows, self._sent_at, self._rtt_s, self._outcome, self._verdicts, self._gaps):
            part.clear()
        self._errors.clear()
        return results

    def forget(self, rows: Rows) -> None:
        """Drop what belongs to `rows`, which are about to be given to other targets."""
        kept = self.drain()
        stays = ~np.isin(kept.row, rows)
        self.add(kept.row[stays].astype(np.intp), kept.sent_at[stays], kept.rtt_s[stays], kept.outcome[stays])
        gone = set(rows.tolist())
        self.add_gaps(kept.gaps.of(~np.isin(kept.gaps.row, rows)))
        self._verdicts.extend(verdict for verdict in kept.verdicts if verdict.row not in gone)
        for error in kept.errors:
            if error.row not in gone:
                self.add_error(error)
