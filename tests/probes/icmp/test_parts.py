"""The small pure parts: schedule, flight, budget, clock, targets."""

from ipaddress import ip_address

import numpy as np
import pytest

from probes.icmp.budget import Allowance, ConfirmationBudget
from probes.icmp.clock import Reading, less_slack, round_trips
from probes.icmp.flight import MIN_SLOTS, SERIALS, Flight, State
from probes.icmp.schedule import Schedule
from probes.icmp.targets import PingTarget, TargetTable
from probes.icmp.transport import send_times


def scheduled(rows: int, interval_s: float = 1.0, count: int | None = None) -> Schedule:
    schedule = Schedule(count)
    schedule.resize(rows)
    schedule.start(np.arange(rows), np.full(rows, interval_s), now=0.0)
    return schedule


def test_starts_are_spread_evenly_over_the_interval() -> None:
    schedule = scheduled(1000)
    per_turn = [schedule.take(turn / 50, 1000).size for turn in range(1, 201)]
    assert sum(per_turn) == pytest.approx(4000, abs=20)
    assert max(per_turn) <= 24
    assert schedule.missed == 0


def test_late_rounds_are_skipped_and_counted_not_queued() -> None:
    schedule = scheduled(100)
    in_time = sum(schedule.take(turn / 50, 100).size for turn in range(1, 51))
    late = schedule.take(6.0, 100)
    assert late.size == pytest.approx(50, abs=2)
    assert in_time + late.size + schedule.missed == pytest.approx(600, abs=2)


def test_after_a_pause_the_longest_overdue_go_first() -> None:
    schedule = scheduled(100)
    taken = schedule.take(0.2, 5)
    assert taken.size == 5
    assert 0 in taken


def test_a_row_gets_no_more_rounds_than_counted() -> None:
    schedule = scheduled(3, count=2)
    taken = [row for turn in range(500) for row in schedule.take(turn / 100, 10)]
    assert sorted(taken) == [0, 0, 1, 1, 2, 2]


def test_a_ping_is_found_by_serial_and_nonce_only() -> None:
    flight = Flight()
    slots = flight.launch(np.array([7, 8]), np.zeros(2, np.bool_), now=1.0)
    found, known = flight.find(flight.serial[slots], flight.nonce[slots] ^ np.array([0, 1]))
    assert found.tolist() == slots.tolist()
    assert known.tolist() == [True, False]


def test_serial_numbers_wrap_without_confusion() -> None:
    flight = Flight()
    flight._next = SERIALS - 2
    slots = flight.launch(np.arange(4), np.zeros(4, np.bool_), now=1.0)
    assert flight.find(flight.serial[slots], flight.nonce[slots])[1].all()
    assert flight.find_latest(np.array([0xFFFF, 0, 1]))[0].tolist() == slots[1:].tolist()


def test_pings_in_flight_survive_a_larger_ring() -> None:
    flight = Flight()
    flight._next = MIN_SLOTS - 3
    slots = flight.launch(np.arange(6), np.zeros(6, np.bool_), now=1.0)
    serials, nonces = flight.serial[slots], flight.nonce[slots]
    flight.reserve(4 * MIN_SLOTS)
    found, known = flight.find(serials, nonces)
    assert known.all()
    assert flight.row[found].tolist() == list(range(6))
    assert flight.open_slots().tolist() == found.tolist()


def test_overdue_then_lost_each_once() -> None:
    flight = Flight()
    slots = flight.launch(np.array([0]), np.zeros(1, np.bool_), now=0.0)
    adaptive_s, timeout_s = np.array([0.2]), np.array([3.0])
    reviews = [flight.review(now, adaptive_s, timeout_s) for now in (0.1, 0.3, 0.4, 3.1, 3.2)]
    assert [review.overdue.size for review in reviews] == [0, 1, 0, 0, 0]
    assert [review.expired.size for review in reviews] == [0, 0, 0, 1, 0]
    assert flight.state[slots].tolist() == [State.LOST]


def test_the_budget_serves_in_order_and_per_organization() -> None:
    allowance = Allowance(ConfirmationBudget(per_second=40, per_organization=20))
    allowance.resize(3, np.zeros(1, np.intp), np.ones(1))
    allowance.refill(0.0)
    organizations = np.array([1, 1, 1, 2, 0, 0])
    granted = allowance.reserve(organizations, np.full(6, 8))
    assert granted.tolist() == [True, True, False, True, True, True]
    assert not allowance.reserve(np.array([0]), np.array([1])).any()
    allowance.refund(np.array([0]), np.array([1]))
    assert allowance.reserve(np.array([0]), np.array([1])).all()


