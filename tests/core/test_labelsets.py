import numpy as np

from linkwatch.core.board import Board
from linkwatch.core.labelsets import FIRST_CAPACITY, LabelSets, Texts


def test_a_set_has_one_number_whatever_the_order_of_its_labels_and_empty_ones_are_not_there() -> None:
    sets = LabelSets(Texts())
    number = sets.number({"window": "1m", "stat": "p95"})
    assert sets.number({"stat": "p95", "window": "1m", "probe": ""}) == number
    assert sets.find({"stat": "p95", "window": "1m"}) == number
    assert sets.labels(number) == {"window": "1m", "stat": "p95"}
    assert sets.number({}) == sets.number({"probe": ""}) == 0


def test_what_was_never_seen_is_not_found_and_leaves_no_trace() -> None:
    sets = LabelSets(Texts())
    sets.number({"window": "1m"})
    assert sets.find({"window": "5m"}) is None
    assert sets.find({"window": "1m", "probe": "icmp"}) is None
    assert sets.find({"window": "1m", "probe": ""}) == 1
    assert len(sets) == 2


def test_labels_that_come_late_are_absent_from_earlier_sets() -> None:
    texts = Texts()
    sets = LabelSets(texts, ["window"])
    first = sets.number({"window": "1m"})
    later = sets.numbers({"window": "1m", "interface": f"eth{i}"} for i in range(3 * FIRST_CAPACITY))
    assert sets.codes("interface")[first] == 0
    assert [texts.text(code) for code in sets.codes("interface")[later[-2:]]] == ["eth190", "eth191"]
    assert sets.codes("alias").tolist() == [0] * len(sets)
    assert sets.names(np.array([first], dtype=np.int32)) == ["window"]
    assert sets.labels(len(sets) - 1) == {"window": "1m", "interface": "eth191"}


def test_a_series_is_found_by_all_of_its_labels_and_shows_them() -> None:
    board = Board()
    column = board.column("linkwatch_icmp_loss_ratio")
    labels = {"target": "a", "site": "", "window": "1m"}
    column.set(labels, 0.5, 1.0)
    assert column.find({"target": "a", "window": "1m"}) == 0
    assert column.find({"target": "a"}) is None
    assert column.labels(0) == {"target": "a", "window": "1m"}
    assert column.label_names == ("target", "window")
    column.set({**labels, "target": "b"}, 0.5, 1.0)
    column.set({**labels, "site": "s"}, 0.5, 1.0)
    assert (column.rows_of("a").tolist(), column.rows_of("c").tolist()) == ([0, 2], [])
    board.forget_targets(["a", "b"])
    assert (len(column), column.find(labels)) == (0, None)
