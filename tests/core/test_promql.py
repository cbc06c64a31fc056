"""What the subset refuses, and how expressions see a board that changes."""

from __future__ import annotations

import math

import numpy as np
import pytest

from linkwatch.core.board import Board
from linkwatch.core.catalog import OWN_METRICS
from linkwatch.core.promql import PromqlError, Vector, evaluate, parse, selected_series
from linkwatch.core.promql.hints import instead_of_range
from linkwatch.core.promql.selection import select


def board(**up: float) -> Board:
    made = Board()
    for target, value in up.items():
        made.column("linkwatch_up").set({"target": target, "site": "s"}, value, 1.0)
    return made


def found(text: str, on: Board, now: float = 0.0) -> dict[str, float]:
    value = evaluate(parse(text), on, now)
    assert isinstance(value, Vector)
    return {labels.get("target", ""): number for labels, number in value.samples()}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("rate(linkwatch_icmp_received_total[5m])", "use linkwatch_icmp_loss_ratio{window=...}"),
        ("changes(linkwatch_up[15m]) > 3", "use linkwatch_up_changes{window=...}"),
        ("increase(linkwatch_missed_schedules_total[5m])", "use linkwatch_missed_schedules{window=...}"),
        ("avg_over_time(linkwatch_icmp_rtt_seconds[5m])", "use linkwatch_icmp_rtt_seconds{window=...}"),
        ("irate(linkwatch_interface_receive_bytes_total[1m])", "linkwatch_interface_utilization_ratio{"),
        ("rate(other[5m])", "use a metric with a `window` label"),
        ("linkwatch_up[5m]", "range selector"),
        ("max_over_time(linkwatch_up[5m:1m])", "max_over_time() over a range"),
        ("linkwatch_up offset 5m", "`offset`"),
        ("linkwatch_up @ 5", "`@`"),
        ("label_replace(up, 'a', '$1', 'b', '(.*)')", "label_replace() is not supported; supported are abs"),
        ("count_values('x', up)", "count_values is not supported; supported are avg"),
        ("foo(up)", "unknown function with name 'foo'"),
        ("up == ", "invalid promql query"),
        ("1 > 2", "comparisons between scalars must use BOOL"),
        ('up{a="1" or b="2"}', "`or` between the matchers"),
        ("'text'", "stands where a number or a vector is wanted"),
        ('up{a=~"(?=x)"}', "illegal regex"),
        ('up{a=~"x*+"}', "a repetition of a repetition"),
        ('up{a=~"[[:alpha:]]"}', "POSIX classes"),
        ('up{a=~"("}', "illegal regex"),
    ],
)  # fmt: skip
def test_what_is_not_supported_is_refused_by_name(text: str, message: str) -> None:
    with pytest.raises(PromqlError) as caught:
        parse(text)
    assert message.lower() in str(caught.value).lower()


def test_every_own_counter_that_is_hinted_at_has_its_windowed_gauge() -> None:
    windowed = {metric.name for metric in OWN_METRICS if "window" in metric.labels}
    for metric in OWN_METRICS:
        hint = instead_of_range(metric.name)
        name = hint.removeprefix("use ").partition("{")[0]
        assert name in windowed or hint.startswith("use a metric with")


def test_absent_is_not_there_but_nan_is_a_value() -> None:
    on = board(a=1.0, b=math.nan, c=0.0)
    on.column("linkwatch_up").clear(np.array([2]))
    assert list(found("linkwatch_up", on)) == ["a", "b"]
    assert list(found("linkwatch_up != 5", on)) == ["a", "b"]
    assert found("count(linkwatch_up)", on) == {"": 2.0}
    assert found('absent(linkwatch_up{target="c"})', on) == {"c": 1.0}


def test_a_selector_sees_rows_that_come_and_go() -> None:
    on = board(a=1.0)
    expression = 'sum(linkwatch_up{target=~"a|b"})'
    assert found(expression, on) == {"": 1.0}
    on.column("linkwatch_up").set({"target": "b", "site": "s"}, 5.0, 2.0)
    assert found(expression, on) == {"": 6.0}
    on.forget_targets(["a"])
    assert found(expression, on) == {"": 5.0}


def test_a_metric_that_nobody_has_put_is_empty_until_it_is_there() -> None:
    on = board()
    assert found("later > 0", on) == {}
    on.column("later").set({"target": "x"}, 1.0, 0.0)
    assert found("later > 0", on) == {"x": 1.0}


def test_a_join_survives_the_change_of_either_side() -> None:
    on = board(a=3.0, b=3.0)
    objective = on.column("objective")
    objective.set({"target": "a"}, 1.0, 0.0)
    text = "linkwatch_up > on (target) group_left () objective"
    assert found(text, on) == {"a": 3.0}
    objective.set({"target": "b"}, 9.0, 0.0)
    assert found(text, on) == {"a": 3.0}
    objective.set({"target": "b"}, 2.0, 0.0)
    assert found(text, on) == {"a": 3.0, "b": 3.0}


def test_duplicates_on_the_one_side_matter_only_while_they_are_present() -> None:
    on = board(a=3.0)
    for extra in ("x", "y"):
        on.column("objective").set({"target": "a", "class": extra}, 1.0, 0.0)
    with pytest.raises(PromqlError, match="many-to-many"):
        evaluate(parse("linkwatch_up > on (target) objective"), on, 0.0)
    on.column("objective").clear(np.array([1]))
    assert found("linkwatch_up > on (target) objective", on) == {"a": 3.0}


def test_regular_expressions_are_anchored_and_an_absent_label_is_empty() -> None:
    on = board(link=1.0, links=2.0)
    assert list(found('linkwatch_up{target=~"link"}', on)) == ["link"]
    assert list(found('linkwatch_up{area=~"|x"}', on)) == ["link", "links"]
    assert list(found('linkwatch_up{area!~".+"}', on)) == ["link", "links"]
    assert found('linkwatch_up{area=~".+"}', on) == {}


def test_time_and_numbers_are_scalars() -> None:
    assert evaluate(parse("time() - 3"), Board(), 10.0) == 7.0
    assert evaluate(parse("1 == bool 1"), Board(), 0.0) == 1.0
    assert math.isnan(evaluate(parse("scalar(nothing)"), Board(), 0.0))  # type: ignore[arg-type]


def test_every_series_that_any_selector_selects_for_a_target_is_named() -> None:
    on = board(a=0.0, b=0.0)
    loss = on.column("loss")
    for window in ("1m", "5m"):
        loss.set({"target": "a", "window": window}, 1.0, 0.0)
    expression = parse('linkwatch_up == 0 and on (target) (loss{window="5m"} > 0 or loss > 100)')
    series = selected_series(expression, on, "a")
    assert [(name, dict(labels).get("window")) for name, labels in series] == [
        ("linkwatch_up", None),
        ("loss", "1m"),
        ("loss", "5m"),
    ]
    loss.clear(np.array([0]))
    assert len(selected_series(expression, on, "a")) == 2
    assert selected_series(expression, on, "unknown") == ()


def test_label_work_is_not_redone_while_no_series_come_or_go() -> None:
    on = board(a=1.0)
    (selector,) = parse("linkwatch_up").selectors
    frame = select(on, selector).frame
    on.column("linkwatch_up").set({"target": "a", "site": "s"}, 0.0, 5.0)
    assert select(on, selector).frame is frame
    on.column("linkwatch_up").set({"target": "b", "site": "s"}, 0.0, 5.0)
    assert select(on, selector).frame is not frame
