"""What becomes of packets, in virtual time: a packet every 10 ms."""

from __future__ import annotations

from dataclasses import replace
from itertools import groupby, pairwise

import pytest

from linkwatch.demo.lane import Bursts, Conditions, Lane

PACKETS, STEP_S = 10_000, 0.010


def plans(conditions: Conditions, seed: str = "1") -> list[list[float]]:
    """How long each packet shall be under way; of a duplicated one two times, of a lost one none."""
    lane = Lane(seed)
    lane.conditions = conditions
    return [[at - now for at in lane.take(now)] for now in (number * STEP_S for number in range(PACKETS))]


def lost(conditions: Conditions, seed: str = "1") -> list[bool]:
    return [not plan for plan in plans(conditions, seed)]


def test_a_clean_lane_holds_nothing_up() -> None:
    assert plans(Conditions()) == [[0.0]] * PACKETS


def test_every_packet_is_delayed_as_asked() -> None:
    assert all(plan == [pytest.approx(0.025)] for plan in plans(Conditions(delay_s=0.025)))


def test_jitter_is_spread_evenly_and_keeps_the_order() -> None:
    found = [plan[0] for plan in plans(Conditions(delay_s=0.05, jitter_s=0.008))]
    assert 0.05 <= min(found) < 0.0501
    assert 0.0579 < max(found) <= 0.058
    assert sum(found) / PACKETS == pytest.approx(0.054, abs=1e-4)
    late = [plan[0] for plan in plans(Conditions(jitter_s=0.100))]
    arrivals = [number * STEP_S + delay_s for number, delay_s in enumerate(late)]
    assert arrivals == sorted(arrivals)


def test_equal_seeds_lose_equal_packets_whatever_else_holds() -> None:
    lossy = Conditions(loss_ratio=0.1)
    worse = replace(lossy, delay_s=0.2, jitter_s=0.01, duplicate_ratio=0.2, reorder_ratio=0.1)
    assert lost(lossy) == lost(worse)
    assert lost(lossy) != lost(lossy, seed="2")
    assert sum(lost(lossy)) / PACKETS == pytest.approx(0.1, abs=0.008)  # 99 % of all seeds


def test_bursts_are_as_frequent_and_as_long_as_asked() -> None:
    bursts = Bursts(enter=0.02, leave=0.25)
    runs = [len(list(run)) for is_lost, run in groupby(lost(Conditions(bursts=bursts))) if is_lost]
    assert bursts.mean_loss_ratio == pytest.approx(0.074, abs=0.001)
    assert sum(runs) / PACKETS == pytest.approx(bursts.mean_loss_ratio, abs=0.02)
    assert sum(runs) / len(runs) == pytest.approx(1 / bursts.leave, abs=0.5)


def test_in_a_burst_some_may_come_through() -> None:
    bursts = Bursts(enter=1.0, leave=0.0, loss_ratio=0.5)
    assert sum(lost(Conditions(bursts=bursts))) / PACKETS == pytest.approx(0.5, abs=0.015)


def test_duplicates_come_twice_within_the_jitter() -> None:
    found = plans(Conditions(delay_s=0.01, jitter_s=0.002, duplicate_ratio=0.3))
    twice = [plan for plan in found if len(plan) == 2]
    assert len(twice) / PACKETS == pytest.approx(0.3, abs=0.015)
    assert all(0.01 <= first <= second <= 0.0121 for first, second in twice)


def test_some_packets_overtake_those_under_way() -> None:
    lane = Lane("1")
    lane.conditions = Conditions(delay_s=0.03, reorder_ratio=0.1)
    arrivals = [lane.take(number * STEP_S)[0] for number in range(PACKETS)]
    assert lane.counts.overtaking / PACKETS == pytest.approx(0.1, abs=0.01)
    assert sum(later < earlier for earlier, later in pairwise(arrivals)) > 0.08 * PACKETS


def test_everything_is_counted() -> None:
    lane = Lane("1")
    lane.conditions = Conditions(loss_ratio=0.2, duplicate_ratio=0.2)
    for now in range(PACKETS):
        for at in lane.take(now):
            lane.leave(now, at, at + 0.001 * (now % 2))
    counts = lane.counts
    assert counts.taken == PACKETS
    assert counts.left == counts.taken - counts.lost + counts.duplicated
    assert counts.loss_ratio == pytest.approx(0.2, abs=0.02)
    assert counts.mean_delay_s == pytest.approx(0.0005, abs=1e-5)
    assert counts.worst_late_s == pytest.approx(0.001)
    assert 0 < counts.jitter_s < 0.001


def test_a_cut_lane_lets_nothing_through_and_its_dice_roll_on() -> None:
    lane, other = Lane("1"), Lane("1")
    for number in range(200):
        lane.conditions = Conditions(loss_ratio=0.5, cut=number < 100)
        other.conditions = Conditions(loss_ratio=0.5)
        ours, theirs = lane.take(number), other.take(number)
        assert ours == ([] if number < 100 else theirs)


def test_a_ratio_beyond_one_is_refused() -> None:
    with pytest.raises(ValueError, match="loss_ratio is 5, but ratios lie between 0 and 1"):
        Conditions(loss_ratio=5)
