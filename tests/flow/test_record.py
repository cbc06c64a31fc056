"""Samples enter the board: what is there, what becomes absent, what stays out of windows."""

from __future__ import annotations

from linkwatch.core.board import Board
from linkwatch.core.inventory import Kind, ProbeSpec, Target
from linkwatch.flow.record import ProbeRecord
from probes.sample import Reason, Sample

TARGET = Target("r1", "r1", Kind.ROUTER, "127.0.0.1", owner="it-centre")
SPEC = ProbeSpec("snmp", "snmp", 10.0, 5.0, None)
OPER_UP = ("linkwatch_interface_oper_up", (("interface", "eth0"),))
OTHER = ("linkwatch_interface_oper_up", (("interface", "eth1"),))


def sample(values: dict[object, float] | None = None, reason: Reason | None = None) -> Sample:
    return Sample(100.0, 0.1, reason is None, reason, "", values or {})  # type: ignore[arg-type]


def take(record: ProbeRecord, taken: Sample, now: float = 100.0, *, hidden: bool = False) -> None:
    record.take(TARGET, SPEC, taken, hidden=hidden, now=now, now_s=now)


def value(board: Board, metric: str, **labels: str) -> float | None:
    column = board.find(metric)
    row = column.find({**TARGET.labels(), **labels}) if column else None
    return float(column.values[row]) if column and row is not None and column.present[row] else None


def test_values_carry_the_labels_of_their_target() -> None:
    board = Board()
    take(ProbeRecord(board), sample({OPER_UP: 1.0}))
    assert value(board, "linkwatch_interface_oper_up", interface="eth0") == 1.0
    assert value(board, "linkwatch_probe_success", probe="snmp") == 1.0


def test_what_a_good_sample_no_longer_has_is_absent_at_once() -> None:
    board = Board()
    record = ProbeRecord(board)
    take(record, sample({OPER_UP: 1.0, OTHER: 0.0}))
    take(record, sample({OPER_UP: 1.0}))
    assert value(board, "linkwatch_interface_oper_up", interface="eth1") is None
    assert value(board, "linkwatch_interface_oper_up", interface="eth0") == 1.0


def test_one_missed_poll_keeps_values_and_two_make_them_absent() -> None:
    board = Board()
    record = ProbeRecord(board)
    take(record, sample({OPER_UP: 1.0}))
    take(record, sample(reason=Reason.TIMEOUT))
    assert value(board, "linkwatch_interface_oper_up", interface="eth0") == 1.0
    take(record, sample(reason=Reason.TIMEOUT))
    assert value(board, "linkwatch_interface_oper_up", interface="eth0") is None
    assert value(board, "linkwatch_probe_success", probe="snmp") == 0.0
    assert value(board, "linkwatch_probe_failures_total", probe="snmp", reason="timeout") == 2


def test_a_value_comes_back_after_other_targets_were_forgotten() -> None:
    board = Board()
    record = ProbeRecord(board)
    board.column(OPER_UP[0]).set({"target": "gone", "interface": "x"}, 1.0, 1.0)
    take(record, sample({OPER_UP: 1.0}))
    board.forget_targets(["gone"])
    take(record, sample({OPER_UP: 0.0}), now=110.0)
    assert value(board, "linkwatch_interface_oper_up", interface="eth0") == 0.0
    assert len(board.column(OPER_UP[0])) == 1


def test_metrics_that_name_their_probe_get_its_name() -> None:
    board = Board()
    record = ProbeRecord(board, {OPER_UP[0]})
    take(record, sample({OPER_UP: 1.0}))
    assert value(board, OPER_UP[0], interface="eth0", probe="snmp") == 1.0
    take(record, sample())
    assert value(board, OPER_UP[0], interface="eth0", probe="snmp") is None


def test_hidden_samples_stay_out_of_the_success_ratio() -> None:
    board = Board()
    record = ProbeRecord(board)
    take(record, sample())
    take(record, sample(reason=Reason.TIMEOUT), hidden=True)
    assert value(board, "linkwatch_probe_success_ratio", probe="snmp", window="5m") == 1.0
    take(record, sample(reason=Reason.TIMEOUT))
    assert value(board, "linkwatch_probe_success_ratio", probe="snmp", window="5m") == 0.5


def test_failures_in_a_row_leave_out_hidden_ones_and_end_with_any_success() -> None:
    board = Board()
    record = ProbeRecord(board)

    def failed(*, hidden: bool) -> float | None:
        take(record, sample(reason=Reason.TIMEOUT), hidden=hidden)
        return value(board, "linkwatch_probe_consecutive_failures", probe="snmp")

    assert [failed(hidden=hidden) for hidden in (True, False, True, True, False)] == [None, 1, 1, 1, 2]
    take(record, sample(), hidden=True)
    assert value(board, "linkwatch_probe_consecutive_failures", probe="snmp") == 0


def test_interfaces_that_come_and_go_do_not_pile_up() -> None:
    board = Board()
    record = ProbeRecord(board)
    for minute in range(6000):
        came = (OPER_UP[0], (("interface", f"ppp{minute}"),))
        take(record, sample({OPER_UP: 1.0, came: 1.0}), now=60.0 * minute)
    assert len(board.column(OPER_UP[0])) < 2000
    assert value(board, OPER_UP[0], interface="eth0") == 1.0
    assert value(board, OPER_UP[0], interface="ppp5999") == 1.0
    assert value(board, OPER_UP[0], interface="ppp5998") is None
