import numpy as np

from linkwatch.flow.schedule import Schedule


def test_starts_are_spread_over_the_interval() -> None:
    schedule: Schedule[int] = Schedule()
    for key in range(100):
        schedule.add(key, 10.0, now=0.0)
    starts = [due.at for step in range(1, 101) for due in schedule.due(step / 10)]
    per_second = np.histogram(starts, bins=10, range=(0, 10))[0]
    assert per_second.sum() == 100
    assert per_second.min() >= 8


def test_a_job_comes_back_every_interval() -> None:
    schedule: Schedule[str] = Schedule()
    schedule.add("a", 5.0, now=0.0)
    first = schedule.next_at()
    assert first is not None
    assert schedule.due(first - 0.01) == []
    starts = [due.at for second in range(101) for due in schedule.due(second / 2 + first)]
    assert np.allclose(np.diff(starts), 5.0)


def test_late_starts_are_skipped_and_counted_never_queued() -> None:
    schedule: Schedule[str] = Schedule()
    schedule.add("a", 1.0, now=0.0)
    first = schedule.next_at()
    assert first is not None
    (late,) = schedule.due(first + 3.5)
    assert late.missed == 3
    assert schedule.due(first + 3.9) == []
    assert [due.missed for due in schedule.due(first + 4.0)] == [0]


def test_a_removed_job_is_never_due() -> None:
    schedule: Schedule[str] = Schedule()
    schedule.add("a", 1.0, now=0.0)
    schedule.add("b", 1.0, now=0.0)
    schedule.remove("a")
    assert {due.key for due in schedule.due(1.5)} == {"b"}


def test_a_hastened_job_starts_early_and_keeps_its_interval_from_there() -> None:
    schedule: Schedule[str] = Schedule()
    schedule.add("a", 30.0, now=0.0)
    schedule.hasten("a", 2.0)
    assert schedule.next_at() == 2.0
    schedule.hasten("a", 9.0)
    assert [due.at for due in schedule.due(10.0)] == [2.0]
    assert schedule.next_at() == 32.0
