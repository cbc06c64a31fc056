"""What a configuration says, in a few lines, and what in it is allowed but probably not meant."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from linkwatch.config.settings import Config
from linkwatch.core.inventory import Inventory
from linkwatch.core.records import FAULT_OWNER


def describe(config: Config) -> str:
    """A summary in a few lines for `linkwatch check`."""
    inventory = config.inventory
    kinds = Counter(target.kind.value for target in inventory.targets.values())
    probes = Counter(spec.type for target in inventory.targets.values() for spec in target.probes)
    emergency = sum(target.emergency for target in inventory.targets.values())
    lines = [
        f"targets: {len(inventory.targets)} ({_counts(kinds)}; {emergency} for emergencies)",
        f"probes: {_counts(probes)}",
        f"sites: {len(inventory.sites)}, organizations: {len(inventory.organizations)}",
        f"contacts: {len(inventory.contacts)}, escalations: {len(inventory.escalations)}",
        f"anchors: {', '.join(inventory.anchors) or 'none (LinkWatch never claims to be isolated)'}",
        f"rule files: {', '.join(file.name for file in config.rule_files) or 'none'}",
    ]
    return "\n".join(lines)


def find_warnings(config: Config) -> list[str]:
    """One line for each thing that is allowed but probably not meant."""
    inventory = config.inventory
    return [
        *_deaf(config),
        *_untold(inventory),
        *_without_duty(inventory),
        *_without_upstream(inventory),
        *_public_communities(inventory),
    ]


def _deaf(config: Config) -> Iterator[str]:
    if not config.inventory.escalations:
        yield "nobody is ever told: there are no escalations and no contact with a channel"
    if not config.rule_files:
        yield "nothing is ever judged: there are no rule files"


def _untold(inventory: Inventory) -> Iterator[str]:
    """Contacts whom no step names, and who are not on duty where a step tells the fault owner."""
    named = {name for policy in inventory.escalations for step in policy.steps for name in step.notify}
    duty = {name for one in inventory.organizations.values() for name in one.duty}
    told = named | duty if FAULT_OWNER in named else named
    for contact in inventory.contacts.values():
        if not contact.channels:
            yield f"contact {contact.id} has no channel and can never be told"
        elif contact.id not in told and inventory.escalations:
            yield f"contact {contact.id} is never told by any escalation"


def _without_duty(inventory: Inventory) -> Iterator[str]:
    """Owners of targets that nobody answers for."""
    owners = dict.fromkeys(target.owner for target in inventory.targets.values() if target.owner)
    for owner in owners:
        if not inventory.organizations[owner].duty:
            yield f"organization {owner} owns targets but has no duty contact"


def _without_upstream(inventory: Inventory) -> Iterator[str]:
    """Emergency targets at the end of a link that the inventory does not know."""
    upstreams = {via for target in inventory.targets.values() for via in target.via}
    for target in inventory.targets.values():
        if target.emergency and not target.via and target.id not in upstreams and target.kind.value != "link":
            yield f"emergency target {target.id} has no upstream: an outage of its link is told as its own"


def _public_communities(inventory: Inventory) -> Iterator[str]:
    asked = [
        target.id
        for target in inventory.targets.values()
        for spec in target.probes
        if spec.type == "snmp" and spec.settings.version != "3" and spec.settings.community == "public"
    ]
    if asked:
        yield f"{len(asked)} targets are asked with the SNMP community 'public', such as {asked[0]}"


def _counts(counter: Counter[str]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counter.most_common()) or "none"
