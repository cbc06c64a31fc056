"""Counters to rates: what two readings of one interface say. Pure; `at` is any monotonic clock.

A counter that went down has either wrapped (32 bits are full after 34 s at 1 Gbit/s) or started anew.
sysUpTime and ifCounterDiscontinuityTime tell a new start; only a 32-bit counter can wrap; and a wrap
that would mean more than the interface can carry is a new start that nobody announced.
"""

from __future__ import annotations

import re
from collections import Counter as Multiset
from collections.abc import Container, Mapping
from dataclasses import dataclass

from probes.snmp import mib

TICKS_PER_S = 100
_WRAP = 2**32
_CLOCK_SLACK_S = 5.0
_BURST = 1.1
"""How far above its speed a counter may seem to run, since agents refresh counters in steps."""
_SMALLEST_FRAME = 64
_LONGEST_TEXT = 255
"""Of a DisplayString (RFC 2579)."""
_EXACT_BELOW_MBPS = 10
"""ifHighSpeed is rounded to 1 Mbit/s, so below this ifSpeed is better."""

_HC_COLUMNS = frozenset(
    {
        mib.IF_HC_IN_OCTETS,
        mib.IF_HC_OUT_OCTETS,
        mib.IF_HC_IN_UCAST_PKTS,
        mib.IF_HC_IN_MULTICAST_PKTS,
        mib.IF_HC_IN_BROADCAST_PKTS,
        mib.IF_HC_OUT_UCAST_PKTS,
        mib.IF_HC_OUT_MULTICAST_PKTS,
        mib.IF_HC_OUT_BROADCAST_PKTS,
    }
)


@dataclass(frozen=True, slots=True)
class Direction:
    """The columns of one direction, those of 64 bits first; packets come in several columns."""

    name: str
    octets: tuple[str, str]
    packets: tuple[str, ...]
    packets_32: tuple[str, ...]
    errors: str
    discards: str


RECEIVE = Direction(
    "receive",
    (mib.IF_HC_IN_OCTETS, mib.IF_IN_OCTETS),
    (mib.IF_HC_IN_UCAST_PKTS, mib.IF_HC_IN_MULTICAST_PKTS, mib.IF_HC_IN_BROADCAST_PKTS),
    (mib.IF_IN_UCAST_PKTS, mib.IF_IN_NUCAST_PKTS),
    mib.IF_IN_ERRORS,
    mib.IF_IN_DISCARDS,
)
TRANSMIT = Direction(
    "transmit",
    (mib.IF_HC_OUT_OCTETS, mib.IF_OUT_OCTETS),
    (mib.IF_HC_OUT_UCAST_PKTS, mib.IF_HC_OUT_MULTICAST_PKTS, mib.IF_HC_OUT_BROADCAST_PKTS),
    (mib.IF_OUT_UCAST_PKTS, mib.IF_OUT_NUCAST_PKTS),
    mib.IF_OUT_ERRORS,
    mib.IF_OUT_DISCARDS,
)
DIRECTIONS = (RECEIVE, TRANSMIT)

STATE_COLUMNS = (mib.IF_ADMIN_STATUS, mib.IF_OPER_STATUS)
_SPEED_COLUMNS = (mib.IF_HIGH_SPEED, mib.IF_SPEED)


@dataclass(frozen=True, slots=True)
class Interface:
    """Who an interface is. `name` is unique within its device."""

    index: int
    name: str
    alias: str = ""


@dataclass(frozen=True, slots=True)
class Reading:
    """What an agent said of one interface. `at`: monotonic seconds; `uptime`: sysUpTime in ticks."""

    at: float
    uptime: int | None
    columns: Mapping[str, int]

    @property
    def speed_bps(self) -> float | None:
        """Bits per second; None when the agent does not know."""
        high, exact = self.columns.get(mib.IF_HIGH_SPEED), self.columns.get(mib.IF_SPEED)
        if exact and (high is None or high < _EXACT_BELOW_MBPS):
            return float(exact)
        return high * 1e6 if high else None

    @property
    def admin_up(self) -> bool | None:
        """Whether it is switched on."""
        status = self.columns.get(mib.IF_ADMIN_STATUS)
        return None if status is None else status == mib.STATUS_UP

    @property
    def oper_up(self) -> bool | None:
        """Whether it carries packets; None when the agent does not know (RFC 2863: unknown)."""
        status = self.columns.get(mib.IF_OPER_STATUS)
        return None if status in (None, mib.STATUS_UNKNOWN) else status == mib.STATUS_UP


@dataclass(frozen=True, slots=True)
class Change:
    """What happened between two readings: by how much each counter grew, where that can be told."""

    elapsed_s: float
    grown: Mapping[str, int]


def compare(previous: Reading, current: Reading) -> Change:
    """The change from one reading to the next; a counter that started anew or is ambiguous is left out."""
    elapsed_s = _elapsed_s(previous, current)
    if elapsed_s <= 0 or restarted(previous, current):
        return Change(max(elapsed_s, 0.0), {})
    limit = _most_octets(current, elapsed_s)
    grown = {}
    for column, value in current.columns.items():
        if column in COUNTERS and column in previous.columns:
            delta = _delta(column, previous.columns[column], value, limit)
            if delta is not None:
                grown[column] = delta
    return Change(elapsed_s, grown)


