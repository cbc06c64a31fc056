"""Events of devices: said twice is said once, and nobody fills the log alone."""

from __future__ import annotations

from linkwatch.core import eventlog
from linkwatch.core.eventlog import EventLog
from linkwatch.core.records import TargetEvent


def event(at: float, kind: str = "link-down", target: str = "router", port: str = "ge-0") -> TargetEvent:
    return TargetEvent(target, at, kind, {"interface": port})


def test_the_same_again_within_seconds_is_the_same_event() -> None:
    log = EventLog()
    assert log.add(event(0.0))
    assert not log.add(event(1.0))
    assert log.add(event(2.0, port="ge-1"))
    assert log.add(event(3.0, target="other"))
    assert log.add(event(eventlog.SAME_S))


def test_a_link_that_goes_down_again_is_news() -> None:
    log = EventLog()
    assert [log.add(event(at, kind)) for at, kind in ((0, "link-down"), (1, "link-up"), (2, "link-down"))]
    assert [one.at for one in log.of("router")] == [2, 1, 0]


def test_a_flapping_port_brings_a_few_events_then_one_each_half_minute() -> None:
    log = EventLog()
    said = [log.add(event(float(at), ("link-down", "link-up")[at % 2])) for at in range(600)]
    assert said[: eventlog.AT_ONCE] == [True] * eventlog.AT_ONCE
    assert sum(said) <= eventlog.AT_ONCE + 600 / eventlog.EVERY_S
    assert log.add(event(600.0, target="quiet"))


def test_memory_is_bounded_and_targets_that_are_gone_are_forgotten() -> None:
    log = EventLog()
    for number in range(2 * eventlog.EVENTS_KEPT):
        log.add(event(float(number), target=f"t{number}"))
    assert log.of("t0") == ()
    assert len(log.of(f"t{2 * eventlog.EVENTS_KEPT - 1}")) == 1
    log.keep({f"t{eventlog.EVENTS_KEPT}"})
    assert len(log.of(f"t{eventlog.EVENTS_KEPT}")) == 1
    assert log.of(f"t{2 * eventlog.EVENTS_KEPT - 1}") == ()


def test_a_clock_that_is_set_back_silences_nobody() -> None:
    log = EventLog()
    assert log.add(event(10_000.0))
    assert log.add(event(0.0))
