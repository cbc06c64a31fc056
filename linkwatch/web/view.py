"""What one caller sees at one moment: the inventory, statuses and incidents within its scope.

A partner's world holds the targets that its organization owns and the incidents that are about them.
Of everything else not even an id gets out: a hidden upstream or contact is left blank, a timeline line
about it is left out. One thing more: an incident that it was found responsible for, with its root and
summary, since the page that it was sent names them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from linkwatch.core.inventory import Inventory, Target
from linkwatch.core.records import Alert, Event, Incident
from linkwatch.core.status import NOT_MEASURED, OPERATIONAL, TargetStatus, judge_statuses
from linkwatch.web.access import Caller
from linkwatch.web.services import Services

_WORDS = re.compile(r"[\s,;:/()]+")


@dataclass(frozen=True, slots=True)
class View:
    """`targets`: those in sight. `exceptions`: the statuses of those that are not operational.

    `hidden`: ids and names of targets, contacts and sites out of sight; empty for all but partners.
    """

    inventory: Inventory
    targets: Mapping[str, Target]
    exceptions: Mapping[str, TargetStatus]
    alerts: Mapping[str, Alert]
    organization: str | None = None
    hidden: frozenset[str] = field(default=frozenset(), repr=False)

    def status(self, target: str) -> TargetStatus:
        """The status of a target in sight, its cause blank where that is out of sight."""
        status = self.exceptions.get(target, OPERATIONAL)
        reference = self.blank(status.reference)
        return status if reference == status.reference else TargetStatus(status.status, status.cause, "")

    def sees(self, incident: Incident) -> bool:
        """Whether the incident exists for this caller."""
        if self.organization is None or incident.fault_owner == self.organization:
            return True
        return incident.root in self.targets or any(target in self.targets for target in incident.targets)

    def tells_root(self, incident: Incident) -> bool:
        """Whether the incident's root and summary are this caller's business."""
        return incident.root not in self.hidden or incident.fault_owner == self.organization

    def within(self, targets: Iterable[str]) -> list[str]:
        """Those of some target ids that are in sight; without a scope all of them."""
        return [target for target in targets if target not in self.hidden]

    def blank(self, text: str) -> str:
        """The text, or nothing if it names what is out of sight."""
        if not self.hidden or (text not in self.hidden and self.hidden.isdisjoint(_WORDS.split(text))):
            return text
        return ""

    def shows(self, event: Event) -> bool:
        """Whether a timeline line tells nothing of what is out of sight."""
        return all(self.blank(text) == text for text in event.detail.values())


def view_of(services: Services, caller: Caller) -> View:
    """The view of a caller, now."""
    inventory, alerts = services.inventory(), services.alerts()
    judged = judge_statuses(inventory.targets, services.reachability(), alerts.values())
    exceptions = {**judged, **_explained(judged, services.unmeasured())}
    if caller.organization is None:
        known = {target: status for target, status in exceptions.items() if target in inventory.targets}
        return View(inventory, inventory.targets, known, alerts)
    own = {i: target for i, target in inventory.targets.items() if target.owner == caller.organization}
    return View(
        inventory=inventory,
        targets=own,
        exceptions={target: status for target, status in exceptions.items() if target in own},
        alerts={i: alert for i, alert in alerts.items() if alert.target in own},
        organization=caller.organization,
        hidden=_hidden_from(caller.organization, inventory, own),
    )


def _explained(judged: Mapping[str, TargetStatus], unmeasured: Mapping[str, str]) -> dict[str, TargetStatus]:
    """The statuses of those that are not measured and of which it is known why."""
    return {
        target: replace(judged[target], reference=str(reason))
        for target, reason in unmeasured.items()
        if judged.get(target) == NOT_MEASURED
    }


def _hidden_from(organization: str, inventory: Inventory, own: Mapping[str, Target]) -> frozenset[str]:
    sites = {target.site for target in own.values()}
    others: list[tuple[str, str]] = [
        *((i, target.name) for i, target in inventory.targets.items() if i not in own),
        *(
            (i, contact.name)
            for i, contact in inventory.contacts.items()
            if contact.organization != organization
        ),
        *((i, site.name) for i, site in inventory.sites.items() if i not in sites),
    ]
    return frozenset(text for pair in others for text in pair if text)
