"""One decision in the making: incidents as they will be, their new timeline, who is told what."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from linkwatch.core import escalation
from linkwatch.core.escalation import Receiver
from linkwatch.core.inventory import Inventory
from linkwatch.core.message import Story, Style, Text, write
from linkwatch.core.records import (
    Alert,
    Changes,
    Event,
    Incident,
    IncidentState,
    Notification,
    NotificationKind,
)


class Draft:
    """Collects what a decision changes. Within one decision nobody is told twice over one channel."""

    def __init__(
        self, open_incidents: Mapping[int, Incident], inventory: Inventory, style: Style, now: float
    ):
        self.now = now
        self.inventory = inventory
        self._style = style
        self._before = open_incidents
        self._after: dict[int, Incident] = dict(open_incidents)
        self._by_root = {incident.root: incident.id for incident in open_incidents.values()}
        self._events: list[Event] = []
        self._notifications: dict[tuple[int, str, str], Notification] = {}

    @property
    def incidents(self) -> tuple[Incident, ...]:
        """Every incident that was open or was opened, as it is now."""
        return tuple(self._after.values())

    def find(self, root: str) -> Incident | None:
        """The open incident of a root cause; asked before any incident of this decision is resolved."""
        id_ = self._by_root.get(root)
        return None if id_ is None else self._after[id_]

    def put(self, incident: Incident) -> Incident:
        """Take a new version of an incident, with its due time brought up to date."""
        incident = replace(incident, due_at=escalation.next_due(incident))
        self._after[incident.id] = incident
        self._by_root[incident.root] = incident.id
        return incident

    def log(self, incident: Incident, kind: str, **detail: str) -> None:
        """Add a line to an incident's timeline."""
        self._events.append(Event(incident.id, self.now, kind, detail))

    def tell(
        self, kind: NotificationKind, step: str, story: Story, receivers: Iterable[Receiver]
    ) -> list[str]:
        """Queue one message per receiver; returns `contact/channel` of everybody who gets one now.

        `step` tells messages of one kind apart in their keys.
        """
        texts: dict[tuple[str, str], Text] = {}
        told = []
        for receiver in receivers:
            slot = (story.incident.id, *receiver.pair)
            if slot in self._notifications:
                continue
            language, channel = receiver.contact.language, receiver.channel
            text = texts.get((language, channel))
            if text is None:
                text = texts[language, channel] = write(kind, story, self._style, language, channel)
            self._notifications[slot] = self._notification(kind, step, story.incident.id, receiver, text)
            told.append("/".join(receiver.pair))
        return told

    def changes(self, alerts: Iterable[Alert] = (), gone_alerts: Iterable[str] = ()) -> Changes:
        """What is to be committed; empty if nothing changed."""
        changed = [after for id_, after in self._after.items() if after != self._before.get(id_)]
        return Changes(
            alerts=tuple(alerts),
            gone_alerts=tuple(gone_alerts),
            incidents=tuple(changed),
            events=tuple(self._events),
            notifications=tuple(self._notifications.values()),
        )

    def _notification(
        self, kind: NotificationKind, step: str, incident: int, receiver: Receiver, text: Text
    ) -> Notification:
        contact, channel = receiver.pair
        return Notification(
            key=f"{incident}/{kind}/{step}/{contact}/{channel}",
            incident=incident,
            contact=contact,
            channel=channel,
            kind=kind,
            subject=text.subject,
            body=text.body,
            created_at=self.now,
            fallback=receiver.fallback,
        )


def is_open(incident: Incident) -> bool:
    """Whether it is not resolved."""
    return incident.state is not IncidentState.RESOLVED
