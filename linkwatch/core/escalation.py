"""Who is told when: policies, the frozen plan of an incident, its next due time, its receivers.

The clock of a plan starts when its incident opens and stands still while the incident is covered. A
plan is matched again when the incident gets worse: steps that it gains count from that moment, so
that each still leaves time to answer, and no step that it has ever becomes later.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from linkwatch.core.inventory import Contact, EscalationPolicy, Inventory
from linkwatch.core.records import FAULT_OWNER, Incident, IncidentState, Plan, PlannedStep

Pair = tuple[str, str]
"""Ids of a contact and of one of its channels."""


def match_policy(policies: Iterable[EscalationPolicy], labels: Mapping[str, str]) -> EscalationPolicy | None:
    """The first policy whose every matcher fits; a label that is not there is empty."""
    return next(
        (
            policy
            for policy in policies
            if all(_fits(wanted, labels.get(name, "")) for name, wanted in policy.match.items())
        ),
        None,
    )


def _fits(wanted: str, value: str) -> bool:
    if wanted.startswith("~"):
        return re.fullmatch(wanted[1:], value) is not None
    return wanted == value


def strengthen(plan: Plan, policy: EscalationPolicy | None, elapsed_s: float) -> Plan:
    """The plan with what a policy adds to it, `elapsed_s` after its clock started; freezes a new plan.

    A step of the policy that the plan has already (same receivers, same channels) is not told again and
    may only become earlier. Steps that were told stay first, so the number of a step never changes.
    """
    if policy is None:
        return plan
    kept, mine = [], list(plan.steps)
    for step in policy.steps:
        after_s = elapsed_s + step.after_s
        twin = next((own for own in mine if (own.notify, own.channels) == (step.notify, step.channels)), None)
        if twin is None:
            kept.append(PlannedStep(after_s, step.notify, step.channels))
            continue
        mine.remove(twin)
        kept.append(twin if twin.done_at is not None else replace(twin, after_s=min(twin.after_s, after_s)))
    repeats = [seconds for seconds in (plan.repeat_s, policy.repeat_s) if seconds is not None]
    return _with_steps(replace(plan, repeat_s=min(repeats, default=None)), [*kept, *mine])


def tell_fault_owner_again(plan: Plan, elapsed_s: float) -> Plan:
    """The plan after another organization was found responsible: it must hear of it as the first did."""
    steps = [step for step in plan.steps if FAULT_OWNER in step.notify]
    if not steps or any(step.done_at is None for step in steps):
        return plan
    return _with_steps(plan, [*plan.steps, PlannedStep(elapsed_s, (FAULT_OWNER,), steps[0].channels)])


def _with_steps(plan: Plan, steps: Iterable[PlannedStep]) -> Plan:
    """The plan with these steps in order; repeats count from the last one, so a later one begins anew."""
    ordered = tuple(sorted(steps, key=lambda step: (step.done_at is None, step.after_s)))
    later = replace(plan, steps=ordered)
    same_end = plan.steps and _last_after_s(later) == _last_after_s(plan)
    return later if same_end else replace(later, repeats=0)


def elapsed_s(incident: Incident, now: float) -> float:
    """What the clock of its plan shows."""
    stopped_at = now if incident.covered_since is None else incident.covered_since
    return stopped_at - incident.opened_at - incident.clock_shift_s


def next_due(incident: Incident) -> float | None:
    """When its next step or repeat is due (UTC seconds); None while nothing can become due."""
    if incident.state is not IncidentState.OPEN or incident.covered_since is not None:
        return None
    started_at = incident.opened_at + incident.clock_shift_s
    waiting = [step.after_s for step in incident.plan.steps if step.done_at is None]
    if waiting:
        return started_at + min(waiting)
    if incident.plan.repeat_s is None or not incident.plan.told:
        return None
    return started_at + _last_after_s(incident.plan) + (incident.plan.repeats + 1) * incident.plan.repeat_s


def due_steps(incident: Incident, now: float) -> tuple[int, ...]:
    """Numbers of the steps that are due and not done."""
    elapsed = elapsed_s(incident, now)
    return tuple(
        number
        for number, step in enumerate(incident.plan.steps)
        if step.done_at is None and step.after_s <= elapsed
    )


def finish_steps(plan: Plan, numbers: Iterable[int], told: Iterable[Pair], now: float) -> Plan:
    """The plan once these steps were told to these pairs."""
    done = set(numbers)
    steps = tuple(
        replace(step, done_at=now) if number in done else step for number, step in enumerate(plan.steps)
    )
    return replace(plan, steps=steps, told=tuple(dict.fromkeys((*plan.told, *told))))


def skip_repeats(plan: Plan, elapsed_s: float) -> Plan:
    """The plan with missed repeats counted as over: they are never sent late, in a burst."""
    if plan.repeat_s is None or not plan.steps:
        return plan
    over = int((elapsed_s - _last_after_s(plan)) // plan.repeat_s)
    return replace(plan, repeats=max(plan.repeats, over))


def _last_after_s(plan: Plan) -> float:
    return max(step.after_s for step in plan.steps)


@dataclass(frozen=True, slots=True)
class Receiver:
    """One contact over one channel. `fallback`: its channels to try after that one failed for good."""

    contact: Contact
    channel: str
    fallback: tuple[str, ...] = ()

    @property
    def pair(self) -> Pair:
        """As `Plan.told` keeps it."""
        return self.contact.id, self.channel


def reach(contact: Contact, channels: Iterable[str] = ()) -> tuple[Receiver, ...]:
    """How a contact is told: over every wanted channel that it has, else over its first.

    The first message carries the contact's other channels as its fallback; one chain is enough.
    """
    chosen = tuple(name for name in channels if name in contact.channels) or tuple(contact.channels)[:1]
    others = tuple(name for name in contact.channels if name not in chosen)
    return tuple(
        Receiver(contact, name, others if position == 0 else ()) for position, name in enumerate(chosen)
    )


def receivers_of(step: PlannedStep, incident: Incident, inventory: Inventory) -> tuple[Receiver, ...]:
    """Everybody in a step, each contact once, as of now; `fault-owner` is resolved here.

    Where the inventory has none of them any more, those who stand in for the fault owner.
    """
    ids: list[str] = []
    for name in step.notify:
        ids.extend(stand_in_duty(incident, inventory) if name == FAULT_OWNER else (name,))
    return _reach_all(ids, step, inventory) or _reach_all(stand_in_duty(incident, inventory), step, inventory)


def _reach_all(ids: Iterable[str], step: PlannedStep, inventory: Inventory) -> tuple[Receiver, ...]:
    contacts = [inventory.contacts[name] for name in dict.fromkeys(ids) if name in inventory.contacts]
    return tuple(receiver for contact in contacts for receiver in reach(contact, step.channels))


def receivers_told(incident: Incident, inventory: Inventory) -> tuple[Receiver, ...]:
    """Everybody who was told of an incident, over the channels they were told by."""
    channels: dict[str, list[str]] = {}
    for contact, channel in incident.plan.told:
        channels.setdefault(contact, []).append(channel)
    return tuple(
        receiver
        for contact, names in channels.items()
        if contact in inventory.contacts
        for receiver in reach(inventory.contacts[contact], names)
    )


def fault_owner_duty(incident: Incident, inventory: Inventory) -> tuple[str, ...]:
    """The duty contacts of the organization found responsible."""
    return _duty(incident.fault_owner, inventory)


def stand_in_duty(incident: Incident, inventory: Inventory) -> tuple[str, ...]:
    """The duty contacts of the fault owner, or the next best where it has none or is not known.

    Next best, in this order: the duty contacts of the root's owner; the contacts of its site; whoever
    the plan's own steps name. Never another organization's: an outage is not a rival's business.
    """
    target = inventory.targets.get(incident.root)
    site = inventory.sites.get(target.site) if target else None
    named = (name for step in incident.plan.steps for name in step.notify if name != FAULT_OWNER)
    return (
        fault_owner_duty(incident, inventory)
        or _duty(target.owner if target else None, inventory)
        or (site.contacts if site else ())
        or tuple(dict.fromkeys(named))
    )


def _duty(organization_id: str | None, inventory: Inventory) -> tuple[str, ...]:
    organization = inventory.organizations.get(organization_id or "")
    duty = organization.duty if organization else ()
    return tuple(name for name in duty if name in inventory.contacts and inventory.contacts[name].channels)
