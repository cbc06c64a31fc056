"""The port: what is sent, over what, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Message:
    """One message to one address.

    `key` is the same whenever the same message is sent again; a channel that can pass it on lets the
    far side drop duplicates. `repeated`: an earlier attempt may have arrived. `to` is a secret.
    """

    subject: str
    body: str
    key: str
    repeated: bool = False
    to: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Delivered:
    """The far side took the message."""


@dataclass(frozen=True, slots=True)
class Failed:
    """The message was not taken. `permanent`: it never will be. `detail` holds no secret."""

    permanent: bool
    detail: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """Nobody can say whether the message was taken. `detail` holds no secret."""

    detail: str


Outcome = Delivered | Failed | Unknown


class Channel(Protocol):
    """One way to reach people. Sending may take as long as it likes: the caller has the deadline."""

    async def send(self, message: Message) -> Outcome:
        """Send to `message.to`; a failure is an outcome, never an exception."""
        ...
