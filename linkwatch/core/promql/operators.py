"""Binary operators: numbers, a vector with a number, two vectors (promql/engine.go, VectorBinop)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from linkwatch.core.board import Mask, Rows
from linkwatch.core.promql.syntax import (
    COMPARISONS,
    METRIC_NAME,
    Binary,
    Cardinality,
    Matching,
    PromqlError,
)
from linkwatch.core.promql.vector import Frame, Groups, Vector, checked, group_rows

_OPERATORS: Mapping[str, Callable[[Any, Any], Any]] = {
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "/": np.divide,
    "%": np.fmod,
    "^": np.float_power,
    "atan2": np.arctan2,
    "==": np.equal,
    "!=": np.not_equal,
    ">": np.greater,
    "<": np.less,
    ">=": np.greater_equal,
    "<=": np.less_equal,
}


def of_numbers(operator: str, left: float, right: float) -> float:
    """Two numbers; a comparison gives 0 or 1."""
    return float(_OPERATORS[operator](left, right))


def with_number(node: Binary, vector: Vector, number: float, *, swapped: bool) -> Vector:
    """A vector and a number; `swapped` when the number stands on the left."""
    left, right = (number, vector.values) if swapped else (vector.values, number)
    result = _OPERATORS[node.operator](left, right)
    if node.operator not in COMPARISONS:
        return Vector(vector.frame, result, vector.present).without_name()
    if node.returns_bool:
        return Vector(vector.frame, result.astype(np.float64), vector.present).without_name()
    return Vector(vector.frame, vector.values, vector.present & result)


class _Shared(NamedTuple):
    """Groups of the rows of two frames by the labels that they are matched on."""

    left: Rows
    right: Rows
    size: int


def _shared(left: Frame, right: Frame, matching: Matching) -> _Shared:
    names = left.labels.keys() | right.labels.keys()
    used = names & set(matching.labels) if matching.on else names - {METRIC_NAME, *matching.labels}
    columns = [np.concatenate([left.codes(name), right.codes(name)]) for name in sorted(used)]
    groups = group_rows(columns, left.size + right.size)
    return _Shared(groups.ids[: left.size], groups.ids[left.size :], len(groups.first))


def of_sets(operator: str, left: Vector, right: Vector, matching: Matching) -> Vector:
    """`and`, `or`, `unless`."""
    frame, other = left.frame, right.frame
    shared = frame.derive_with(other, ("groups", matching), lambda: _shared(frame, other, matching))
    if operator == "or":
        extra = right.present & ~_hit(shared.left[left.present], shared.size)[shared.right]
        joined = frame.derive_with(other, "or", lambda: _concatenated(frame, other))
        values = np.concatenate([left.values, right.values])
        return checked(Vector(joined, values, np.concatenate([left.present, extra])))
    found = _hit(shared.right[right.present], shared.size)[shared.left]
    return Vector(frame, left.values, left.present & (found if operator == "and" else ~found))


def _hit(ids: Rows, size: int) -> Mask:
    hit = np.zeros(size, dtype=np.bool_)
    hit[ids] = True
    return hit


def _concatenated(left: Frame, right: Frame) -> Frame:
    names = dict.fromkeys([*left.labels, *right.labels])
    labels = {name: np.concatenate([left.codes(name), right.codes(name)]) for name in names}
    return Frame(left.texts, labels, left.size + right.size)


class _Plan(NamedTuple):
    """How the rows of the many side meet those of the one side.

    `partner`: row of the one side, or its size when there is none. `unambiguous`: the one side has no
    two rows of one group. `many`: groups of the many side. `frame`: labels of the result.
    """

    partner: Rows
    unambiguous: bool
    many: Groups
    frame: Frame


def of_vectors(node: Binary, left: Vector, right: Vector) -> Vector:
    """Arithmetic or comparison between two vectors; raises PromqlError when matching is ambiguous."""
    swapped = node.matching.cardinality is Cardinality.ONE_TO_MANY
    many, one = (right, left) if swapped else (left, right)
    if not len(many) or not len(one):
        return Vector(many.frame, many.values, np.zeros_like(many.present))
    plan = _plan(node, many.frame, one.frame)
    if not plan.unambiguous:
        one = one.compressed()
        plan = _plan(node, many.frame, one.frame)
    if not plan.unambiguous:
        raise PromqlError(_ambiguous_one_side(node))
    return _meet(node, many, one, plan, swapped=swapped)


def _meet(node: Binary, many: Vector, one: Vector, plan: _Plan, *, swapped: bool) -> Vector:
    partners = np.append(one.values, np.nan)[plan.partner]
    present = many.present & np.append(one.present, False)[plan.partner]
    left, right = (partners, many.values) if swapped else (many.values, partners)
    result = _OPERATORS[node.operator](left, right)
    if node.operator in COMPARISONS:
        if node.returns_bool:
            result = result.astype(np.float64)
        else:
            present, result = present & result, left
    if node.matching.cardinality is Cardinality.ONE_TO_ONE:
        _refuse_many_to_one(plan.many, present)
    return checked(Vector(plan.frame, result, present))


def _plan(node: Binary, many: Frame, one: Frame) -> _Plan:
    key = ("plan", node.matching, node.drops_name)
    return many.derive_with(one, key, lambda: _make_plan(node, many, one))


def _make_plan(node: Binary, many: Frame, one: Frame) -> _Plan:
    shared = _shared(many, one, node.matching)
    partner_of_group = np.full(shared.size, one.size, dtype=np.intp)
    partner_of_group[shared.right] = np.arange(one.size)
    partner = partner_of_group[shared.left]
    unambiguous = len(np.unique(shared.right)) == one.size
    first = np.unique(shared.left, return_index=True)[1]
    frame = _result_frame(node, many, one, partner)
    return _Plan(partner, unambiguous, Groups(shared.left, first), frame)


def _result_frame(node: Binary, many: Frame, one: Frame, partner: Rows) -> Frame:
    matching = node.matching
    frame = many.without((METRIC_NAME,)) if node.drops_name else many
    if matching.cardinality is Cardinality.ONE_TO_ONE:
        return frame.only(matching.labels) if matching.on else frame.without(matching.labels)
    if not matching.include:
        return frame
    taken = {name: np.append(one.codes(name), np.int32(0))[partner] for name in matching.include}
    return Frame(frame.texts, {**frame.labels, **taken}, frame.size)


def _refuse_many_to_one(many: Groups, present: Mask) -> None:
    if len(many.first) == len(many.ids):
        return
    ids = many.ids[present]
    if ids.size and np.bincount(ids).max() > 1:
        raise PromqlError("multiple matches for labels: many-to-one matching must be explicit (group_left)")


def _ambiguous_one_side(node: Binary) -> str:
    side = "left" if node.matching.cardinality is Cardinality.ONE_TO_MANY else "right"
    return (
        f"found duplicate series for the match group on the {side} side of `{node.operator}`: "
        "many-to-many matching not allowed, the labels must be unique on one side"
    )
