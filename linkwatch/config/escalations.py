"""Escalation policies: every step must reach somebody, and what is taken when the file has none."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import pairwise

from linkwatch.config.document import Document
from linkwatch.config.match import check_match
from linkwatch.config.model import EscalationEntry, StepEntry
from linkwatch.config.problems import Step as PathStep
from linkwatch.config.problems import suggest
from linkwatch.core.inventory import Contact, EscalationPolicy, Organization, Step
from linkwatch.core.records import FAULT_OWNER

FAULT_OWNER_AFTER_S = 300.0
REPEAT_S = 900.0

Path = tuple[PathStep, ...]


def read_escalations(
    document: Document, contacts: Mapping[str, Contact], organizations: Mapping[str, Organization]
) -> tuple[EscalationPolicy, ...]:
    """The policies of the file in its order, or the default ones."""
    if "escalations" not in document.tree:
        return default_escalations(contacts, organizations)
    entries = document.rows("escalations", EscalationEntry)
    _check_matches(document)
    # A broken contact has been noted; what it could be reached by is not known.
    whole = len(contacts) == len(document.raw_mapping("contacts"))
    whole = whole and len(organizations) == len(document.raw_mapping("organizations"))
    for i, entry in entries.items():
        path: Path = ("escalations", i, "steps")
        _check_order(document, entry.steps, path)
        for k, step in enumerate(entry.steps if whole else ()):
            _check_reach(document, step, contacts, organizations, (*path, k))
    return tuple(map(_policy, entries.values()))


def default_escalations(
    contacts: Mapping[str, Contact], organizations: Mapping[str, Organization]
) -> tuple[EscalationPolicy, ...]:
    """Critical and warning: every contact at once, the fault owner's duty after 5 minutes, then every
    15 minutes until acknowledged. Without a contact that can be reached there is nobody to tell.
    """
    everybody = tuple(contact.id for contact in contacts.values() if contact.channels)
    if not everybody:
        return ()
    steps = [Step(0.0, everybody)]
    if any(organization.duty for organization in organizations.values()):
        steps.append(Step(FAULT_OWNER_AFTER_S, (FAULT_OWNER,)))
    return (EscalationPolicy({"severity": "~critical|warning"}, tuple(steps), REPEAT_S),)


def _policy(entry: EscalationEntry) -> EscalationPolicy:
    steps = (Step(step.after, tuple(step.notify), tuple(step.channels)) for step in entry.steps)
    return EscalationPolicy(dict(entry.match), tuple(steps), entry.repeat)


def _check_matches(document: Document) -> None:
    for i, raw in enumerate(document.raw_rows("escalations")):
        match = raw.get("match") if isinstance(raw, dict) else None
        for label, value in match.items() if isinstance(match, dict) else ():
            try:
                check_match(label, value if isinstance(value, str) else "", document.known)
            except ValueError as error:
                document.complain(("escalations", i, "match", label), str(error))


def _check_order(document: Document, steps: Iterable[StepEntry], path: Path) -> None:
    for i, (before, step) in enumerate(pairwise(steps), start=1):
        if step.after < before.after:
            document.complain(
                (*path, i, "after"), "is earlier than the step above (allowed: steps in order of time)"
            )


def _check_reach(
    document: Document,
    step: StepEntry,
    contacts: Mapping[str, Contact],
    organizations: Mapping[str, Organization],
    path: Path,
) -> None:
    """Everybody named needs a channel of the step, and every channel somebody who has it."""
    for i, name in enumerate(step.notify):
        channels = contacts[name].channels if name != FAULT_OWNER else {}
        if name != FAULT_OWNER and not _reachable(channels, step.channels):
            has = ", ".join(channels) or "none at all"
            document.complain(
                (*path, "notify", i), f"{name} has no channel of this step (its channels: {has})"
            )
    offered = _offered(step, contacts, organizations)
    for i, channel in enumerate(step.channels):
        if channel not in offered:
            text = f"nobody in this step has the channel {channel!r}{suggest(channel, offered)}"
            document.complain((*path, "channels", i), text)


def _offered(
    step: StepEntry, contacts: Mapping[str, Contact], organizations: Mapping[str, Organization]
) -> dict[str, None]:
    """Every channel of everybody whom the step can tell."""
    duty = [name for one in organizations.values() for name in one.duty] if FAULT_OWNER in step.notify else []
    told = [name for name in (*step.notify, *duty) if name != FAULT_OWNER]
    return {channel: None for name in told for channel in contacts[name].channels}


def _reachable(channels: Mapping[str, str], wanted: list[str]) -> bool:
    return any(not wanted or channel in wanted for channel in channels)
