"""Pings in flight, and those just landed: a ring of slots, found by the serial number in the packet."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from probes.icmp.columns import Floats, Integers, Mask, Numbers, Rows

MIN_SLOTS = 4096
SERIALS = 2**32


class State(IntEnum):
    """Where a ping stands. LATE: a reply came, too late; CANCELLED: its row was taken away."""

    UNUSED = 0
    WAITING = 1
    OVERDUE = 2
    ANSWERED = 3
    LOST = 4
    LATE = 5
    VOID = 6
    CANCELLED = 7


@dataclass(frozen=True, slots=True)
class Review:
    """Slots that have become overdue (no reply within the row's adaptive timeout) and that have expired
    (none within its timeout) since the last review, each in the order of sending."""

    overdue: Rows
    expired: Rows


class Flight:
    """Columns by slot. Times are monotonic seconds; `sent_wall` counts from the clock's epoch; `slack_s`: by
    how much both may be too early.

    `confirmation`: sent to confirm a suspicion. `tainted`: its reply may have been dropped by this machine.
    """

    def __init__(self) -> None:
        self._next = 0
        self._open: list[Rows] = []
        self._random = np.random.default_rng()
        self._allocate(MIN_SLOTS)

    def _allocate(self, slots: int) -> None:
        self._mask = slots - 1
        self.row: Rows = np.zeros(slots, dtype=np.intp)
        self.serial: Numbers = np.zeros(slots, dtype=np.uint32)
        self.nonce: Numbers = np.zeros(slots, dtype=np.uint32)
        self.sent: Floats = np.zeros(slots)
        self.sent_wall: Floats = np.zeros(slots)
        self.slack_s: Floats = np.zeros(slots)
        self.state: NDArray[np.uint8] = np.zeros(slots, dtype=np.uint8)
        self.confirmation: Mask = np.zeros(slots, dtype=np.bool_)
        self._scratch: NDArray[np.int32] = np.zeros(slots, dtype=np.int32)
        self.tainted: Mask = np.zeros(slots, dtype=np.bool_)

    def reserve(self, pings: float) -> None:
        """Make room to remember so many pings at a time."""
        slots = max(MIN_SLOTS, 1 << int(np.ceil(np.log2(max(pings, 1)))))
        if slots <= len(self.row):
            return
        columns = (
            "row",
            "serial",
            "nonce",
            "sent",
            "sent_wall",
            "slack_s",
            "state",
            "confirmation",
            "tainted",
        )
        old = {name: getattr(self, name) for name in columns}
        used = np.flatnonzero(self.state != State.UNUSED)
        place = old["serial"].astype(np.intp) & (slots - 1)
        places, self._open = place[used], [place[self.open_slots()]]
        self._allocate(slots)
        for name, column in old.items():
            getattr(self, name)[places] = column[used]

    def launch(self, rows: Rows, confirmation: Mask, now: float) -> Rows:
        """Slots for new pings to `rows`, each with a serial number and a nonce."""
        serials = (self._next + np.arange(rows.size)) % SERIALS
        self._next = (self._next + rows.size) % SERIALS
        slots = serials & self._mask
        self.row[slots] = rows
        self.serial[slots] = serials
        self.nonce[slots] = self._random.integers(0, SERIALS, rows.size)
        self.sent[slots] = now
        self.state[slots] = State.WAITING
        self.confirmation[slots] = confirmation
        self.tainted[slots] = False
        self._open.append(slots)
        return slots

    def find(self, serials: Integers, nonces: Integers) -> tuple[Rows, Mask]:
        """The slot of each (serial, nonce), and whether it is really that ping's."""
        slots = serials & self._mask
        known = (self.serial[slots] == serials) & (self.nonce[slots] == nonces)
        return slots, known & (self.state[slots] != State.UNUSED)

    def find_latest(self, sequences: Integers) -> tuple[Rows, Mask]:
        """The slot of the latest ping with each sequence number, and whether there was one."""
        serials = (self._next - 1 - ((self._next - 1 - sequences) & 0xFFFF)) % SERIALS
        slots = serials & self._mask
        return slots, (self.serial[slots] == serials) & (self.state[slots] != State.UNUSED)

    @property
    def any_open(self) -> bool:
        """Whether any ping waited for a reply at the last review, or was sent since."""
        return any(slots.size for slots in self._open)

    def open_slots(self) -> Rows:
        """Slots of pings that still wait for a reply, in the order of sending."""
        slots = np.concatenate([np.zeros(0, np.intp), *self._open])
        slots = slots[self.is_open(slots)]
        self._open = [slots]
        return slots

    def is_open(self, slots: Rows) -> Mask:
        """Which slots still wait for a reply."""
        state = self.state[slots]
        is_open: Mask = (state == State.WAITING) | (state == State.OVERDUE)
        return is_open

    def is_first(self, slots: Rows) -> Mask:
        """Which entries of `slots` are the first of their slot (a reply may come twice in one batch)."""
        place = np.arange(slots.size)
        self._scratch[slots[::-1]] = place[::-1]
        first: Mask = self._scratch[slots] == place
        return first

    def review(self, now: float, adaptive_s: Floats, timeout_s: Floats) -> Review:
        """Move waiting pings on to overdue and lost. Call it only after the sockets were drained up to
        `now`; the arrays are by row."""
        slots = self.open_slots()
        rows, age_s = self.row[slots], now - self.sent[slots]
        expired = age_s > timeout_s[rows]
        overdue = slots[(self.state[slots] == State.WAITING) & ((age_s > adaptive_s[rows]) | expired)]
        self.state[overdue] = State.OVERDUE
        self.state[slots[expired]] = State.LOST
        return Review(overdue, slots[expired])

    def taint(self) -> None:
        """This machine dropped replies: whichever ping is open may have been answered."""
        self.tainted[self.open_slots()] = True

    def cancel(self, rows: Rows) -> None:
        """Forget the pings of `rows`: replies to them mean nothing any more."""
        used = np.flatnonzero(self.state != State.UNUSED)
        self.state[used[np.isin(self.row[used], rows)]] = State.CANCELLED
