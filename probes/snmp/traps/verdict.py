"""What became of a datagram, and whose it may be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from probes.snmp.settings import Settings
from probes.snmp.traps.meaning import Meaning

OnTrap = Callable[[str, Meaning], None]
"""Takes the key of a sender, and what it said."""


class Result(StrEnum):
    """Every datagram has exactly one."""

    ACCEPTED = "accepted"
    """A trap or inform of a known sender that proved who it is."""
    DISCOVERY = "discovery"
    """A sender of version 3 asked for our engine ID or clock; it was answered."""
    UNKNOWN_SENDER = "unknown_sender"
    """It comes from an address that no watched device has; nothing of it was read."""
    SENDER_LIMIT = "sender_limit"
    """Its sender had used up its share; nothing of it was read."""
    TOTAL_LIMIT = "total_limit"
    """All senders together had used up what there is; nothing of it was read."""
    MALFORMED = "malformed"
    UNAUTHENTICATED = "unauthenticated"
    """Another community, user, password or security level than the device's own."""
    UNTIMELY = "untimely"
    """Of version 3: recorded earlier and sent again, or the sender's clock has gone back."""
    NOT_READ = "not_read"
    """The kernel dropped it, since the buffer was full."""


@dataclass(frozen=True, slots=True)
class Sender:
    """A device that may send notifications; `settings`: those it is polled with, which hold its secrets."""

    key: str
    settings: Settings


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is to be done about one datagram: `senders` said `meaning`; `answer` goes back to where it came
    from, if anything."""

    result: Result
    senders: tuple[Sender, ...] = ()
    meaning: Meaning | None = None
    answer: bytes | None = None


class Refused(Exception):  # noqa: N818
    """Reading a datagram came to an end early, with this verdict."""

    def __init__(self, result: Result, answer: bytes | None = None) -> None:
        super().__init__(result.value)
        self.verdict = Verdict(result, answer=answer)
