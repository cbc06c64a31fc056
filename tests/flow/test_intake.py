"""Samples of every probe but ICMP: what they say of a service, and nothing for what an outage did."""

from __future__ import annotations

from ipaddress import ip_network

import pytest

from linkwatch.core.inventory import Inventory, Kind, ProbeSpec, Scope, Target
from linkwatch.core.topology import DOWN
from linkwatch.flow.intake import Intake
from linkwatch.flow.record import ProbeRecord
from probes.sample import Reason, Sample
from tests.flow.watching import ICMP, START, Watch

HTTP = ProbeSpec("http", "http", 30.0, 10.0, None)
FAILURES = "linkwatch_probe_consecutive_failures"


class House(Watch):
    """A link, a meeting server behind it with ping and HTTP, a portal behind it with HTTP alone."""

    def __init__(self) -> None:
        link = Target("link", "link", Kind.LINK, "127.0.0.1", probes=(ICMP,))
        meet = Target("meet", "meet", Kind.HOST, "127.0.0.2", via=("link",), probes=(ICMP, HTTP))
        portal = Target("portal", "portal", Kind.PORTAL, "127.0.0.3", via=("link",), probes=(HTTP,))
        bare = Target("bare", "bare", Kind.HOST, "127.0.0.4")
        targets = {target.id: target for target in (link, meet, portal, bare)}
        super().__init__(Inventory(Scope((ip_network("127.0.0.0/8"),)), targets))
        self.samples, self.verdict_changes = ProbeRecord(self.board), 0
        self.intake = Intake(
            self.samples, self.verdicts, self.coverage, clock=self.clock, on_verdict=self._count
        )

    def sample(self, target: str, ok: bool, took_s: float = 0.1, why: Reason = Reason.TIMEOUT) -> None:
        reason = None if ok else why
        self.intake.take(
            self.inventory.targets[target], HTTP, Sample(self.utc_s - took_s, took_s, ok, reason)
        )

    async def go(self, *, up: str = "", down: str = "") -> None:
        """Verdicts of ping, then a turn."""
        for target in (*up.split(), *down.split()):
            self.decide(target, target in up.split(), self.utc_s)
        await self.turn()

    def _count(self) -> None:
        self.verdict_changes += 1


async def test_a_portal_is_down_after_three_failures_in_a_row_and_up_with_one_success() -> None:
    house = House()
    await house.go(up="link meet")
    said = []
    for ok in (True, False, False, True, False, False, False, False, True):
        house.sample("portal", ok)
        await house.turn()
        said.append(house.value("linkwatch_up", "portal"))
    assert said == [1, 1, 1, 1, 1, 1, 0, 0, 1]
    assert house.verdict_changes == 3


async def test_who_refuses_our_login_is_up_though_the_probe_fails() -> None:
    house = House()
    await house.go(up="link meet")
    for _ in range(4):
        house.sample("portal", False, why=Reason.AUTH)
    await house.turn()
    assert house.value("linkwatch_up", "portal") == 1
    assert house.value(FAILURES, "portal", probe="http") == 4


async def test_a_target_without_probe_is_not_measured_and_stops_nobody() -> None:
    house = House()
    await house.go(up="link meet")
    assert house.value("linkwatch_up", "bare") is None
    assert house.value("linkwatch_upstream_down", "bare") == 0


async def test_a_service_is_not_failing_for_what_it_could_not_answer_during_an_outage() -> None:
    house = House()
    await house.go(up="link meet")
    house.sample("meet", True)
    await house.go(down="meet")
    for _ in range(5):
        house.sample("meet", False)
        await house.turn()
    await house.go(up="meet")
    house.sample("meet", False, took_s=3.0)  # it was asked while the target was down
    assert house.value(FAILURES, "meet", probe="http") == 0
    assert house.value("linkwatch_probe_success_ratio", "meet", probe="http", window="5m") == 1.0
    await house.turn()
    house.sample("meet", False)
    assert house.value(FAILURES, "meet", probe="http") == 1


async def test_a_portal_behind_a_dead_link_is_down_too_and_covered() -> None:
    house = House()
    await house.go(up="link meet")
    house.sample("portal", True)
    await house.go(down="link meet")
    for _ in range(3):
        house.sample("portal", False)
        await house.turn()
    assert house.judge.reachability is not None
    assert house.judge.reachability.verdict("portal") == DOWN
    assert house.judge.reachability.root_of("portal") == "link"


async def test_a_failure_that_began_in_the_outage_does_not_bring_a_portal_down_after_it() -> None:
    house = House()
    await house.go(up="link meet")
    house.sample("portal", True)
    await house.go(down="link meet")
    house.sample("portal", False)
    house.sample("portal", False)
    await house.go(up="link meet")
    house.sample("portal", False, took_s=5.0)
    await house.turn()
    assert house.value("linkwatch_up", "portal") == 1
    for expected in (1, 1, 0):
        house.sample("portal", False)
        await house.turn()
        assert house.value("linkwatch_up", "portal") == expected


async def test_the_outage_of_a_portal_is_in_its_success_ratio() -> None:
    house = House()
    await house.go(up="link meet")
    for ok in (True, False, False, False, False):
        house.sample("portal", ok)
        await house.turn()
    ratio = house.value("linkwatch_probe_success_ratio", "portal", probe="http", window="5m")
    assert ratio == 0.2
    assert house.utc_s > START


async def test_what_this_machine_had_no_file_for_is_counted_and_no_failure_of_the_target() -> None:
    house = House()
    await house.go(up="link meet")
    house.sample("portal", True)
    house.sample("meet", True)
    for _ in range(5):
        house.sample("portal", False, why=Reason.EXHAUSTED)
        house.sample("meet", False, why=Reason.EXHAUSTED)
        await house.turn()
    assert house.value("linkwatch_up", "portal") == 1
    assert house.value(FAILURES, "meet", probe="http") == 0
    failures = {"probe": "http", "reason": "exhausted"}
    assert house.value("linkwatch_probe_failures_total", "meet", **failures) == 5


@pytest.mark.parametrize("why", [Reason.RESOLVE, Reason.PERMISSION, Reason.PROXY, Reason.ERROR])
async def test_a_portal_that_nothing_can_be_sent_to_is_unknown_not_down(why: Reason) -> None:
    house = House()
    await house.go(up="link meet")
    house.sample("portal", True)
    for _ in range(3):
        house.sample("portal", False, why=why)
        await house.turn()
    assert house.value("linkwatch_up", "portal") is None
    assert house.intake.blind == {"portal": why}
    for _ in range(3):
        house.sample("portal", False)
        await house.turn()
    assert house.value("linkwatch_up", "portal") == 0
    assert house.intake.blind == {}
