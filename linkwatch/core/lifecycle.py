"""The life of alerts: pending, firing after `for`, gone, as in Prometheus (rules/alerting.go).

When an alert whose rule does not hold any more may end, and what it needs for that, is the business of
a `Recovery`: Prometheus's own is `Immediate`, LinkWatch's asks for evidence (evidence.py).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple, Protocol

from linkwatch.core.claims import Holding, by_identity
from linkwatch.core.records import Alert, AlertState, GoneReason, SeriesKey, Transition
from linkwatch.core.rule import Labels, Rule

_ROUNDING_S = 1e-6
"""Differences of floats that stand for seconds are exact only to this."""


class Why(StrEnum):
    """Reasons of transitions other than to gone."""

    HOLDS = "holds"
    LASTED = "for-elapsed"
    HOLDS_AGAIN = "holds-again"
    NOT_MEASURED = "not-measured"
    ISOLATED = "isolated"
    RULE_FAILED = "rule-failed"


class Hold(NamedTuple):
    """An alert may not end now."""

    why: Why
    detail: str = ""


@dataclass(slots=True, eq=False)
class Track:
    """One alert that is alive, as of the last step; the fields of `Alert`, and beside them:

    `since`: for each rule that asks for it, since when. `rule`: the one that speaks for it.
    `sample`: the labels of the series behind it. `recovered_at`: since when it might end.
    """

    id: str
    rule_name: str
    labels: Labels
    true_since: float
    state: AlertState | None = None
    annotations: Labels = field(default_factory=dict)
    value: float = 0.0
    true_at: float = 0.0
    fired_at: float | None = None
    series: tuple[SeriesKey, ...] = ()
    rule: Rule | None = None
    sample: Labels = field(default_factory=dict)
    since: dict[str, float] = field(default_factory=dict)
    recovered_at: float | None = None
    is_true: bool = False

    @classmethod
    def restore(cls, alert: Alert) -> Track:
        """An alert from the store."""
        return cls(
            alert.id, alert.rule, alert.labels, alert.true_since, alert.state, alert.annotations,
            alert.value, alert.true_at, alert.fired_at, alert.series,
        )  # fmt: skip

    def move_times(self, by_s: float) -> None:
        """Go on with a clock that was set by so much."""
        moved = self.alert(AlertState.PENDING).moved(by_s)
        self.true_since, self.true_at, self.fired_at = moved.true_since, moved.true_at, moved.fired_at
        self.since = {key: since + by_s for key, since in self.since.items()}
        self.recovered_at = None if self.recovered_at is None else self.recovered_at + by_s

    def alert(self, state: AlertState) -> Alert:
        """The alert as it stands."""
        return Alert(
            self.id, self.rule_name, self.labels, self.annotations, self.value, state,
            self.true_since, self.true_at, self.fired_at, self.series,
        )  # fmt: skip


class Recovery(Protocol):
    """What the end of an alert needs."""

    def witnesses(self, track: Track, rule: Rule) -> tuple[SeriesKey, ...]:
        """The series whose next measurement is the evidence of a recovery; asked while it holds."""

    def ending(self, track: Track) -> GoneReason | Hold:
        """Whether an alert that does not hold now may end."""


class Immediate:
    """Prometheus: what does not hold is over."""

    def witnesses(self, track: Track, rule: Rule) -> tuple[SeriesKey, ...]:
        """Nothing is needed."""
        return ()

    def ending(self, track: Track) -> GoneReason | Hold:
        """At once."""
        return GoneReason.RECOVERED


class Lifecycle:
    """All alerts that are alive, by identity. `active`: each as of its last transition. `due_at`: when the
    next of those that are pending has lasted; inf if none is."""

    def __init__(self, external_labels: Labels | None = None, restored: Iterable[Alert] = ()) -> None:
        self._external = external_labels or {}
        self.active = {alert.id: alert for alert in restored}
        self.due_at = math.inf
        self._tracks = {key: Track.restore(alert) for key, alert in self.active.items()}

    def adopt(self, rules: Sequence[Rule]) -> None:
        """Let alerts, restored ones above all, belong to the rule of their name."""
        by_name = {rule.name: rule for rule in rules}
        by_key = {rule.key: rule for rule in rules}
        for track in self._tracks.values():
            same = None if track.rule is None else by_key.get(track.rule.key)
            track.rule = same or by_name.get(track.rule_name)

    def move_times(self, by_s: float) -> None:
        """Go on with a clock that was set by so much: no `for` gets shorter or longer by it."""
        self.active = {key: alert.moved(by_s) for key, alert in self.active.items()}
        for track in self._tracks.values():
            track.move_times(by_s)

    def step(self, now: float, holdings: list[Holding], recovery: Recovery) -> list[Transition]:
        """One evaluation: what holds now, and which alerts changed state by it."""
        self.due_at = math.inf
        asked = by_identity(holdings)
        lapsed = [track for key, track in self._tracks.items() if key not in asked]
        transitions = [self._hold(key, asked[key], now, recovery) for key in asked]
        transitions += [self._lapse(track, now, recovery.ending(track)) for track in lapsed]
        return [transition for transition in transitions if transition is not None]

    def latest(self, key: str) -> Alert:
        """The active alert with value, annotations and times as of the last step."""
        track = self._tracks[key]
        self._annotate(track)
        return track.alert(self.active[key].state)

    def _hold(self, key: str, asked: Sequence[Holding], now: float, recovery: Recovery) -> Transition | None:
        track = self._tracks.get(key)
        if track is None:
            first = asked[0]
            track = self._tracks[key] = Track(key, first.rule.name, first.claim.labels, now)
        lasted = _keep_time(track, asked, now)
        track.rule, claim, track.value = lasted[0] if lasted else asked[0]
        track.rule_name, track.labels, track.sample = track.rule.name, claim.labels, claim.sample
        track.series = recovery.witnesses(track, track.rule)
        track.true_at, track.is_true, track.recovered_at = now, True, None
        return self._rise(track, now, lasted=bool(lasted))

    def _rise(self, track: Track, now: float, *, lasted: bool) -> Transition | None:
        was = track.state
        if not lasted and was is not AlertState.FIRING:
            self.due_at = min(self.due_at, _lasted_at(track))
        if was is AlertState.FIRING or (was is AlertState.PENDING and not lasted):
            return None
        if not lasted and was is None:
            return self._change(track, AlertState.PENDING, Why.HOLDS)
        track.fired_at = now if track.fired_at is None else track.fired_at
        self._annotate(track)
        why = Why.HOLDS_AGAIN if was is AlertState.HELD else Why.LASTED
        return self._change(track, AlertState.FIRING, why)

    def _lapse(self, track: Track, now: float, ending: GoneReason | Hold) -> Transition | None:
        track.is_true = False
        if isinstance(ending, Hold):
            track.recovered_at = None
            fires = track.state is AlertState.FIRING
            return self._change(track, AlertState.HELD, ending.why, ending.detail) if fires else None
        if ending is GoneReason.RECOVERED:
            if _keeps_firing(track, now):
                return None
            ending = GoneReason.NEVER_FIRED if track.state is AlertState.PENDING else ending
        return self._change(track, AlertState.GONE, ending)

    def _change(self, track: Track, state: AlertState, reason: str, detail: str = "") -> Transition:
        was, track.state = track.state, state
        alert = track.alert(state)
        if state is AlertState.GONE:
            del self._tracks[track.id], self.active[track.id]
        else:
            self.active[track.id] = alert
        return Transition(alert, was, reason, detail)

    def _annotate(self, track: Track) -> None:
        """Write the annotations with the value of now; what does not hold keeps its last ones."""
        if track.is_true and track.rule is not None:
            track.annotations = track.rule.alert_annotations(track.sample, track.value, self._external)


def _keep_time(track: Track, asked: Sequence[Holding], now: float) -> list[Holding]:
    """Note since when each rule has asked; returns those whose `for` is over.

    A restored alert continues its timer: no rule has asked yet, so the first goes on from there.
    """
    start = now if track.since else track.true_since
    track.since = {holding.rule.key: track.since.get(holding.rule.key, start) for holding in asked}
    track.true_since = min(track.since.values())
    return [
        holding
        for holding in asked
        if now - track.since[holding.rule.key] >= holding.rule.for_s - _ROUNDING_S
    ]


def _lasted_at(track: Track) -> float:
    """When the first rule that asks for a pending alert has asked for long enough, if that is its own."""
    assert track.rule is not None, "whoever asks is a rule"
    return track.since[track.rule.key] + track.rule.for_s


def _keeps_firing(track: Track, now: float) -> bool:
    keep_s = 0.0 if track.rule is None else track.rule.keep_firing_for_s
    if track.state is AlertState.PENDING or not keep_s:
        return False
    track.recovered_at = now if track.recovered_at is None else track.recovered_at
    return now - track.recovered_at < keep_s - _ROUNDING_S
