"""Runs the plan of an incident: steps that are due, repeats, the all-clear."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from linkwatch.core import escalation
from linkwatch.core.draft import Draft
from linkwatch.core.memory import Memory
from linkwatch.core.message import Story
from linkwatch.core.records import FAULT_OWNER, Incident, IncidentState, NotificationKind


def run_due(incident: Incident, memory: Memory, draft: Draft) -> Incident:
    """Tell whoever is due: all steps of which the time has come, else those told before once more."""
    if incident.due_at is None or incident.due_at > draft.now:
        return incident
    elapsed_s = escalation.elapsed_s(incident, draft.now)
    numbers = escalation.due_steps(incident, draft.now)
    if not numbers:
        return _repeat(incident, elapsed_s, memory, draft)
    pairs = [pair for number in numbers for pair in _run_step(incident, number, memory, draft)]
    plan = escalation.finish_steps(incident.plan, numbers, pairs, draft.now)
    return draft.put(replace(incident, plan=escalation.skip_repeats(plan, elapsed_s)))


def tell_severity(incident: Incident, change: str, memory: Memory, draft: Draft) -> Incident:
    """Everybody who was told hears of it, unless a step that is due now tells them anyway."""
    already_told = escalation.receivers_told(incident, draft.inventory)
    incident = run_due(incident, memory, draft)
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


def _run_step(incident: Incident, number: int, memory: Memory, draft: Draft) -> Sequence[escalation.Pair]:
    step = incident.plan.steps[number]
    receivers = escalation.receivers_of(step, incident, draft.inventory)
    if FAULT_OWNER in step.notify and not escalation.fault_owner_duty(incident, draft.inventory):
        draft.log(incident, "fault-owner-has-no-duty", organization=incident.fault_owner or "")
    told = draft.tell(NotificationKind.PAGE, str(number), memory.story(incident, draft), receivers)
    if receivers:
        draft.log(incident, "told", step=str(number + 1), receivers=", ".join(told))
    else:
        draft.log(incident, "nobody-to-tell", step=str(number + 1), reason="no contact can be reached")
    return [receiver.pair for receiver in receivers]


def _repeat(incident: Incident, elapsed_s: float, memory: Memory, draft: Draft) -> Incident:
    number = incident.plan.repeats + 1
    receivers = escalation.receivers_told(incident, draft.inventory)
    told = draft.tell(NotificationKind.REPEAT, str(number), memory.story(incident, draft), receivers)
    draft.log(incident, "repeated", number=str(number), receivers=", ".join(told))
    plan = escalation.skip_repeats(replace(incident.plan, repeats=number), elapsed_s)
    return draft.put(replace(incident, plan=plan))
