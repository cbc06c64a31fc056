"""The batch pinger without sockets, thread or clock: what to send, and what replies and silence mean."""

from __future__ import annotations

import errno
import secrets
from collections.abc import Sequence

import numpy as np

from probes.icmp.budget import ConfirmationBudget
from probes.icmp.clock import Reading, less_slack, round_trips
from probes.icmp.columns import Addresses, Floats, Integers, Mask, Rows, grown
from probes.icmp.flight import Flight, State
from probes.icmp.packet import Bytes, Errors, Headers, Received, Wire, address_text
from probes.icmp.results import EngineCounters, IcmpError, Outcome, ResultLog, RowCounters, Verdict
from probes.icmp.schedule import Schedule
from probes.icmp.suspect import Suspects
from probes.icmp.targets import PingTarget, TargetTable
from probes.sample import Reason

MEMORY_S = 10.0
"""How long after its timeout a ping is remembered, to tell late replies from foreign ones."""

NO_ROUTE = (errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN)
"""Errors of sending that say something of the target: there is no way to it from here (a routing protocol
has withdrawn it, our own uplink is gone). Nothing was sent, so the ping is void and no loss is measured;
but the target is not reachable, so it counts as unanswered for the verdict."""


class Engine:
    """All state of the pinger. `epoch_s`: what wall times count from; `count`: rounds per target.

    `token` goes into every packet; `rate_hz`: regular pings per second; `trouble`: by row, errno of what kept
    the last ping that ended from saying anything of the target, 0 if nothing did.
    """

    def __init__(self, budget: ConfirmationBudget, epoch_s: int, count: int | None = None) -> None:
        self.token = secrets.randbits(64)
        self.rate_hz = 0.0
        self._epoch_s = epoch_s
        self.table = TargetTable()
        self.flight = Flight()
        self.schedule = Schedule(count)
        self.suspects = Suspects(self.table, budget)
        self.log = ResultLog()
        self.rows = RowCounters.zeros()
        self.trouble: Integers = np.zeros(0, dtype=np.int64)
        self.counters = EngineCounters()

    def replace(self, targets: Sequence[PingTarget], now: float) -> None:
        """Watch these targets from now on; those that were there before keep row and state."""
        change = self.table.replace(targets)
        size = len(self.table)
        self.rows = self.rows.copy(size)
        self.trouble = grown(self.trouble, size)
        self.schedule.resize(size)
        self.suspects.resize()
        ended = np.union1d(change.gone, change.fresh)
        self.flight.cancel(ended)
        self.log.forget(ended)
        self.rows.reset(ended)
        self.trouble[ended] = 0
        self.suspects.reset(ended)
        self.schedule.stop(change.gone)
        self.schedule.start(change.paced, self.table.interval_s[change.paced], now)
        self.rate_hz = float((1.0 / self.table.interval_s[self.table.active]).sum())
        self.flight.reserve(self._most_remembered())

    def begin(self, now: float) -> None:
        """Begin the rounds of all targets anew."""
        rows = np.flatnonzero(self.table.active)
        self.schedule.start(rows, self.table.interval_s[rows], now)

    def _most_remembered(self) -> float:
        active = self.table.active
        longest_s = float(self.table.timeout_s[active].max(initial=0.0)) + MEMORY_S
        return (self.rate_hz + self.suspects.budget.per_second) * longest_s

    # Sending

    def take(self, now: float, limit: int) -> tuple[Rows, Mask]:
        """Rows to be pinged now, and which of these pings are confirmations (they come first)."""
        confirmed = self.suspects.due(now)
        rows = np.concatenate([confirmed, self.schedule.take(now, limit)])
        return rows, np.arange(rows.size) < confirmed.size

    def sent(self, slots: Rows, times: Floats, walls: Floats, slack_s: Floats, errors: Integers) -> None:
        """The pings in `slots` were handed to the kernel at these times, or up to `slack_s` later; `errors`
        has errno or 0."""
        self.flight.sent[slots] = times
        self.flight.sent_wall[slots] = walls
        self.flight.slack_s[slots] = slack_s
        rows, confirmation = self.flight.row[slots], self.flight.confirmation[slots]
        good = errors == 0
        if not good.all():
            self._not_sent(slots[~good], errors[~good])
        np.add.at(self.rows.sent, rows[good & ~confirmation], 1)
        if confirmation.any():
            np.add.at(self.rows.confirmations, rows[good & confirmation], 1)
            asked = confirmation & (good | np.isin(errors, NO_ROUTE))
            self.suspects.confirm(rows[asked], float(times[-1]))

    def _not_sent(self, slots: Rows, errors: Integers) -> None:
        self.counters.send_errors += slots.size
        self.flight.state[slots] = State.VOID
        self.trouble[self.flight.row[slots]] = errors
        self._count(self.rows.too_big, slots[errors == errno.EMSGSIZE])
        routeless, regular = np.isin(errors, NO_ROUTE), ~self.flight.confirmation[slots]
        self._log_unanswered(slots[regular], np.ones(int(regular.sum()), dtype=np.bool_))
        self.suspects.void(self.flight.row[slots[regular & ~routeless]])
        no_way = slots[regular & routeless]
        self.suspects.miss(self.flight.row[no_way], self.flight.sent[no_way])
        self.suspects.refuse(self.flight.row[slots[routeless]])

    # Receiving

    def receive(self, batch: Received, sources: Addresses, ttls: Bytes, walls: Floats, read: Reading) -> None:
        """A batch came from `sources` with these `ttls`; `walls`: the kernel's times of arrival."""
        self.counters.malformed_packets += batch.malformed
        if batch.index.size:
            at = batch.index
            self._replies(batch.replies, sources.take(at), ttls[at], walls[at], read)
        if batch.errors.index.size:
            self._errors(batch.wire, batch.errors, sources.take(batch.errors.index), read)

    def _replies(
        self, replies: Headers, sources: Addresses, ttls: Bytes, walls: Floats, read: Reading
    ) -> None:
        slots, known = self._find(replies)
        cancelled = known & (self.flight.state[slots] == State.CANCELLED)
        genuine = known & ~cancelled & self._is_at(slots, sources)
        self.counters.foreign_replies += int((~genuine & ~cancelled).sum())
        ours, arrived = slots[genuine], walls[genuine]
        self._see_ttls(self.flight.row[ours], ttls[genuine])
        first = self.flight.is_first(ours)
        self._count(self.rows.duplicates, ours[~first])
        slots = ours[first]
        rtt_s = round_trips(self.flight.sent[slots], self.flight.sent_wall[slots], arrived[first], read)
        usual_s = self.suspects.patience.smooth_s[self.flight.row[slots]]
        self._sort_replies(slots, less_slack(rtt_s, self.flight.slack_s[slots], usual_s), read.monotonic)

    def _see_ttls(self, rows: Rows, ttls: Bytes) -> None:
        """Replies came with these TTLs, in this order; 0: not known."""
        known = self.rows.ttl
        other = (known[rows] != ttls) & (ttls != 0)
        if not other.any():
            return
        other = np.isin(rows, rows[other]) & (ttls != 0)
        for row, ttl in zip(rows[other].tolist(), ttls[other].tolist(), strict=True):
            self.rows.ttl_changes[row] += known[row] not in (0, ttl)
            known[row] = ttl

    def _sort_replies(self, slots: Rows, rtt_s: Floats, now: float) -> None:
        """Tell replies in time from late and repeated ones."""
        state, is_open = self.flight.state[slots], self.flight.is_open(slots)
        in_time = rtt_s <= self.table.timeout_s[self.flight.row[slots]]
        self._answered(slots[is_open & in_time], rtt_s[is_open & in_time], now)
        self._lost(slots[is_open & ~in_time])
        self._count(self.rows.duplicates, slots[(state == State.ANSWERED) | (state == State.LATE)])
        late = slots[(is_open & ~in_time) | (state == State.LOST) | (state == State.VOID)]
        self._count(self.rows.late, late)
        self.flight.state[late] = State.LATE

    def _find(self, echoes: Headers) -> tuple[Rows, Mask]:
        serials, nonces = echoes["serial"].astype(np.int64), echoes["nonce"].astype(np.int64)
        slots, known = self.flight.find(serials, nonces)
        return slots, known & (echoes["token"] == self.token)

    def _is_at(self, slots: Rows, addresses: Addresses) -> Mask:
        ours = self.table.addresses.take(self.flight.row[slots])
        same: Mask = (ours.high == addresses.high) & (ours.low == addresses.low)
        return same

    def _count(self, counter: Integers, slots: Rows) -> None:
        regular = slots[~self.flight.confirmation[slots]]
        np.add.at(counter, self.flight.row[regular], 1)

    def _answered(self, slots: Rows, rtt_s: Floats, now: float) -> None:
        self.flight.state[slots] = State.ANSWERED
        self.trouble[self.flight.row[slots]] = 0
        self.suspects.answer(self.flight.row[slots], self.flight.sent[slots], rtt_s, now)
        regular = ~self.flight.confirmation[slots]
        slots = slots[regular]
        rows = self.flight.row[slots]
        np.add.at(self.rows.received, rows, 1)
        self.rows.consecutive_losses[rows] = 0
        outcome = np.full(rows.size, Outcome.REPLY, dtype=np.uint8)
        self.log.add(rows, self.flight.sent_wall[slots] + self._epoch_s, rtt_s[regular], outcome)

    def _errors(self, wire: Wire, errors: Errors, sources: Addresses, read: Reading) -> None:
        """ICMP errors: each is evidence, and ends a ping that still waits."""
        slots, known = self._find(errors.echoes)
        latest, sequence_known = self.flight.find_latest(errors.echoes["sequence"].astype(np.int64))
        slots = np.where(errors.whole, slots, latest)
        known = np.where(errors.whole, known, sequence_known) & self._is_at(slots, errors.destinations)
        believed = known & (self.flight.is_open(slots) | (self.flight.state[slots] == State.LOST))
        for i in np.flatnonzero(believed):
            row, reporter = int(self.flight.row[slots[i]]), address_text(wire, sources.number(int(i)))
            at = self._epoch_s + read.wall
            kind, code, mtu = int(errors.type[i]), int(errors.code[i]), int(errors.mtu[i])
            self.log.add_error(IcmpError(row, at, kind, code, reporter, mtu))
        too_big = (errors.type == wire.too_big[0]) & (errors.code == wire.too_big[1])
        self._outgrown(np.unique(slots[believed & too_big]))
        self._refused(np.unique(slots[believed & ~too_big]))

    def _outgrown(self, slots: Rows) -> None:
        """Pings that were too big for the way: neither a reply nor a loss, and no word on the target."""
        slots = slots[self.flight.is_open(slots)]
        if not slots.size:
            return
        self.flight.state[slots] = State.VOID
        rows = self.flight.row[slots]
        is_latest = self.flight.sent[slots] > self.suspects.answered[rows]
        self.trouble[rows[is_latest]] = errno.EMSGSIZE
        self._count(self.rows.too_big, slots)
        self.suspects.withdraw(np.unique(rows))
        regular = slots[~self.flight.confirmation[slots]]
        self._log_unanswered(regular, np.ones(regular.size, dtype=np.bool_))
        self.suspects.void(self.flight.row[regular])

    def _refused(self, slots: Rows) -> None:
        waiting = slots[self.flight.state[slots] == State.WAITING]
        regular = waiting[~self.flight.confirmation[waiting]]
        self.suspects.miss(self.flight.row[regular], self.flight.sent[regular])
        self.suspects.refuse(self.flight.row[slots])
        self._lost(slots[self.flight.is_open(slots)])

    def dropped(self, packets: int) -> None:
        """This machine dropped packets for lack of buffer: open pings may have been answered."""
        self.counters.receive_drops += packets
        self.flight.taint()
        self.suspects.doubt()

    # Judging

    def review(self, now: float) -> None:
        """See which pings are overdue or lost; call it when the sockets were drained up to `now`."""
        review = self.flight.review(now, self.suspects.patience.adaptive_s, self.table.timeout_s)
        aside = self.flight.confirmation[review.overdue] | self.flight.tainted[review.overdue]
        overdue = review.overdue[~aside]
        self.suspects.miss(self.flight.row[overdue], self.flight.sent[overdue])
        self._lost(review.expired)
        self.log.add_gaps(self.suspects.gaps.ripe(self.flight, now))
        self.suspects.suspect_more(now)

    def _lost(self, slots: Rows) -> None:
        self.flight.state[slots] = State.LOST
        slots = slots[~self.flight.confirmation[slots]]
        if not slots.size:
            return
        void = self.flight.tainted[slots]
        self._log_unanswered(slots, void)
        self.suspects.void(self.flight.row[slots[void]])
        lost = slots[~void]
        rows = self.flight.row[lost]
        self.trouble[rows] = 0
        trailing = self.flight.sent[lost] > self.suspects.answered[rows]
        np.add.at(self.rows.consecutive_losses, rows[trailing], 1)

    def _log_unanswered(self, slots: Rows, void: Mask) -> None:
        self.log.add_unanswered(self.flight.row[slots], self.flight.sent_wall[slots] + self._epoch_s, void)

    def decide(self, now: Reading) -> bool:
        """Note the verdicts that changed; whether any did."""
        decisions = self.suspects.decide(now.monotonic)
        offset_s = self._epoch_s + now.wall - now.monotonic
        for i, row in enumerate(decisions.row.tolist()):
            up, unreachable = bool(decisions.up[i]), bool(decisions.unreachable[i])
            reason = None if up else Reason.UNREACHABLE if unreachable else Reason.TIMEOUT
            since = float(decisions.since[i]) + offset_s
            self.log.add_verdict(Verdict(row, offset_s + now.monotonic, up, since, reason))
        return bool(decisions.row.size)
