"""The incidents that are not resolved: what each judgement makes of them, and what people do to them.

A decision is made from memory and returned as `Changes`; `apply` takes it over. The store's rows are
enough to go on after a restart.

What holds for every incident:

- It has one root cause; all alerts of that root are its own, what the root covers is its impact.
- Its severity is the worst of its own and its covered alerts. A rise is told to everybody who was
  told before, and ends an acknowledgement, which was given for less. A fall is told once it lasted.
- While it is covered nothing is sent and its clock stands still; an acknowledgement stands.
- It resolves when none of its own alerts is left, never while LinkWatch is isolated; the all-clear
  goes to exactly those who were told. An alert that comes back later opens a new incident.
- Alerts of severity `info` and `none` neither make an incident nor keep one open.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from linkwatch.core import escalation
from linkwatch.core.draft import Draft, is_open
from linkwatch.core.grouping import Grouping, Situation, Survey, worst_first
from linkwatch.core.inventory import Inventory
from linkwatch.core.memory import Memory
from linkwatch.core.message import Style, summarize
from linkwatch.core.records import (
    Alert,
    AlertState,
    Changes,
    Event,
    Incident,
    IncidentState,
    NotificationKind,
    TargetEvent,
)
from linkwatch.core.review import Review, is_emergency
from linkwatch.core.telling import close, run_due

OPERATOR = "operator"
"""How an incident ended that a person closed."""


class IncidentError(Exception):
    """A person asked for what cannot be done. The text is for people."""


class UnknownIncidentError(IncidentError):
    """There is no such incident."""


class ResolvedIncidentError(IncidentError):
    """It is over: nothing can be done to it but read it."""


class StillFiringError(IncidentError):
    """Its alerts are measured as firing: closing it would only open the next one."""


class IncidentBook:
    """Decides about incidents. One decision is applied before the next one is made."""

    def __init__(
        self, style: Style, incidents: Iterable[Incident] = (), alerts: Iterable[Alert] = (), next_id: int = 1
    ) -> None:
        self._style = style
        self._open = {incident.id: incident for incident in incidents if is_open(incident)}
        self._next_id = max([next_id, *(id_ + 1 for id_ in self._open)])
        self._memory = Memory(alerts, self._open.values())
        self._grouping = Grouping()

    @property
    def incidents(self) -> Mapping[int, Incident]:
        """Those that are not resolved, by id."""
        return self._open

    def decide(self, s: Situation) -> Changes:
        """What one judgement changes."""
        draft = self._draft(s.inventory, s.now)
        owned = {id_ for incident in self._open.values() for id_ in incident.alerts}
        self._memory.observe(s, owned)
        survey = self._grouping.survey(s, owned)
        self._admit(survey, s, draft)
        review = Review(s, survey, self._grouping, self._memory, draft)
        for incident in draft.incidents:
            review.run(incident, is_new=incident.id not in self._open)
        alive = (t.alert for t in s.transitions if t.alert.state is not AlertState.GONE)
        gone = (t.alert.id for t in s.transitions if t.alert.state is AlertState.GONE)
        return draft.changes(alive, gone)

    def escalate(self, inventory: Inventory, now: float) -> Changes:
        """The steps and repeats that have become due."""
        draft = self._draft(inventory, now)
        for incident in draft.incidents:
            run_due(incident, self._memory, draft)
        return draft.changes()

    def acknowledge(self, id_: int, by: str, inventory: Inventory, now: float, note: str = "") -> Changes:
        """Somebody took it on: steps and repeats stop. A second acknowledgement changes nothing.

        `by`: id of a contact, or a name. Everybody else who was told hears of it.
        """
        incident, draft = self._get(id_), self._draft(inventory, now)
        if incident.state is IncidentState.ACKNOWLEDGED:
            return draft.changes()
        state = IncidentState.ACKNOWLEDGED
        incident = draft.put(replace(incident, state=state, acknowledged_at=now, acknowledged_by=by))
        draft.log(incident, "acknowledged", **_signed(by, note))
        story = replace(self._memory.story(incident, draft), by=_name_of(by, inventory), note=note)
        others = [r for r in escalation.receivers_told(incident, inventory) if r.contact.id != by]
        draft.tell(NotificationKind.ACKNOWLEDGED, f"{now:.0f}", story, others)
        return draft.changes()

    def note(self, id_: int, by: str, note: str, inventory: Inventory, now: float) -> Changes:
        """Somebody wrote something into the timeline."""
        draft = self._draft(inventory, now)
        draft.log(self._get(id_), "note", **_signed(by, note))
        return draft.changes()

    def report(self, said: Iterable[TargetEvent]) -> Changes:
        """What devices said of themselves, in the timeline of every open incident about them."""
        about: dict[str, list[int]] = {}
        for incident in self._open.values():
            for target in {incident.root, *incident.targets}:
                about.setdefault(target, []).append(incident.id)
        lines = (
            Event(id_, one.at, one.kind, {"target": one.target, **one.detail})
            for one in said
            for id_ in about.get(one.target, ())
        )
        return Changes(events=tuple(lines))

    def resolve(self, id_: int, by: str, inventory: Inventory, now: float, note: str = "") -> Changes:
        """Somebody closed it, which is possible once none of its alerts is measured as firing."""
        incident, draft = self._get(id_), self._draft(inventory, now)
        firing = [a.rule for a in self._memory.own(incident) if a.state is AlertState.FIRING]
        if firing:
            raise StillFiringError(
                f"incident #{id_} cannot be closed while {firing[0]} fires; acknowledge it instead"
            )
        story = replace(self._memory.story(incident, draft), by=_name_of(by, inventory), note=note)
        close(incident, replace(story, change=OPERATOR), draft, reason=OPERATOR, **_signed(by, note))
        return draft.changes()

    def move_times(self, by_s: float, active: Iterable[Alert], inventory: Inventory, now: float) -> Changes:
        """Go on with a clock that was set by so much and shows `now`: no step is early or late by it.

        `active`: the alerts that are not gone, moved already.
        """
        self._memory.move_times(by_s)
        self._grouping.move_times(by_s)
        draft = self._draft(inventory, now)
        for incident in draft.incidents:
            draft.log(draft.put(incident.moved(by_s)), "clock-set", by_s=f"{by_s:+.1f}")
        return replace(draft.changes(active), moved_s=by_s)

    def apply(self, changes: Changes) -> None:
        """Take over a decision that was made by this book."""
        for incident in changes.incidents:
            self._next_id = max(self._next_id, incident.id + 1)
            if is_open(incident):
                self._open[incident.id] = incident
            else:
                self._open.pop(incident.id, None)
                self._memory.is_not_lower(incident)

    def _draft(self, inventory: Inventory, now: float) -> Draft:
        return Draft(self._open, inventory, self._style, now)

    def _get(self, id_: int) -> Incident:
        if id_ in self._open:
            return self._open[id_]
        if 0 < id_ < self._next_id:
            raise ResolvedIncidentError(f"incident #{id_} is resolved")
        raise UnknownIncidentError(f"there is no incident #{id_}")

    def _admit(self, survey: Survey, s: Situation, draft: Draft) -> None:
        """Give every fresh alert its incident: that of its root, or a new one."""
        next_id = self._next_id
        for root, alerts in survey.fresh.items():
            incident = draft.find(root)
            if incident is None:
                draft.log(draft.put(_new(next_id, root, worst_first(alerts), s)), "opened", root=root)
                next_id += 1
                continue
            draft.put(_joined(incident, alerts))
            for alert in alerts:
                draft.log(incident, "alert-joined", alert=alert.rule, target=alert.target)


def _new(id_: int, root: str, alerts: Sequence[Alert], s: Situation) -> Incident:
    watched = (root, *(alert.target for alert in alerts))
    return Incident(
        id=id_,
        root=root,
        state=IncidentState.OPEN,
        severity=alerts[0].severity,
        emergency=any(is_emergency(alert) for alert in alerts),
        opened_at=s.now,
        alerts=tuple(alert.id for alert in alerts),
        targets=tuple(dict.fromkeys(id_ for id_ in watched if id_ in s.inventory.targets)),
        summary=summarize(alerts[0], "vi"),
    )


def _joined(incident: Incident, alerts: Sequence[Alert]) -> Incident:
    targets = (*incident.targets, *(alert.target for alert in alerts if alert.target))
    return replace(
        incident,
        alerts=(*incident.alerts, *(alert.id for alert in alerts)),
        targets=tuple(dict.fromkeys(targets)),
    )


def _signed(by: str, note: str) -> dict[str, str]:
    return {"by": by, "note": note} if note else {"by": by}


def _name_of(by: str, inventory: Inventory) -> str:
    contact = inventory.contacts.get(by)
    return contact.name if contact else by
