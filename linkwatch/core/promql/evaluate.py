"""Evaluate an expression over a board: arrays all the way, no Python loop over series."""

from __future__ import annotations

import numpy as np

from linkwatch.core.board import Board
from linkwatch.core.promql import functions, operators
from linkwatch.core.promql.aggregate import aggregate
from linkwatch.core.promql.selection import select
from linkwatch.core.promql.syntax import (
    METRIC_NAME,
    SET_OPERATORS,
    Aggregation,
    Binary,
    Call,
    Expression,
    Negation,
    Node,
    Number,
    PromqlError,
    Selector,
)
from linkwatch.core.promql.vector import Vector, empty, single

Value = Vector | float


def evaluate(expression: Expression, board: Board, now: float) -> Value:
    """The value of `expression` at `now` (seconds since the epoch), a vector or a number.

    Raises PromqlError when the series at hand do not allow it (ambiguous matching, equal label sets).
    """
    with np.errstate(all="ignore"):  # division by zero gives Inf or NaN, as in Prometheus
        return _Evaluation(board, now).value(expression.root)


class _Evaluation:
    """One evaluation of one expression."""

    def __init__(self, board: Board, now: float) -> None:
        self._board = board
        self._now = now

    def value(self, node: Node) -> Value:
        match node:
            case Number(value):
                return value
            case Selector():
                return self._selected(node)
            case Negation(operand):
                return _negated(self.value(operand))
            case Call():
                return self._call(node)
            case Aggregation():
                return self._aggregated(node)
            case Binary():
                return self._binary(node)

    def _selected(self, selector: Selector) -> Vector:
        selection = select(self._board, selector)
        return selection.vector() if selection.parts else empty(self._board.texts)

    def _call(self, node: Call) -> Value:
        match node.function:
            case "time":
                return self._now
            case "vector":
                return single(self._board.texts, {}, self._number(node.arguments[0]))
            case "scalar":
                return functions.scalar(self._vector(node.arguments[0]))
            case "absent":
                return self._absent(node.arguments[0])
            case name:
                numbers = [self._number(argument) for argument in node.arguments[1:]]
                return functions.apply(name, self._vector(node.arguments[0]), *numbers)

    def _absent(self, argument: Node) -> Vector:
        if len(self._vector(argument)):
            return empty(self._board.texts)
        return single(self._board.texts, _labels_of_absent(argument), 1.0)

    def _aggregated(self, node: Aggregation) -> Vector:
        parameter = 0.0 if node.parameter is None else self._number(node.parameter)
        return aggregate(node, self._vector(node.operand), parameter)

    def _binary(self, node: Binary) -> Value:
        left, right = self.value(node.left), self.value(node.right)
        if not isinstance(left, Vector):
            if not isinstance(right, Vector):
                return operators.of_numbers(node.operator, left, right)
            return operators.with_number(node, right, left, swapped=True)
        if not isinstance(right, Vector):
            return operators.with_number(node, left, right, swapped=False)
        if node.operator in SET_OPERATORS:
            return operators.of_sets(node.operator, left, right, node.matching)
        return operators.of_vectors(node, left, right)

    def _vector(self, node: Node) -> Vector:
        value = self.value(node)
        if not isinstance(value, Vector):
            raise PromqlError("a number stands where a vector is wanted")
        return value

    def _number(self, node: Node) -> float:
        value = self.value(node)
        if isinstance(value, Vector):
            raise PromqlError("a vector stands where a number is wanted")
        return value


def _negated(value: Value) -> Value:
    if not isinstance(value, Vector):
        return -value
    return Vector(value.frame, -value.values, value.present).without_name()


def _labels_of_absent(argument: Node) -> dict[str, str]:
    """The labels that an absent series would surely have: those that it is asked to equal, once.

    In the order of the matchers, as Prometheus does: only what comes after makes a label unsure.
    """
    if not isinstance(argument, Selector):
        return {}
    labels: dict[str, str] = {}
    equalled: set[str] = {METRIC_NAME}
    for matcher in argument.matchers:
        if matcher.operator == "=" and matcher.label not in equalled:
            labels[matcher.label] = matcher.value
            equalled.add(matcher.label)
        else:
            labels.pop(matcher.label, None)
    return labels
