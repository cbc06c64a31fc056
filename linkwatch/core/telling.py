"""Runs the plan of an incident: steps that are due, repeats, the all-clear."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from linkwatch.core import escalation
from linkwatch.core.draft import Draft
from linkwatch.core.memory import Memory
from linkwatch.core.message import Story
from linkwatch.core.records import FAULT_OWNER, Incident, IncidentState, NotificationKind, PlannedStep

_TO_FAULT_OWNER = PlannedStep(0.0, (FAULT_OWNER,))


def run_due(incident: Incident, memory: Memory, draft: Draft, *, is_news: bool = False) -> Incident:
    """Tell whoever is due: all steps of which the time has come, else those told before once more.

    Whom a step finds told already, over the same channel, gets a reminder; a page if there `is_news`.
    """
    if incident.due_at is None or incident.due_at > draft.now or memory.is_unseen(incident):
        return incident
    elapsed_s = escalation.elapsed_s(incident, draft.now)
    numbers = escalation.due_steps(incident, draft.now)
    if not numbers:
        return _repeat(incident, elapsed_s, memory, draft)
    again = NotificationKind.PAGE if is_news else NotificationKind.REPEAT
    pairs = [pair for number in numbers for pair in _run_step(incident, number, again, memory, draft)]
    plan = escalation.finish_steps(incident.plan, numbers, pairs, draft.now)
    return draft.put(replace(incident, plan=escalation.skip_repeats(plan, elapsed_s)))


def tell_severity(incident: Incident, change: str, memory: Memory, draft: Draft) -> Incident:
    """Everybody who was told hears of it, unless a step that is due now tells them anyway."""
    already_told = escalation.receivers_told(incident, draft.inventory)
    incident = run_due(incident, memory, draft, is_news=True)
    story = replace(memory.story(incident, draft), change=change)
    draft.tell(NotificationKind.UPDATE, f"{incident.severity}-{draft.now:.0f}", story, already_told)
    return incident


def close(incident: Incident, story: Story, draft: Draft, **detail: str) -> None:
    """Resolve it; the all-clear goes to exactly those who were told."""
    resolved = draft.put(
        replace(
            incident,
            state=IncidentState.RESOLVED,
            resolved_at=draft.now,
            covered_since=None,
            covered_by=None,
            held=False,
        )
    )
    draft.log(resolved, "resolved", **detail)
    told = escalation.receivers_told(incident, draft.inventory)
    draft.tell(NotificationKind.RESOLVED, "end", replace(story, incident=resolved), told)


def _run_step(
    incident: Incident, number: int, again: NotificationKind, memory: Memory, draft: Draft
) -> Sequence[escalation.Pair]:
    step = incident.plan.steps[number]
    receivers = escalation.receivers_of(step, incident, draft.inventory)
    if FAULT_OWNER in step.notify and not escalation.fault_owner_duty(incident, draft.inventory):
        draft.log(incident, "fault-owner-has-no-duty", organization=incident.fault_owner or "")
    told_before = [receiver for receiver in receivers if receiver.pair in incident.plan.told]
    new = [receiver for receiver in receivers if receiver not in told_before]
    story = memory.story(incident, draft)
    told = draft.tell(NotificationKind.PAGE, str(number), story, new)
    told += draft.tell(again, str(number), story, told_before)
    if receivers:
        draft.log(incident, "told", step=str(number + 1), receivers=", ".join(told))
    else:
        draft.log(incident, "nobody-to-tell", step=str(number + 1), reason="no contact can be reached")
    return [receiver.pair for receiver in receivers]


def _repeat(incident: Incident, elapsed_s: float, memory: Memory, draft: Draft) -> Incident:
    """Once more to everybody who was told; is none of them a contact any more, to who stands in."""
    number = incident.plan.repeats + 1
    receivers, kind = escalation.receivers_told(incident, draft.inventory), NotificationKind.REPEAT
    if not receivers:
        receivers = escalation.receivers_of(_TO_FAULT_OWNER, incident, draft.inventory)
        kind = NotificationKind.PAGE
    told = draft.tell(kind, f"at-{draft.now:.0f}", memory.story(incident, draft), receivers)
    draft.log(incident, "repeated", number=str(number), receivers=", ".join(told))
    plan = replace(incident.plan, repeats=number)
    plan = escalation.finish_steps(plan, (), [receiver.pair for receiver in receivers], draft.now)
    return draft.put(replace(incident, plan=escalation.skip_repeats(plan, elapsed_s)))