def restarted(previous: Reading, current: Reading) -> bool:
    """Whether the agent says that the interface's counters began anew."""
    before = previous.columns.get(mib.IF_COUNTER_DISCONTINUITY_TIME)
    after = current.columns.get(mib.IF_COUNTER_DISCONTINUITY_TIME)
    if before is not None and after is not None and before != after:
        return True
    return rebooted(previous.uptime, current.uptime, current.at - previous.at)


def rebooted(before: int | None, after: int | None, elapsed_s: float) -> bool:
    """Whether sysUpTime went back, other than by its wrap after 497 days."""
    if before is None or after is None or after >= before:
        return False
    wrapped_s = (after - before + _WRAP) / TICKS_PER_S
    return abs(wrapped_s - elapsed_s) > _CLOCK_SLACK_S + elapsed_s / 2


def _elapsed_s(previous: Reading, current: Reading) -> float:
    """By the agent's own clock if it runs plausibly (no network delay in it), else by ours."""
    ours_s = current.at - previous.at
    if previous.uptime is None or current.uptime is None:
        return ours_s
    theirs_s = (current.uptime - previous.uptime) % _WRAP / TICKS_PER_S
    plausible = 0.5 * ours_s <= theirs_s <= 1.5 * ours_s
    return theirs_s if plausible and theirs_s > 0 else ours_s


def _most_octets(reading: Reading, elapsed_s: float) -> float | None:
    speed_bps = reading.speed_bps
    return None if speed_bps is None else _BURST * elapsed_s * speed_bps / 8


def _delta(column: str, before: int, after: int, most_octets: float | None) -> int | None:
    if column in _HC_COLUMNS:
        return after - before if after >= before else None
    if column in _OCTETS_32 and most_octets is not None and most_octets >= _WRAP:
        return None  # it may have wrapped unseen: unknown, not small
    if after >= before:
        return after - before
    wrapped = after - before + _WRAP
    return wrapped if wrapped <= _most_growth(column, most_octets) else None


def _most_growth(column: str, most_octets: float | None) -> float:
    """The most by which a counter may have grown over a wrap; without a bound, half of its range."""
    if most_octets is None:
        return _WRAP / 2
    return most_octets if column in _OCTETS_32 else min(_WRAP / 2, most_octets / _SMALLEST_FRAME)


_OCTETS_32 = frozenset(direction.octets[1] for direction in DIRECTIONS)
COUNTERS = frozenset(
    column
    for direction in DIRECTIONS
    for column in (
        *direction.octets,
        *direction.packets,
        *direction.packets_32,
        direction.errors,
        direction.discards,
    )
)


def all_columns(version: str) -> tuple[str, ...]:
    """What to ask of an interface seen for the first time; version 1 has no 64-bit values."""
    columns = (*STATE_COLUMNS, *_SPEED_COLUMNS, mib.IF_COUNTER_DISCONTINUITY_TIME, *sorted(COUNTERS))
    return tuple(column for column in columns if version != "1" or column not in _HC_COLUMNS)


def needed_columns(seen: Mapping[str, int]) -> tuple[str, ...]:
    """What to go on asking, given what the interface has: no 32-bit twin of a 64-bit counter."""
    drop = set()
    for direction in DIRECTIONS:
        if direction.octets[0] in seen:
            drop.add(direction.octets[1])
        if direction.packets[0] in seen:
            drop.update(direction.packets_32)
    if seen.get(mib.IF_HIGH_SPEED, 0) >= _EXACT_BELOW_MBPS:
        drop.add(mib.IF_SPEED)
    return tuple(column for column in seen if column not in drop)


_Row = Mapping[str, str]


def name_interfaces(rows: Mapping[int, _Row]) -> tuple[Interface, ...]:
    """Interfaces by ifIndex from their identity columns, each under a name of its own.

    The name is ifName if it is unique and not empty, else ifDescr, else ifIndex; two interfaces are
    never merged.
    """
    by_name = _unique(rows, mib.IF_NAME)
    by_descr = _unique({index: row for index, row in rows.items() if index not in by_name}, mib.IF_DESCR)
    taken = set(by_name.values())
    names = by_name | {index: name for index, name in by_descr.items() if name not in taken}
    taken.update(names.values())
    for index in sorted(rows.keys() - names.keys()):
        names[index] = _free_name(str(index), taken)
        taken.add(names[index])
    return tuple(Interface(index, names[index], rows[index].get(mib.IF_ALIAS, "")) for index in sorted(rows))


def _unique(rows: Mapping[int, _Row], column: str) -> dict[int, str]:
    texts = {index: row[column] for index, row in rows.items() if row.get(column)}
    counts = Multiset(texts.values())
    return {index: text for index, text in texts.items() if counts[text] == 1}


def _free_name(name: str, taken: Container[str]) -> str:
    while name in taken:  # another interface may be called like this one's index
        name = f"ifIndex {name}"
    return name


def clean_text(raw: object) -> str:
    """A DisplayString as one line of text, cut where no honest one goes on: agents send padding, control
    characters and any encoding."""
    text = raw.decode("utf-8", "replace") if isinstance(raw, bytes) else str(raw)
    marked = "".join(letter if letter.isprintable() else "\0" for letter in text[:_LONGEST_TEXT])
    return re.sub("\0+", " ", marked).strip()
