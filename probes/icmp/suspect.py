"""Suspect mode: from pings without reply to a verdict, over all rows at once. Pure; `now` is an argument.

A ping that is unanswered after the row's adaptive timeout (RFC 6298, from its own round trips) raises a
suspicion, nothing more. A suspicion sends confirmation pings; loss comes in runs, so they are spread out,
and the further the more the row has lost lately. Any reply to a ping of the run, the confirmations
included, ends the suspicion; if none comes, the row is down. A row waits for the decision on its
companions, so that an upstream is known to be down before its children are. Where no confirmations may be
sent (budget gone, row covered), three missed rounds decide; and where a row is pinged so often that its
address would get too many, as many missed rounds as confirmations are as good.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from probes.icmp.budget import ConfirmationBudget
from probes.icmp.columns import Floats, Integers, Mask, Rows, grown
from probes.icmp.confirming import (
    CLEAN_CONFIRMATIONS,
    CLEAN_SPAN_S,
    LOSSY_CONFIRMATIONS,
    Confirmations,
    span_s,
)
from probes.icmp.gaps import Gaps, GapWatch
from probes.icmp.patience import ROUND_FLOOR_S, Patience
from probes.icmp.targets import EMERGENCY, REST, TargetTable

UP, DOWN, UNKNOWN = 1, 0, -1

SHAKEN_S = 300.0
"""How long a suspicion that ended in a reply makes a row count as lossy."""

REPLIES_TO_RISE = 3
ROUNDS_TO_FALL = 3
"""Missed rounds that decide where nothing may be confirmed."""
VOID_ROUNDS_TO_FORGET = 5
"""Rounds in a row that this machine could not measure, after which it does not claim to know."""
RECHECK_S, REPLY_RECHECK_S = 3.0, 0.5
"""What much depends on is asked on after its fall and after its first reply, so that a short outage is known
to be over as soon as it is; but once in SHAKEN_S, so that what flaps needs its three rounds."""
PATIENCE_S = 10.0
"""How long a row waits for the decision on its companions."""


@dataclass(frozen=True, slots=True)
class Decisions:
    """Rows whose verdict changed; `since`: first unanswered ping (down) or first reply (up).
    `unreachable`: an ICMP error or a missing route said so."""

    row: Rows
    up: Mask
    since: Floats
    unreachable: Mask


class Suspects:
    """The state of suspicion by row. Times are monotonic seconds, nan or -inf for never."""

    def __init__(self, table: TargetTable, budget: ConfirmationBudget) -> None:
        self.budget = budget
        self._table = table
        self._asked = Confirmations(table, budget)
        self._risen: list[Rows] = []
        self.up: NDArray[np.int8] = np.zeros(0, dtype=np.int8)
        self.suspect: Mask = np.zeros(0, dtype=np.bool_)
        self.patience = Patience()
        self.gaps = GapWatch()
        self.answered: Floats = np.zeros(0)
        """When the latest ping that got a reply was sent."""
        self.confirmations: NDArray[np.uint8] = np.zeros(0, dtype=np.uint8)
        self.covered: Mask = np.zeros(0, dtype=np.bool_)
        self._since: Floats = np.zeros(0)
        self._missed: Integers = np.zeros(0, dtype=np.int64)
        self._rounds_end: Floats = np.zeros(0)
        self._void: Integers = np.zeros(0, dtype=np.int64)
        self._unreachable: Mask = np.zeros(0, dtype=np.bool_)
        self._replies: Integers = np.zeros(0, dtype=np.int64)
        self._first_reply: Floats = np.zeros(0)
        self._shaken_until: Floats = np.zeros(0)
        self._fell_at: Floats = np.zeros(0)
        self._hasty: Mask = np.zeros(0, dtype=np.bool_)

    def resize(self) -> None:
        """Make room for the rows of the table, and take its organizations and addresses."""
        size = len(self._table)
        for name in ("suspect", "answered", "covered", "_since", "_fell_at", "_hasty"):
            setattr(self, name, grown(getattr(self, name), size))
        for name in ("_missed", "_void", "_unreachable", "_replies", "_first_reply", "_shaken_until"):
            setattr(self, name, grown(getattr(self, name), size))
        self._rounds_end = grown(self._rounds_end, size)
        self._asked.resize(size)
        self.patience.resize(size)
        self.up = grown(self.up, size, UNKNOWN)
        self.confirmations = grown(self.confirmations, size, CLEAN_CONFIRMATIONS)

    def reset(self, rows: Rows) -> None:
        """Know nothing of `rows`."""
        self.up[rows] = UNKNOWN
        self.patience.reset(rows)
        self.answered[rows] = self._shaken_until[rows] = -np.inf
        self._fell_at[rows] = -np.inf
        self._asked.rest(rows)
        self.confirmations[rows] = CLEAN_CONFIRMATIONS
        self.covered[rows] = False
        self._first_reply[rows] = np.nan
        self._void[rows] = self._replies[rows] = 0
        self._calm(rows)

    def _calm(self, rows: Rows) -> None:
        self.suspect[rows] = self._unreachable[rows] = False
        self._since[rows] = np.nan
        self._missed[rows] = 0
        self._asked.end(rows)

    # What happened to pings

    def answer(self, rows: Rows, sent: Floats, rtt_s: Floats, now: float) -> None:
        """Replies in time, regular or to confirmations, came for pings sent at `sent`."""
        self.patience.learn(rows, rtt_s, self._table.timeout_s[rows])
        np.maximum.at(self.answered, rows, sent)
        self._void[rows] = 0
        first = self._replies[rows] == 0
        self._first_reply[rows[first]] = (sent + rtt_s)[first]
        np.add.at(self._replies, rows, 1)
        of_run = sent >= self._since[rows]
        self._end_suspicions(rows[of_run], sent[of_run], now)
        below = rows[self.up[rows] != UP]
        if below.size:
            enough = (self.up[below] == UNKNOWN) | (self._replies[below] >= REPLIES_TO_RISE)
            self._rise(np.unique(below[enough]))
            self._ask_again(below[~enough], now + REPLY_RECHECK_S, REST)

    def _end_suspicions(self, rows: Rows, sent: Floats, now: float) -> None:
        """Replies to pings of the run, sent at `sent`, came for these rows."""
        ended = self.suspect[rows]
        self._note_gaps(rows[ended], sent[ended], now)
        self._asked.release(np.unique(rows[ended]))
        self._calm(rows)

    def _note_gaps(self, rows: Rows, sent: Floats, now: float) -> None:
        """The run lasted from the first ping without reply to the first with one. A reply that was hardly
        late is no run, and shakes nothing."""
        order = np.lexsort((sent, rows))
        rows, first = np.unique(rows[order], return_index=True)
        since, until = self._since[rows], sent[order][first]
        is_gap = until > since
        clean = (self.confirmations[rows] < LOSSY_CONFIRMATIONS) & (now >= self._shaken_until[rows])
        own = (self._missed[rows] > 0) & (is_gap | (now - since > ROUND_FLOOR_S))
        self._shaken_until[rows[own]] = now + SHAKEN_S
        runs = Gaps(rows, since, until, clean, lost=np.zeros(rows.size, dtype=np.int64))
        self.gaps.add(runs.of(is_gap), self._table.timeout_s[rows[is_gap]])

    def _rise(self, rows: Rows) -> None:
        self._asked.release(rows)
        self._calm(rows)
        self.up[rows] = UP
        self._asked.rest(rows)
        self._risen.append(rows)

    def miss(self, rows: Rows, sent: Floats) -> None:
        """Regular pings, sent at `sent` (in that order), have become overdue or were refused.

        One that was overtaken by the reply to a later ping is a loss, but says nothing of now.
        """
        current = sent > self.answered[rows]
        rows, sent = rows[current], sent[current]
        self._void[rows] = 0
        self._replies[rows] = 0
        self._since[rows] = np.fmin(self._since[rows], sent)
        np.add.at(self._missed, rows, 1)
        counting = self._missed[rows] <= ROUNDS_TO_FALL
        rows, sent = rows[counting], sent[counting]
        self._rounds_end[rows] = sent + self.patience.round_s(rows)

    def refuse(self, rows: Rows) -> None:
        """An ICMP error came for the rows, or this machine has no route to them. It explains a silence, so
        a row that answers (the error was late, or overtaken by a reply) keeps no memory of it."""
        silent = self.suspect[rows] | (self._missed[rows] > 0)
        self._unreachable[rows[silent]] = True

    def void(self, rows: Rows) -> None:
        """Regular pings that this machine could not send, or whose replies it dropped."""
        np.add.at(self._void, rows, 1)
        forgotten = rows[self._void[rows] >= VOID_ROUNDS_TO_FORGET]
        self._asked.release(forgotten)
        self._calm(forgotten)
        self._replies[forgotten] = 0
        self.up[forgotten] = UNKNOWN

    def withdraw(self, rows: Rows) -> None:
        """Pings to these rows, confirmations perhaps, were refused for a reason that lies in the ping."""
        self._asked.release(rows)
        self._calm(rows)

    def doubt(self) -> None:
        """This machine dropped replies: no suspicion of now stands on firm ground."""
        self.withdraw(np.flatnonzero(self.suspect | (self._missed > 0)))

    # Confirmations

    def suspect_more(self, now: float) -> None:
        """Raise suspicions on rows with missed pings, and on their companions that were not heard since."""
        new = (self._missed > 0) & (self.up != DOWN) & ~self.suspect
        self.suspect |= new
        silent_from = self._since.copy()
        while new.any():
            new = self._ask_companions(new, silent_from)
            self._since[new] = np.fmin(self._since[new], now)
            self.suspect |= new
        self._grant(now)

    def _ask_companions(self, new: Mask, silent_from: Floats) -> Mask:
        """Companions of `new` that have not answered since these fell silent; their `silent_from` is set."""
        edge = np.flatnonzero(new[self._table.edge_child])
        child, upstream = self._table.edge_child[edge], self._table.edge_upstream[edge]
        unheard = (self.answered[upstream] < silent_from[child]) & (self.up[upstream] != DOWN)
        unheard &= ~self.suspect[upstream]
        asked = np.zeros(len(self.suspect), dtype=np.bool_)
        asked[upstream[unheard]] = True
        np.fmin.at(silent_from, upstream[unheard], silent_from[child[unheard]])
        return asked

    def _grant(self, now: float) -> None:
        """Reserve confirmations for suspects that have none, upstreams first."""
        rows = np.flatnonzero(self.suspect & (self._asked.granted == 0) & ~self.covered)
        if not rows.size:
            return
        rows = rows[np.lexsort((self._since[rows], self._table.priority[rows]))]
        wanted = self.confirmations[rows].astype(np.int64)
        shaken = (now < self._shaken_until[rows]) & (wanted > 0)
        wanted = np.where(shaken, np.maximum(wanted, LOSSY_CONFIRMATIONS), wanted)
        self._asked.grant(rows, wanted, now)

    def are_asked(self, now: float) -> bool:
        """Whether any row is under suspicion, or asked on after its fall."""
        return self._asked.any_asked_on(now) or bool(np.count_nonzero(self.suspect))

    def due(self, now: float) -> Rows:
        """Rows that get a confirmation ping now, at most one to each address."""
        return self._asked.due(self.suspect, self.covered, now)

    def confirm(self, rows: Rows, now: float) -> None:
        """A confirmation ping to each of the rows went out (or has no route, which is an answer too)."""
        is_suspect = self.suspect[rows]
        self._asked.repeat(rows[~is_suspect], now)
        rows = rows[is_suspect]
        self._asked.count(rows, self.patience.closing_s[rows], now)

    def _ask_again(self, rows: Rows, until: float, below: int) -> None:
        """Ask rows that are down, and more important than `below`, on until then."""
        rows = rows[self._hasty[rows] & (self._table.priority[rows] < below)]
        self._asked.ask_on(rows, until)

    # Verdicts

    def decide(self, now: float) -> Decisions:
        """The verdicts that have changed since the last call."""
        risen = np.concatenate([np.zeros(0, np.intp), *self._risen])
        self._risen.clear()
        proven = self.suspect & self._is_proven(now)
        fallen = np.flatnonzero(proven & ~self._is_waiting(proven, now))
        decisions = Decisions(
            row=np.concatenate([risen, fallen]),
            up=np.arange(risen.size + fallen.size) < risen.size,
            since=np.concatenate([self._first_reply[risen], self._since[fallen]]),
            unreachable=np.concatenate([np.zeros(risen.size, np.bool_), self._unreachable[fallen]]),
        )
        self._fall(fallen, now)
        return decisions

    def _fall(self, rows: Rows, now: float) -> None:
        self.up[rows] = DOWN
        self._replies[rows] = 0
        self._calm(rows)
        self._hasty[rows] = now - self._fell_at[rows] >= SHAKEN_S
        self._fell_at[rows] = now
        self._ask_again(rows, now + RECHECK_S, EMERGENCY)

    def _is_proven(self, now: float) -> Mask:
        granted, silent_s = self._asked.granted, now - self._since - self.patience.adaptive_s
        confirmed = self._asked.are_over(now)
        by_rounds = (granted > 0) & (self._missed > granted) & (silent_s >= span_s(granted))
        starved = ((granted == 0) | self.covered) & (self._missed >= ROUNDS_TO_FALL)
        starved &= (silent_s >= CLEAN_SPAN_S) & (now >= self._rounds_end)
        proven: Mask = confirmed | by_rounds | starved
        return proven

    def _is_waiting(self, proven: Mask, now: float) -> Mask:
        """Rows above which, at any distance, a companion is not decided yet; a circle waits for nobody."""
        child, upstream = self._table.edge_child, self._table.edge_upstream
        undecided = self.suspect & ~proven
        waiting = np.zeros(len(self.suspect), dtype=np.bool_)
        while undecided.any():
            reached = np.zeros_like(waiting)
            reached[child[undecided[upstream]]] = True
            undecided = reached & self.suspect & ~waiting
            waiting |= undecided
        return waiting & (now - self._since < PATIENCE_S)
