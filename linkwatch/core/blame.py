"""Whose fault it is: the organization that an incident's root cause lies with, and on what ground.

Grounds, best first; a better one replaces a lesser one while the incident is open, never the reverse,
so that the fault owner does not wander as evidence ages:

1. a router inside an organization's networks says that the target cannot be reached;
2. the target is a link: its owner is the carrier;
3. an upstream answers and the target does not: the fault lies with the target itself;
4. the target's owner, for want of anything better.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from ipaddress import ip_address

from linkwatch.core.inventory import Inventory, Kind, Target
from linkwatch.core.topology import UP, Reachability


class Ground(StrEnum):
    """On what an organization is found responsible; `message.explain_blame` says it in words."""

    ICMP_REPORTER = "icmp-reporter"
    LINK_OWNER = "link-owner"
    UPSTREAM_ANSWERS = "upstream-answers"
    OWNER = "owner"
    UNKNOWN = "unknown"


_STRENGTH = {
    Ground.ICMP_REPORTER: 3,
    Ground.LINK_OWNER: 2,
    Ground.UPSTREAM_ANSWERS: 2,
    Ground.OWNER: 1,
    Ground.UNKNOWN: 0,
}


@dataclass(frozen=True, slots=True)
class PathEnd:
    """Where the path to a target ends: `hop` and address of the last router that answers (0 and empty if none
    does), and the `following` one of the last good path, if it is known."""

    last: str
    hop: int
    following: str = ""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the probes saw beside the verdicts, by target id; whatever is not known is left out.

    `reporters`: addresses of the routers whose ICMP errors said that the target cannot be reached,
    newest first. `loss_ratio` and `rtt_s`: over the last minute. `path_end`: of targets that their
    path does not reach.
    """

    reporters: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    loss_ratio: Mapping[str, float] = field(default_factory=dict)
    rtt_s: Mapping[str, float] = field(default_factory=dict)
    path_end: Mapping[str, PathEnd] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Blame:
    """The organization found responsible. `detail`: the address or id that the ground rests on."""

    organization: str | None
    ground: Ground
    detail: str = ""

    @property
    def reason(self) -> str:
        """For `Incident.blame_reason`: the ground, and its detail after a colon."""
        return f"{self.ground}:{self.detail}" if self.detail else self.ground.value

    @classmethod
    def parse(cls, organization: str | None, reason: str) -> Blame:
        """The inverse of `reason`; an empty one, or one that a later version wrote, is no ground at all."""
        ground, _, detail = reason.partition(":")
        return cls(organization, Ground(ground) if ground in _STRENGTH else Ground.UNKNOWN, detail)

    def outdoes(self, other: Blame) -> bool:
        """Whether this replaces an earlier finding.

        Of equal ground only what rests on the inventory may change, which means that the inventory did.
        """
        if _STRENGTH[self.ground] != _STRENGTH[other.ground]:
            return _STRENGTH[self.ground] > _STRENGTH[other.ground]
        return self.ground is not Ground.ICMP_REPORTER and self.organization != other.organization


def find_fault(
    root: str,
    labels: Mapping[str, str],
    reachability: Reachability,
    inventory: Inventory,
    evidence: Evidence,
) -> Blame:
    """The organization responsible for a root cause.

    `root`: id of a target, or the name of an alert without one; then its label `owner` decides.
    """
    target = inventory.targets.get(root)
    if target is None:
        return _owner(labels.get("owner", ""), inventory)
    reported = _by_reporter(target, reachability, inventory, evidence)
    if reported is not None:
        return reported
    found = _owner(target.owner, inventory)
    if found.organization is None:
        return found
    if target.kind is Kind.LINK:
        return Blame(found.organization, Ground.LINK_OWNER)
    answering = next((via for via in target.via if reachability.verdict(via) == UP), None)
    if answering is not None and reachability.verdict(root) != UP:
        return Blame(found.organization, Ground.UPSTREAM_ANSWERS, answering)
    return found


def _owner(organization: str, inventory: Inventory) -> Blame:
    if organization in inventory.organizations:
        return Blame(organization, Ground.OWNER)
    return Blame(None, Ground.UNKNOWN)


def _by_reporter(
    target: Target, reachability: Reachability, inventory: Inventory, evidence: Evidence
) -> Blame | None:
    """A report from the target itself or from its living upstream says nothing of anybody between."""
    beside = {inventory.targets[via].address for via in target.via if reachability.verdict(via) == UP}
    beside.add(target.address)
    for address in evidence.reporters.get(target.id, ()):
        organization = None if address in beside else _responsible_for(address, inventory)
        if organization is not None:
            return Blame(organization, Ground.ICMP_REPORTER, address)
    return None


def _responsible_for(address: str, inventory: Inventory) -> str | None:
    """The organization with the longest prefix around an address."""
    try:
        ip = ip_address(address)
    except ValueError:
        return None
    around = [
        (network.prefixlen, organization.id)
        for organization in inventory.organizations.values()
        for network in organization.networks
        if network.version == ip.version and ip in network
    ]
    return max(around, key=lambda found: found[0])[1] if around else None
