"""Outages that are over before a verdict, or soon after one, in virtual time."""

from ipaddress import ip_address

import numpy as np
import pytest

from probes.icmp.gaps import Gaps
from probes.icmp.suspect import LOSSY_CONFIRMATIONS, UP
from probes.icmp.targets import EMERGENCY, REST, UPSTREAM, PingTarget
from tests.probes.icmp.simulation import Simulation


def settled(count: int, priority: int = REST) -> Simulation:
    pinged = [PingTarget(f"t{i}", ip_address(0x0A000001 + i), priority=priority) for i in range(count)]
    simulation = Simulation(pinged)
    simulation.run(5)
    return simulation


def gaps(simulation: Simulation) -> Gaps:
    return Gaps.join([part.gaps for part in simulation.results])


def cut(simulation: Simulation, lasts_s: float) -> None:
    simulation.cut = set(range(len(simulation.engine.table)))
    simulation.run(lasts_s)
    simulation.cut = set()


def test_every_cut_of_one_second_is_a_gap_or_a_verdict() -> None:
    simulation = settled(100)
    cut_at = simulation.now
    cut(simulation, 1.0)
    simulation.run(8)
    found = gaps(simulation)
    fell = {verdict.row for verdict in simulation.verdicts if not verdict.up}
    assert len(found.row) == len(set(found.row.tolist()))
    assert fell.isdisjoint(found.row.tolist())
    assert fell | set(found.row.tolist()) == set(range(100))
    assert found.clean.all()
    assert (found.since >= cut_at).all()
    assert (found.until - cut_at <= 1.2).all()
    assert (found.lost >= (cut_at + 1.0 - found.since) // 0.2).all()


def test_replies_that_are_only_late_are_no_gap() -> None:
    simulation = settled(10)
    for rtt_s in (0.15, 0.45, 0.7, 0.01):
        simulation.rtt_s = rtt_s
        simulation.run(10)
    assert not gaps(simulation).row.size


def test_a_gap_whose_replies_come_after_all_is_none() -> None:
    simulation = settled(1)
    simulation.rtt_s = 0.6
    simulation.run(1.5)
    simulation.rtt_s = 0.01  # what is sent now overtakes what was sent before
    simulation.run(10)
    assert not gaps(simulation).row.size


def test_what_this_machine_dropped_is_no_gap() -> None:
    simulation = settled(10)
    cut(simulation, 0.9)
    simulation.engine.dropped(1)
    simulation.run(8)
    assert not gaps(simulation).row.size


def test_a_second_gap_soon_after_is_not_of_a_clean_row() -> None:
    simulation = settled(20)
    for _ in range(2):
        cut(simulation, 0.5)
        simulation.run(9.5)
    found = gaps(simulation)
    rows, counts = np.unique(found.row, return_counts=True)
    twice = rows[counts == 2]
    assert twice.size
    assert [found.clean[found.row == row].tolist() for row in twice] == [[True, False]] * twice.size


def test_a_reply_that_was_hardly_late_makes_nobody_more_careful() -> None:
    simulation = settled(10)
    simulation.rtt_s = 0.15
    simulation.run(1.0)
    simulation.rtt_s = 0.01
    simulation.run(60)
    simulation.confirmed.clear()
    simulation.cut = {0}
    simulation.run(3)
    assert len(simulation.confirmed) < LOSSY_CONFIRMATIONS


@pytest.mark.parametrize("priority", [UPSTREAM, EMERGENCY])
def test_what_much_depends_on_is_seen_again_within_a_second_and_a_half(priority: int) -> None:
    simulation = settled(50, priority)
    cut(simulation, 2.0)
    healed_at = simulation.now
    simulation.run(4)
    risen = [
        verdict.at - healed_at for verdict in simulation.verdicts if verdict.up and verdict.at > healed_at
    ]
    assert len(risen) == 50
    assert max(risen) <= (0.4 if priority == UPSTREAM else 1.3)


def test_what_flaps_needs_its_three_rounds() -> None:
    simulation = settled(20, UPSTREAM)
    cut(simulation, 2.0)
    simulation.run(10)
    cut(simulation, 2.0)
    simulation.run(1.5)
    fell = {verdict.row for verdict in simulation.verdicts[-20:] if not verdict.up}
    assert fell
    assert not any(simulation.engine.suspects.up[list(fell)] == UP)


def test_asking_again_leaves_half_of_the_budget_to_others() -> None:
    simulation = settled(400, UPSTREAM)
    simulation.cut = set(range(400))
    simulation.run(12)
    times = np.array([at for at, _ in simulation.confirmed])
    budget = simulation.engine.suspects.budget.per_second
    fell_at = max(verdict.at for verdict in simulation.verdicts)
    assert ((times > fell_at) & (times < fell_at + 1)).sum() <= budget
