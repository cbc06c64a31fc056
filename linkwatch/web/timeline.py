"""The timeline of an incident in words: names in place of ids, Vietnamese in place of keywords."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from linkwatch.core.blame import Blame, Ground
from linkwatch.core.inventory import Inventory
from linkwatch.core.records import Event
from linkwatch.core.wording import say
from linkwatch.web.words import DETAILS, EVENTS, SEVERITIES, VALUES, Word

_GROUNDS = frozenset(Ground) - {Ground.UNKNOWN}


@dataclass(frozen=True, slots=True)
class Line:
    """One event. `details`: what each is called, and what it says."""

    at: float
    word: Word
    details: tuple[tuple[str, str], ...]


def timeline(inventory: Inventory, events: Iterable[Event]) -> tuple[Line, ...]:
    """Events that the caller may see, as people read them."""
    return tuple(
        Line(event.at, EVENTS.get(event.kind, Word(event.kind, "")), _details(inventory, event))
        for event in events
    )


def _details(inventory: Inventory, event: Event) -> tuple[tuple[str, str], ...]:
    return tuple(
        (DETAILS.get(name, name), _READ.get(name, _same)(inventory, text))
        for name, text in event.detail.items()
        if text
    )


def _same(_inventory: Inventory, text: str) -> str:
    return text


def _value(_inventory: Inventory, text: str) -> str:
    return VALUES.get(text, text)


def _severity(_inventory: Inventory, text: str) -> str:
    return SEVERITIES[text].vi if text in SEVERITIES else VALUES.get(text, text)


def _reason(_inventory: Inventory, text: str) -> str:
    if text.partition(":")[0] not in _GROUNDS:
        return VALUES.get(text, text)
    blame = Blame.parse(None, text)
    return say("vi", blame.ground, detail=blame.detail)


def _target(inventory: Inventory, text: str) -> str:
    target = inventory.targets.get(text)
    return target.name if target else VALUES.get(text, text)


def _contact(inventory: Inventory, text: str) -> str:
    contact = inventory.contacts.get(text)
    return contact.name if contact else text


def _organization(inventory: Inventory, text: str) -> str:
    organization = inventory.organizations.get(text)
    return organization.name if organization else text


def _receivers(inventory: Inventory, text: str) -> str:
    """`contact/channel, contact/channel`."""
    pairs = [pair.rpartition("/") for pair in text.split(", ")]
    return ", ".join(f"{_contact(inventory, contact)} ({channel})" for contact, _, channel in pairs)


_READ: Mapping[str, Callable[[Inventory, str], str]] = {
    "by": _target,  # what covers an incident; of an answer it is a person's name
    "contact": _contact,
    "kind": _value,
    "now": _severity,
    "organization": _organization,
    "reason": _reason,
    "receivers": _receivers,
    "repeated": _value,
    "root": _target,
    "severity": _severity,
    "target": _target,
    "was": _severity,
}
