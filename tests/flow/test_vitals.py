"""What LinkWatch knows of itself."""

from __future__ import annotations

from linkwatch.flow.vitals import Increase, Pulse


def test_a_part_that_does_not_turn_for_all_looks_stands_still() -> None:
    turns = iter([0.0, 1.0, 1.0, 1.0, 1.0])
    pulse = Pulse(lambda: next(turns), looks=3)
    assert [pulse.is_still() for _ in range(4)] == [False, False, False, True]


def test_a_part_that_was_stopped_together_with_us_is_not_stuck() -> None:
    turns = iter([0.0, 100.0, 100.0, 101.0, 102.0])
    pulse = Pulse(lambda: next(turns), looks=3)
    assert not any(pulse.is_still() for _ in range(4))


def test_an_increase_is_forgotten_after_its_window() -> None:
    increase = Increase(300.0)
    assert increase.update(5, 0.0) == 5
    assert increase.update(7, 60.0) == 7
    assert increase.update(7, 330.0) == 2
    assert increase.update(7, 3600.0) == 0
