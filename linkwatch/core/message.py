"""What people are told: one page, reminder, update, acknowledgement or all-clear as text.

A message names its own incident and root cause, never another incident. Texts are made when the
decision is made, from what was known then, so that a message that is sent late still tells the truth.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import tzinfo

from linkwatch.core.blame import Blame, Evidence, PathEnd
from linkwatch.core.inventory import Inventory, Target
from linkwatch.core.records import Alert, Incident, NotificationKind
from linkwatch.core.wording import (
    say,
    say_duration,
    say_figure,
    say_short_time,
    say_time,
    strip_diacritics,
)

SMS_LENGTH = 160
"""Letters of one GSM-7 message."""

SMS_CHANNEL = "sms"
_SMS_HEAD_MIN = 60
_SMS_TAIL = re.compile(r" \(?#\d+\)?(?: \S+)?$")


@dataclass(frozen=True, slots=True)
class Style:
    """How times and links are written. `public_url`: where people reach LinkWatch; empty = no links."""

    zone: tzinfo
    public_url: str = ""

    def link(self, incident: int) -> str:
        """The page of an incident, where it can be acknowledged; empty without a public address."""
        return f"{self.public_url.rstrip('/')}/incidents/{incident}" if self.public_url else ""


@dataclass(frozen=True, slots=True)
class Story:
    """What a message tells about. `alerts`: the incident's own, worst first.

    `change`: `worse` or `less` in an update; how it ended (a `GoneReason` or `operator`) in an
    all-clear. `by`, `note`: who acted, and what they wrote. `ended_at`: when it was last seen failing.
    """

    incident: Incident
    alerts: tuple[Alert, ...]
    inventory: Inventory
    evidence: Evidence
    now: float
    change: str = ""
    by: str = ""
    note: str = ""
    ended_at: float | None = None

    @property
    def target(self) -> Target | None:
        """The root cause, if it is a target that is still watched."""
        return self.inventory.targets.get(self.incident.root)

    @property
    def name(self) -> str:
        """What people call the root cause."""
        return self.target.name if self.target else self.incident.root

    @property
    def began_at(self) -> float:
        """Since when the fault holds, UTC seconds."""
        return min((alert.true_since for alert in self.alerts), default=self.incident.opened_at)


@dataclass(frozen=True, slots=True)
class Text:
    """One message. An SMS has no subject."""

    subject: str
    body: str


def write(kind: NotificationKind, story: Story, style: Style, language: str, channel: str) -> Text:
    """The message for one reader and channel."""
    if channel == SMS_CHANNEL:
        return Text("", _sms(kind, story, style, language))
    subject = f"[{_mark(kind, story, language)}] {_headline(kind, story, language)} (#{story.incident.id})"
    return Text(subject, "\n".join(line for line in _lines(kind, story, style, language) if line))


def fit_sms(text: str) -> str:
    """The text, cut to the length of one SMS; the incident's id and link at its end stay."""
    found = _SMS_TAIL.search(text)
    tail = found[0] if found else ""
    head, room = text.removesuffix(tail), SMS_LENGTH - len(tail)
    return text if len(head) <= room else head[: room - 3].rstrip() + "..." + tail


def explain_blame(blame: Blame, inventory: Inventory, language: str) -> str:
    """Why an organization was found responsible, for people."""
    if blame.organization is None:
        return say(language, "fault_unknown")
    known = inventory.organizations.get(blame.organization)
    ground = say(language, blame.ground, detail=blame.detail)
    return say(
        language, "fault_owner", organization=known.name if known else blame.organization, ground=ground
    )


def summarize(alert: Alert, language: str) -> str:
    """What is wrong, in one line: the rule's summary, else its name."""
    return _annotation(alert, "summary", language) or alert.rule


def _annotation(alert: Alert, name: str, language: str) -> str:
    own = alert.annotations.get(name, "")
    return own if language == "vi" else alert.annotations.get(f"{name}_en", own)


def _mark(kind: NotificationKind, story: Story, language: str) -> str:
    if kind is NotificationKind.ACKNOWLEDGED:
        return say(language, "acknowledged")
    if kind is NotificationKind.RESOLVED:
        return say(language, "resolved" if story.change == "recovered" else "closed")
    words = [_severity(story, language)]
    if story.incident.emergency:
        words.append(say(language, "emergency"))
    if kind is NotificationKind.REPEAT:
        words.insert(0, say(language, "repeat"))
    if story.change == "less":
        words.insert(0, say(language, "eased"))
    return " · ".join(words)


def _severity(story: Story, language: str) -> str:
    severity = story.incident.severity
    return say(language, severity) if severity in ("critical", "warning", "info") else severity.upper()


def _headline(kind: NotificationKind, story: Story, language: str) -> str:
    if kind in (NotificationKind.ACKNOWLEDGED, NotificationKind.RESOLVED) or not story.alerts:
        return story.name
    return f"{story.name}: {summarize(story.alerts[0], language)}"


def _lines(kind: NotificationKind, story: Story, style: Style, language: str) -> Iterable[str]:
    if kind is NotificationKind.RESOLVED:
        return _resolved_lines(story, style, language)
    if kind is NotificationKind.ACKNOWLEDGED:
        return _acknowledged_lines(story, style, language)
    return _page_lines(story, style, language)


