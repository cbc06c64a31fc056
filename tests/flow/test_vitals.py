"""What LinkWatch knows of itself."""

from __future__ import annotations

from linkwatch.core.board import Board
from linkwatch.core.catalog import Catalog
from linkwatch.flow.vitals import Increase, Pulse, Vitals
from probes.icmp import EngineCounters


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


def test_what_the_pinger_counts_of_itself_is_on_the_board_and_in_the_catalogue() -> None:
    board, catalog = Board(), Catalog()
    counters = EngineCounters(send_errors=1, receive_drops=2, foreign_replies=3, malformed_packets=4)
    Vitals(board, targets=0, now=0.0).publish_engine(counters, 0, 0.0, 0.0)
    names = ("send_errors", "receive_drops", "foreign_replies", "malformed_packets")
    for number, name in enumerate(names, 1):
        metric = f"linkwatch_icmp_{name}_total"
        assert catalog.find(metric) is not None
        assert board.column(metric).values.tolist() == [number]


def test_the_clock_is_held_against_the_median_of_the_time_servers() -> None:
    board = Board()
    vitals = Vitals(board, targets=0, now=0.0)
    own, servers = "linkwatch_clock_offset_seconds", board.column("linkwatch_ntp_offset_seconds")
    vitals.publish_clock(0.0)
    assert not board.column(own).present.any()
    for name, offset_s in (("a", -0.2), ("b", -0.3), ("wrong", 3600.0)):
        servers.set({"target": name, "probe": "ntp"}, offset_s, 0.0)
    vitals.publish_clock(1.0)
    assert board.column(own).values.tolist() == [0.2]
    servers.clear([0, 1, 2])
    vitals.publish_clock(2.0)
    assert not board.column(own).present.any()
    assert Catalog().find(own) is not None