def test_one_address_gets_no_more_than_its_share_whatever_the_rows() -> None:
    allowance = Allowance(ConfirmationBudget(per_address=20))
    allowance.resize(1, np.zeros(3, np.intp), np.ones(3))
    sent = 0
    for turn in range(500):
        allowance.refill(turn / 100)
        sent += int(allowance.admit(np.zeros(3, np.intp)).sum())
    assert sent <= 17 * 5 + 17


def test_round_trips_come_from_kernel_stamps_while_the_clock_is_steady() -> None:
    rtt_s = round_trips(np.array([10.0]), np.array([500.0]), np.array([500.02]), Reading(10.05, 500.05))
    assert rtt_s.tolist() == pytest.approx([0.02])


@pytest.mark.parametrize("step_s", [-3600.0, -0.01, 0.01, 3600.0])
def test_a_stepped_clock_falls_back_to_the_time_of_reading(step_s: float) -> None:
    arrived, read = np.array([500.02 + step_s]), Reading(10.05, 500.05 + step_s)
    assert round_trips(np.array([10.0]), np.array([500.0]), arrived, read).tolist() == pytest.approx([0.05])


def test_a_reply_without_a_stamp_is_timed_by_its_reading() -> None:
    rtt_s = round_trips(np.array([10.0]), np.array([500.0]), np.array([np.nan]), Reading(10.05, 500.05))
    assert rtt_s.tolist() == pytest.approx([0.05])


@pytest.mark.parametrize(
    ("seeming_s", "usual_s", "believed_s"),
    [(0.130, 0.03, 0.03), (0.03, 0.03, 0.03), (0.130, 0.128, 0.130), (0.130, np.nan, 0.03)],
    ids=["interrupted before", "interrupted after", "a slow target", "nothing known"],
)
def test_an_interrupted_sending_makes_no_spike(seeming_s: float, usual_s: float, believed_s: float) -> None:
    rtt_s = less_slack(np.array([seeming_s]), np.array([0.1]), np.array([usual_s]))
    assert rtt_s.tolist() == pytest.approx([believed_s])


def test_packets_of_an_interrupted_call_are_early_and_say_by_how_much() -> None:
    marks = [Reading(1.0, 51.0), Reading(1.00016, 51.00016), Reading(1.20016, 51.20016)]
    monotonic, wall, slack_s = send_times(marks, 32)
    assert monotonic[[0, 15, 16, 31]] == pytest.approx([1.0, 1.00015, 1.00016, 1.00091], abs=1e-6)
    assert wall - monotonic == pytest.approx(50.0)
    assert slack_s[[0, 15, 16, 31]] == pytest.approx([0.0, 0.0, 0.1992, 0.1992], abs=1e-6)


def test_packets_that_are_sent_one_by_one_go_out_when_their_call_begins() -> None:
    marks = [Reading(1.0, 51.0), Reading(1.0003, 51.0003), Reading(1.00031, 51.00031)]
    monotonic, wall, slack_s = send_times(marks, 2, a_call=1)
    assert monotonic == pytest.approx([1.0, 1.0003], abs=1e-9)
    assert wall - monotonic == pytest.approx(50.0)
    assert slack_s == pytest.approx([0.00025, 0.0], abs=1e-9)


def targets(*keys: str) -> list[PingTarget]:
    return [PingTarget(key, ip_address(f"10.0.0.{ord(key) - 96}")) for key in keys]


def test_rows_outlive_a_replacement_and_free_ones_are_used_again() -> None:
    table = TargetTable()
    table.replace(targets("a", "b", "c"))
    change = table.replace(targets("c", "d", "a", "e"))
    assert table.rows == {"a": 0, "c": 2, "d": 1, "e": 3}
    assert change.gone.tolist() == [1]
    assert sorted(change.fresh.tolist()) == [1, 3]


def test_another_address_makes_a_row_anew_but_another_interval_does_not() -> None:
    table = TargetTable()
    table.replace(targets("a"))
    faster = [PingTarget("a", ip_address("10.0.0.1"), interval_s=0.5)]
    change = table.replace(faster)
    assert (change.fresh.tolist(), change.gone.tolist(), change.paced.tolist()) == ([], [], [0])
    change = table.replace([PingTarget("a", ip_address("10.0.0.9"), interval_s=0.5)])
    assert (change.fresh.tolist(), change.gone.tolist(), change.paced.tolist()) == ([0], [0], [0])


@pytest.mark.parametrize("wrong", [{"size": 8}, {"size": 70000}, {"interval_s": 0.0}, {"timeout_s": 0.0}])
def test_what_cannot_be_sent_is_refused_with_what_is_allowed(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"allowed|must be"):
        PingTarget("a", ip_address("10.0.0.1"), **wrong)


def test_an_address_on_an_interface_that_is_not_there_is_refused() -> None:
    with pytest.raises(ValueError, match="no interface 'no-such'"):
        PingTarget("a", ip_address("fe80::1%no-such"))
