"""Whose fault it is, and on what ground."""

from dataclasses import replace
from ipaddress import ip_network

import numpy as np
import pytest

from linkwatch.core.blame import Blame, Evidence, Ground, find_fault
from linkwatch.core.coverage import Coverage, Verdict
from linkwatch.core.inventory import Inventory, Kind
from linkwatch.core.topology import Reachability
from tests.core.incident_world import ORGANIZATIONS, World, link, province, target

VIETTEL = replace(ORGANIZATIONS[0], id="viettel", name="Viettel", networks=(ip_network("10.38.9.0/24"),))
VNPT = replace(ORGANIZATIONS[1], networks=(ip_network("10.38.0.0/16"), ip_network("2001:db8::/32")))
TARGETS = [
    link("link", address="10.38.1.1"),
    target("router", "link", address="10.1.0.2"),
    target("camera", "router", kind=Kind.CAMERA, address="10.1.0.3"),
    target("orphan", owner=""),
]
INVENTORY = province(TARGETS, organizations=(ORGANIZATIONS[0], VNPT, VIETTEL))


def reach(*down: str) -> Reachability:
    ids = tuple(INVENTORY.targets)
    up = np.array([id_ not in down for id_ in ids], dtype=np.int8)
    nothing = np.zeros(len(ids), dtype=np.bool_)
    return Coverage(INVENTORY.targets, ()).judge(Verdict(up, np.zeros(len(ids)), nothing, nothing), 0.0)


def blame(root: str, *reporters: str, down: tuple[str, ...] = (), inventory: Inventory = INVENTORY) -> Blame:
    evidence = Evidence(reporters={root: reporters})
    return find_fault(root, {}, reach(*(down or (root,))), inventory, evidence)


@pytest.mark.parametrize(
    ("root", "reporters", "organization", "reason"),
    [
        ("link", (), "vnpt", "link-owner"),
        ("link", ("10.38.9.1",), "viettel", "icmp-reporter:10.38.9.1"),
        ("link", ("10.38.7.1",), "vnpt", "icmp-reporter:10.38.7.1"),
        ("link", ("2001:db8::1",), "vnpt", "icmp-reporter:2001:db8::1"),
        ("link", ("192.168.0.1", "10.38.9.1"), "viettel", "icmp-reporter:10.38.9.1"),
        ("link", ("no address",), "vnpt", "link-owner"),
        ("link", ("10.38.1.1",), "vnpt", "link-owner"),
        ("camera", (), "it-centre", "upstream-answers:router"),
        ("camera", ("10.1.0.2",), "it-centre", "upstream-answers:router"),
        ("orphan", (), None, "unknown"),
    ],
)
def test_grounds(root: str, reporters: tuple[str, ...], organization: str | None, reason: str) -> None:
    found = blame(root, *reporters)
    assert (found.organization, found.reason) == (organization, reason)
    assert Blame.parse(found.organization, found.reason) == found


def test_a_camera_behind_a_dead_router_says_nothing_of_the_camera() -> None:
    assert blame("camera", down=("camera", "router")).ground is Ground.OWNER


def test_an_alert_without_target_is_its_owner_labels() -> None:
    found = find_fault("FewPaths", {"owner": "vnpt"}, reach(), INVENTORY, Evidence())
    assert (found.organization, found.ground) == ("vnpt", Ground.OWNER)


def test_better_evidence_replaces_lesser_and_never_the_reverse() -> None:
    reporter, owner = Blame("viettel", Ground.ICMP_REPORTER, "10.38.9.1"), Blame("vnpt", Ground.LINK_OWNER)
    assert reporter.outdoes(owner)
    assert not owner.outdoes(reporter)
    assert not Blame("vnpt", Ground.ICMP_REPORTER, "10.38.0.1").outdoes(reporter)
    assert Blame("viettel", Ground.LINK_OWNER).outdoes(owner), "the inventory was changed"


def test_another_organization_found_responsible_hears_of_it_too() -> None:
    world = World(INVENTORY)
    world.inventory = replace(
        INVENTORY, organizations={**INVENTORY.organizations, "viettel": replace(VIETTEL, duty=("chief",))}
    )
    world.down = {"link"}
    world.run(310)
    assert ("page", "chief", "sms") not in world.told("link")
    world.evidence = Evidence(reporters={"link": ("10.38.9.1",)})
    world.run(1)
    assert world.rows[1].fault_owner == "viettel"
    assert world.told("link")[-1] == ("page", "chief", "sms")
