"""Aggregations over groups of series, as Prometheus defines them (promql/engine.go, aggregation)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

from linkwatch.core.board import Floats, Mask, Rows
from linkwatch.core.promql.syntax import METRIC_NAME, Aggregation, PromqlError
from linkwatch.core.promql.vector import Frame, Groups, Vector, checked, group_rows

_LARGEST_COUNT = 2.0**63


class _Members(NamedTuple):
    """The present series of a vector: group and value of each, `size` groups, members per group."""

    ids: Rows
    values: Floats
    size: int
    counts: Floats

    def sums(self, values: Floats) -> Floats:
        return np.bincount(self.ids, values, self.size).astype(np.float64, copy=False)


def _fold(ufunc: np.ufunc) -> Callable[[_Members], Floats]:
    def fold(members: _Members) -> Floats:
        folded = np.full(members.size, np.nan)  # fmin and fmax pass over NaN while there is a number
        ufunc.at(folded, members.ids, members.values)
        return folded

    return fold


def _variance(members: _Members) -> Floats:
    mean = members.sums(members.values) / members.counts
    return members.sums((members.values - mean[members.ids]) ** 2) / members.counts


_SIMPLE: Mapping[str, Callable[[_Members], Floats]] = {
    "avg": lambda members: members.sums(members.values) / members.counts,
    "count": lambda members: members.counts,
    "group": lambda members: np.ones(members.size),
    "max": _fold(np.fmax),
    "min": _fold(np.fmin),
    "stddev": lambda members: np.sqrt(_variance(members)),
    "stdvar": _variance,
    "sum": lambda members: members.sums(members.values),
}

NAMES = frozenset(_SIMPLE) | {"bottomk", "quantile", "topk"}


def aggregate(node: Aggregation, vector: Vector, parameter: float) -> Vector:
    """Aggregate a vector; `parameter` is k or the quantile and is ignored by the others."""
    groups, frame = _grouping(vector.frame, node.labels, node.without)
    members = _members(vector, groups.ids, frame.size)
    if node.operator in ("topk", "bottomk"):
        return _select_k(vector, members, parameter, largest=node.operator == "topk")
    is_quantile = node.operator == "quantile"
    values = _quantile(members, parameter) if is_quantile else _SIMPLE[node.operator](members)
    return checked(Vector(frame, values, members.counts > 0))


def _grouping(frame: Frame, labels: tuple[str, ...], without: bool) -> tuple[Groups, Frame]:
    return frame.derive((labels, without), lambda: _make_grouping(frame, labels, without))


def _make_grouping(frame: Frame, labels: tuple[str, ...], without: bool) -> tuple[Groups, Frame]:
    kept = frame.without((*labels, METRIC_NAME)) if without else frame.only(labels)
    groups = group_rows(list(kept.labels.values()), frame.size)
    columns = {name: codes[groups.first] for name, codes in kept.labels.items()}
    return groups, Frame(frame.texts, columns, len(groups.first))


def _members(vector: Vector, ids: Rows, size: int) -> _Members:
    chosen = ids[vector.present]
    counts = np.bincount(chosen, minlength=size).astype(np.float64)
    return _Members(chosen, vector.values[vector.present], size, counts)


def _quantile(members: _Members, quantile: float) -> Floats:
    if np.isnan(quantile) or not 0 <= quantile <= 1:
        beyond = np.nan if np.isnan(quantile) else np.copysign(np.inf, quantile)
        return np.full(members.size, beyond)
    order = np.lexsort((members.values, ~np.isnan(members.values), members.ids))  # NaN first
    rank = quantile * (members.counts - 1)
    lower = np.maximum(0, np.floor(rank)).astype(np.intp)
    upper = np.minimum(members.counts - 1, lower + 1).astype(np.intp)
    weight = rank - np.floor(rank)
    starts = (np.cumsum(members.counts) - members.counts).astype(np.intp)
    ranked = np.append(members.values[order], np.nan)  # groups without members read the last one
    lower, upper = np.minimum(starts + lower, order.size), np.minimum(starts + upper, order.size)
    return np.asarray(ranked[lower] * (1 - weight) + ranked[upper] * weight)


def _select_k(vector: Vector, members: _Members, k: float, *, largest: bool) -> Vector:
    if np.isnan(k) or abs(k) >= _LARGEST_COUNT:
        raise PromqlError(f"topk and bottomk need a count, not {k}")
    badness = -members.values if largest else members.values
    order = np.lexsort((badness, members.ids))  # NaN last; equal values in the order of rows
    starts = (np.cumsum(members.counts) - members.counts).astype(np.intp)
    place = np.arange(order.size) - starts[members.ids[order]]
    present: Mask = np.zeros_like(vector.present)
    present[vector.rows[order[place < int(k)]]] = True
    return Vector(vector.frame, vector.values, present)
