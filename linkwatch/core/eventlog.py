"""What devices said of themselves lately: each thing once, so much of each device and no more."""

from __future__ import annotations

from collections import deque
from collections.abc import Container
from dataclasses import dataclass, field

from linkwatch.core.records import TargetEvent

EVENTS_KEPT = 5000
RECENT_KEPT = 8
SAME_S = 10.0
"""The same said again so soon is the same event: an acknowledgement was lost, or two MIBs name it."""

AT_ONCE, EVERY_S = 10, 30.0
"""So many events of one device at once, then one each so often: a port that flaps all day is one story."""


@dataclass(slots=True)
class _Voice:
    """One device's: how many events it may still bring, as of `at`, and its last ones."""

    at: float
    allowed: float = AT_ONCE
    recent: deque[TargetEvent] = field(default_factory=lambda: deque(maxlen=RECENT_KEPT))

    def take(self, event: TargetEvent) -> bool:
        about = [one for one in self.recent if one.detail == event.detail]
        if about and about[-1].kind == event.kind and abs(event.at - about[-1].at) < SAME_S:
            return False
        self.allowed = min(AT_ONCE, self.allowed + max(0.0, event.at - self.at) / EVERY_S)
        self.at = event.at
        if self.allowed < 1:
            return False
        self.allowed -= 1
        self.recent.append(event)
        return True


class EventLog:
    """The last events of all targets, in memory."""

    def __init__(self) -> None:
        self._events: deque[TargetEvent] = deque(maxlen=EVENTS_KEPT)
        self._voices: dict[str, _Voice] = {}

    def add(self, event: TargetEvent) -> bool:
        """Take an event in; False if it says nothing new, or is one too many of its target."""
        is_news = self._voices.setdefault(event.target, _Voice(event.at)).take(event)
        if is_news:
            self._events.append(event)
        return is_news

    def of(self, target: str) -> tuple[TargetEvent, ...]:
        """The events of a target, the newest first."""
        return tuple(event for event in reversed(self._events) if event.target == target)

    def keep(self, targets: Container[str]) -> None:
        """Forget all other targets."""
        self._voices = {target: voice for target, voice in self._voices.items() if target in targets}
        self._events = deque((one for one in self._events if one.target in targets), maxlen=EVENTS_KEPT)
