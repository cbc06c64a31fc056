"""What the book has seen of alerts while their incidents are open. A restart loses it without harm.

After a start nobody is told of an incident again until one of its alerts has been measured as holding:
else a step that came due meanwhile would tell of an outage that may be over.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from linkwatch.core.blame import Evidence
from linkwatch.core.draft import Draft
from linkwatch.core.grouping import Situation, worst_first
from linkwatch.core.message import Story
from linkwatch.core.records import Alert, AlertState, Incident

_LIVE = (AlertState.FIRING, AlertState.HELD)

UNSEEN_S = 60.0
"""How long after a start an incident waits for that: our own silence must not lose a page."""


class Memory:
    """The last that was known of every alert that matters, and the evidence seen last."""

    def __init__(self, alerts: Iterable[Alert], incidents: Iterable[Incident] = ()) -> None:
        """What a start knows: the alerts and incidents that the store holds."""
        self._alerts = {alert.id: alert for alert in alerts}
        self._unseen = {incident.id: incident.alerts for incident in incidents}
        self._started_at: float | None = None
        self._evidence = Evidence()
        self._lower_since: dict[int, float] = {}

    def observe(self, s: Situation, owned: set[str]) -> None:
        """Take in a judgement; alerts that are gone are kept for the all-clear of their incident."""
        ended = {t.alert.id: t.alert for t in s.transitions if t.alert.state is AlertState.GONE}
        kept = {id_: alert for id_, alert in self._alerts.items() if id_ in owned}
        lost = {id_: replace(a, state=AlertState.GONE) for id_, a in kept.items() if id_ not in s.active}
        self._alerts = {**lost, **ended, **s.active}
        self._evidence = s.evidence
        if self._unseen:
            self._look_for_unseen(s)

    def is_unseen(self, incident: Incident) -> bool:
        """Whether nothing that was measured since the start says that it still goes on."""
        return incident.id in self._unseen

    def own(self, incident: Incident) -> tuple[Alert, ...]:
        """Its own alerts that fire or are held, worst first."""
        known = (self._alerts.get(id_) for id_ in incident.alerts)
        return worst_first(alert for alert in known if alert is not None and alert.state in _LIVE)

    def story(self, incident: Incident, draft: Draft) -> Story:
        """What can be told of it now; of one that is over, what its alerts were."""
        own = self.own(incident)
        if not own:
            own = worst_first(self._alerts[id_] for id_ in incident.alerts if id_ in self._alerts)
        return Story(incident, own, draft.inventory, self._evidence, draft.now)

    def move_times(self, by_s: float) -> None:
        """Go on with a clock that was set by so much."""
        self._lower_since = {id_: since + by_s for id_, since in self._lower_since.items()}
        self._started_at = None if self._started_at is None else self._started_at + by_s

    def is_lower_for_s(self, incident: Incident, now: float) -> float:
        """For how long the incident has been less severe than it says; the count starts here."""
        return now - self._lower_since.setdefault(incident.id, now)

    def is_not_lower(self, incident: Incident) -> None:
        """Its severity is what it says: an earlier count is void."""
        self._lower_since.pop(incident.id, None)

    def _look_for_unseen(self, s: Situation) -> None:
        started_at = self._started_at = s.now if self._started_at is None else self._started_at
        if s.now - started_at >= UNSEEN_S:
            self._unseen = {}
        self._unseen = {
            id_: alerts
            for id_, alerts in self._unseen.items()
            if not any(key in s.active and s.latest(key).true_at >= started_at for key in alerts)
        }