def _page_lines(story: Story, style: Style, language: str) -> Iterable[str]:
    if story.change:
        yield say(language, story.change, severity=_severity(story, language))
    if story.alerts:
        yield summarize(story.alerts[0], language)
    yield from _what(story, language)
    yield say(language, "since", time=say_time(language, story.began_at, style.zone))
    yield _evidence(story, language)
    target, incident = story.target, story.incident
    if target and target.circuit and target.circuit.id:
        yield say(language, "circuit", circuit=target.circuit.id)
    if incident.impact:
        yield say(language, "impact", count=len(incident.impact))
    blame = Blame.parse(incident.fault_owner, incident.blame_reason)
    yield explain_blame(blame, story.inventory, language)
    for alert in story.alerts[1:]:
        yield say(language, "also", summary=summarize(alert, language))
    action = _annotation(story.alerts[0], "action", language) if story.alerts else ""
    if action:
        yield say(language, "action", action=action)
    yield from _references(story, style, language)


def _acknowledged_lines(story: Story, style: Style, language: str) -> Iterable[str]:
    yield say(language, "acknowledged_by", by=story.by, time=say_time(language, story.now, style.zone))
    if story.note:
        yield say(language, "note", note=story.note)
    yield from _what(story, language)
    yield say(language, "incident", id=story.incident.id, root=story.incident.root)


def _resolved_lines(story: Story, style: Style, language: str) -> Iterable[str]:
    yield say(language, story.change, name=story.name, by=story.by)
    if story.note:
        yield say(language, "note", note=story.note)
    yield from _what(story, language)
    ended_at = story.now if story.ended_at is None else story.ended_at
    yield say(
        language,
        "lasted",
        duration=say_duration(language, ended_at - story.began_at),
        start=say_time(language, story.began_at, style.zone),
        end=say_time(language, ended_at, style.zone),
    )
    if story.change == "recovered":
        yield _evidence(story, language)
    yield say(language, "incident", id=story.incident.id, root=story.incident.root)


def _what(story: Story, language: str) -> Iterable[str]:
    target = story.target
    if target is None:
        return
    yield say(language, "target", name=f"{target.name} ({target.id})")
    site = story.inventory.sites.get(target.site)
    place = ", ".join(part for part in (site.name, site.area) if part) if site else target.site
    if place:
        yield say(language, "place", place=place)


def _references(story: Story, style: Style, language: str) -> Iterable[str]:
    yield say(language, "incident", id=story.incident.id, root=story.incident.root)
    link = style.link(story.incident.id)
    if link:
        yield say(language, "link", link=link)


def _evidence(story: Story, language: str) -> str:
    root, seen = story.incident.root, story.evidence
    found: list[str] = []
    if story.change != "recovered":
        reporters = seen.reporters.get(root, ())
        found.extend(say(language, "reporter", address=address) for address in reporters[:1])
        if root in seen.path_end:
            found.append(_path_end(seen.path_end[root], language))
        if root in seen.loss_ratio:
            found.append(say(language, "loss", loss=say_figure(language, seen.loss_ratio[root] * 100, "%")))
    if root in seen.rtt_s:
        found.append(say(language, "rtt", rtt=say_figure(language, seen.rtt_s[root] * 1000, "ms")))
    return say(language, "evidence", evidence="; ".join(found)) if found else ""


def _path_end(end: PathEnd, language: str) -> str:
    key = "path_end" if end.last else "path_end_here"
    text = say(language, key, last=end.last, hop=end.hop)
    return say(language, "path_following", end=text, following=end.following) if end.following else text


def _sms(kind: NotificationKind, story: Story, style: Style, language: str) -> str:
    """At most one message: a tail that must stay, a head that is cut, what fits between them."""
    mark = _mark(kind, story, language).replace(" · ", " ")
    head = strip_diacritics(f"{mark}: {_headline(kind, story, language)}")
    tail = _sms_tail(kind, story, style)
    room = SMS_LENGTH - len(tail)
    for extra in _sms_extras(kind, story, style, language):
        if len(head) + len(extra) + 2 <= room:
            head = f"{head}. {extra}"
    return fit_sms(head + tail)


def _sms_tail(kind: NotificationKind, story: Story, style: Style) -> str:
    """The incident's id, and where to acknowledge it unless that leaves no room to say what is wrong."""
    number, link = f" #{story.incident.id}", strip_diacritics(style.link(story.incident.id))
    final = kind in (NotificationKind.ACKNOWLEDGED, NotificationKind.RESOLVED)
    if not link or final or len(number) + len(link) + 1 > SMS_LENGTH - _SMS_HEAD_MIN:
        return number
    return f"{number} {link}"


def _sms_extras(kind: NotificationKind, story: Story, style: Style, language: str) -> Iterable[str]:
    began, target = story.began_at, story.target
    if kind is NotificationKind.RESOLVED:
        ended_at = story.now if story.ended_at is None else story.ended_at
        duration = say_duration(language, ended_at - began)
        yield strip_diacritics(say(language, "short_lasted", duration=duration))
        return
    if kind is NotificationKind.ACKNOWLEDGED:
        yield strip_diacritics(story.by)
        return
    yield say(language, "short_since", time=say_short_time(began, style.zone))
    if target and target.circuit and target.circuit.id:
        yield strip_diacritics(say(language, "short_circuit", circuit=target.circuit.id))
    if story.incident.impact:
        yield say(language, "short_impact", count=len(story.incident.impact))
