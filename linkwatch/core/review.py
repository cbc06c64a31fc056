"""What one judgement makes of one incident: covered, held, over, heavier or lighter, whose fault."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from linkwatch.core import escalation
from linkwatch.core.blame import Blame, find_fault
from linkwatch.core.draft import Draft
from linkwatch.core.grouping import (
    Grouping,
    Situation,
    Survey,
    cover_of,
    rank,
    speaks_while_isolated,
)
from linkwatch.core.inventory import Inventory
from linkwatch.core.memory import Memory
from linkwatch.core.records import Alert, AlertState, GoneReason, Incident, IncidentState, Transition
from linkwatch.core.telling import close, run_due, tell_severity

EASE_S = 300.0
"""How long the worst alerts of an incident must be over before its severity falls."""

_SAYABLE = {GoneReason.RECOVERED.value, GoneReason.WITHDRAWN.value, GoneReason.RULE_REMOVED.value}


@dataclass(frozen=True, slots=True)
class Review:
    """One judgement, to be applied to every incident."""

    s: Situation
    survey: Survey
    grouping: Grouping
    memory: Memory
    draft: Draft

    def run(self, incident: Incident, *, is_new: bool) -> None:
        """Bring one incident up to date, and tell whoever is due."""
        own = self.memory.own(incident)
        if not own and (not self.s.reachability.isolated or speaks_while_isolated(incident.root)):
            self._end(incident)
            return
        incident = self._cover(incident, own)
        if own:
            incident = self._hold(incident, own)
            if incident.covered_since is None:
                incident = self._weigh(incident, own, is_new=is_new)
        run_due(incident, self.memory, self.draft)

    def _cover(self, incident: Incident, own: Sequence[Alert]) -> Incident:
        """An incident that was covered speaks again once one of its alerts was measured anew."""
        cover = cover_of(incident.root, self.s.reachability)
        if cover is None and incident.covered_since is not None:
            rechecked = any(self.grouping.rechecked(alert, self.s) for alert in own)
            if not rechecked or self.grouping.unmeasured(incident.root, self.s):
                return incident
            return self._uncover(incident, incident.covered_since)
        if cover == incident.covered_by:
            return incident
        self.draft.log(incident, "covered", by=cover or "")
        since = self.s.now if incident.covered_since is None else incident.covered_since
        return self.draft.put(replace(incident, covered_since=since, covered_by=cover))

    def _uncover(self, incident: Incident, covered_since: float) -> Incident:
        self.draft.log(incident, "uncovered", by=incident.covered_by or "")
        shift_s = incident.clock_shift_s + self.s.now - covered_since
        return self.draft.put(replace(incident, covered_since=None, covered_by=None, clock_shift_s=shift_s))

    def _hold(self, incident: Incident, own: Sequence[Alert]) -> Incident:
        """Held: of none of its alerts the recovery can be measured now."""
        held = all(alert.state is AlertState.HELD for alert in own)
        if held == incident.held:
            return incident
        last = next((t for t in reversed(self.s.transitions) if t.alert.id in incident.alerts), None)
        why = {"reason": last.reason, "detail": last.detail} if last else {"reason": "started"}
        self.draft.log(incident, "held" if held else "measured-again", **why)
        return self.draft.put(replace(incident, held=held))

    def _weigh(self, before: Incident, own: Sequence[Alert], *, is_new: bool) -> Incident:
        """Severity, emergency, impact and fault owner; what got worse may add steps to the plan."""
        incident = self._weigh_impact(before)
        incident = self._weigh_severity(incident, own)
        incident = self._find_fault(incident, own[0])
        rose = rank(incident.severity) > rank(before.severity)
        accused = not is_new and incident.fault_owner != before.fault_owner
        wider = (incident.impact, incident.emergency) != (before.impact, before.emergency)
        if is_new or rose or accused or wider:
            incident = self._plan(incident, own[0], another_is_to_blame=accused)
        if incident is not before:
            incident = self.draft.put(incident)
        if is_new:
            self._log_path(incident)
        if incident.severity != before.severity and not is_new:
            incident = tell_severity(incident, "worse" if rose else "less", self.memory, self.draft)
        return incident

    def _weigh_impact(self, incident: Incident) -> Incident:
        """All that it ever took with it, and whether the emergency depends on any of that."""
        unreachable = self.survey.impact.get(incident.root, ())
        impact = tuple(dict.fromkeys((*incident.impact, *unreachable)))
        emergency = incident.emergency or self._emergency_depends_on(incident.root, unreachable)
        if impact == incident.impact and emergency == incident.emergency:
            return incident
        if impact != incident.impact:
            self.draft.log(incident, "impact-grew", count=str(len(impact)))
        return replace(incident, impact=impact, emergency=emergency)

    def _emergency_depends_on(self, root: str, unreachable: Sequence[str]) -> bool:
        targets = self.s.inventory.targets
        if any(targets[id_].emergency for id_ in (root, *unreachable) if id_ in targets):
            return True
        return any(is_emergency(alert) for alert in self.survey.under.get(root, ()))

    def _weigh_severity(self, incident: Incident, own: Sequence[Alert]) -> Incident:
        """A rise counts at once; a fall once it has lasted, so that not every flap is told of."""
        under = self.survey.under.get(incident.root, ())
        severity = max((alert.severity for alert in (*own, *under)), key=rank)
        rise = rank(severity) - rank(incident.severity)
        if rise < 0 and self.memory.is_lower_for_s(incident, self.s.now) < EASE_S:
            return incident
        self.memory.is_not_lower(incident)
        if rise == 0:
            return incident
        self.draft.log(incident, "severity", was=incident.severity, now=severity)
        risen = replace(incident, severity=severity)
        return self._reopen(risen) if rise > 0 else risen

    def _reopen(self, incident: Incident) -> Incident:
        """Whoever acknowledged it did so for something less."""
        if incident.state is not IncidentState.ACKNOWLEDGED:
            return incident
        self.draft.log(incident, "reopened", by=incident.acknowledged_by or "", severity=incident.severity)
        return replace(incident, state=IncidentState.OPEN, acknowledged_at=None, acknowledged_by=None)

    def _find_fault(self, incident: Incident, worst: Alert) -> Incident:
        s = self.s
        known = Blame.parse(incident.fault_owner, incident.blame_reason)
        found = find_fault(incident.root, worst.labels, s.reachability, s.inventory, s.evidence)
        if incident.blame_reason and not found.outdoes(known):
            return incident
        self.draft.log(incident, "fault-owner", organization=found.organization or "", reason=found.reason)
        return replace(incident, fault_owner=found.organization, blame_reason=found.reason)

    def _log_path(self, incident: Incident) -> None:
        end = self.s.evidence.path_end.get(incident.root)
        if end is not None:
            seen = {"last": end.last, "hop": str(end.hop), "following": end.following}
            self.draft.log(incident, "path-ends", **seen)

    def _plan(self, incident: Incident, worst: Alert, *, another_is_to_blame: bool) -> Incident:
        """Match the policies anew; the plan may only gain by it."""
        elapsed_s = escalation.elapsed_s(incident, self.s.now)
        labels = policy_labels(incident, worst, self.s.inventory)
        policy = escalation.match_policy(self.s.inventory.escalations, labels)
        plan = escalation.strengthen(incident.plan, policy, elapsed_s)
        if another_is_to_blame:
            plan = escalation.tell_fault_owner_again(plan, elapsed_s)
        if not plan.steps:
            self.draft.log(incident, "nobody-to-tell", reason="no escalation matches")
        if all(step.done_at is not None for step in plan.steps):
            plan = escalation.skip_repeats(plan, elapsed_s)
        return replace(incident, plan=plan)

    def _end(self, incident: Incident) -> None:
        """None of its alerts is left; the last to go says why."""
        last = [
            transition
            for transition in self.s.transitions
            if transition.alert.state is AlertState.GONE and transition.alert.id in incident.alerts
        ]
        reason = last[-1].reason if last else GoneReason.RECOVERED.value
        change = reason if reason in _SAYABLE else GoneReason.RECOVERED.value
        story = self.memory.story(incident, self.draft)
        story = replace(story, change=change, ended_at=_last_seen_failing(last, self.s.now))
        close(incident, story, self.draft, reason=reason)


def is_emergency(alert: Alert) -> bool:
    """Whether the alert says that the emergency depends on it."""
    return alert.labels.get("emergency") == "true"


def policy_labels(incident: Incident, worst: Alert, inventory: Inventory) -> Mapping[str, str]:
    """What policies match on: the worst alert's labels, the root's own, and the incident's."""
    target = inventory.targets.get(incident.root)
    return {
        **worst.labels,
        **(target.labels() if target else {}),
        "severity": incident.severity,
        "emergency": "true" if incident.emergency else "false",
        "fault_owner": incident.fault_owner or "",
    }


def _last_seen_failing(last: Sequence[Transition], now: float) -> float:
    """When it ended, if it was measured all along (`keep_firing_for` is over later); else now."""
    if not last or any(transition.was is AlertState.HELD for transition in last):
        return now
    return max(transition.alert.true_at for transition in last)
