"""What a rule holds for now: one claim per row of its expression's result."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple
from weakref import WeakKeyDictionary

from linkwatch.core.board import Board
from linkwatch.core.promql import PromqlError, Vector, evaluate
from linkwatch.core.promql.vector import Frame
from linkwatch.core.rule import Labels, Rule

Identify = Callable[[Labels], str]


@dataclass(frozen=True, slots=True)
class Claim:
    """The alert that a rule asks for: its identity, its labels and those of the sample behind it."""

    id: str
    labels: Labels
    sample: Labels


class Holding(NamedTuple):
    """A rule holds for one label set, with a value."""

    rule: Rule
    claim: Claim
    value: float


class RuleClaims:
    """Evaluates one rule; the label work of a row is done when the row first holds."""

    def __init__(self, rule: Rule, identify: Identify, external_labels: Labels) -> None:
        self.rule = rule
        self._identify = identify
        self._external = external_labels
        self._known: WeakKeyDictionary[Frame, dict[int, Claim]] = WeakKeyDictionary()

    def evaluate(self, board: Board, now: float) -> list[Holding]:
        """Every label set that the rule holds for; raises PromqlError when it cannot be evaluated."""
        value = evaluate(self.rule.expression, board, now)
        if not isinstance(value, Vector):
            return [Holding(self.rule, self._claim({}, value), value)]
        rows = value.rows
        if not rows.size:
            return []
        numbers = value.values[rows].tolist()
        known = {} if self.rule.labels_use_value else self._known.setdefault(value.frame, {})
        holdings = []
        for row, number in zip(rows.tolist(), numbers, strict=True):
            claim = known.get(row)
            if claim is None:
                claim = known[row] = self._claim(value.frame.row_labels(row), number)
            holdings.append(Holding(self.rule, claim, number))
        return _without_twins(holdings)

    def _claim(self, sample: Labels, value: float) -> Claim:
        labels = self.rule.alert_labels(sample, value, self._external)
        return Claim(self._identify(labels), labels, sample)


def _without_twins(holdings: list[Holding]) -> list[Holding]:
    """Each identity once; equal label sets are an error, as in Prometheus.

    Two that differ only in what the inventory says of their target are one: a target that has just
    changed its owner.
    """
    by_id: dict[str, Holding] = {}
    for holding in holdings:
        first = by_id.setdefault(holding.claim.id, holding)
        if first is not holding and first.claim.labels == holding.claim.labels:
            raise PromqlError("vector contains metrics with the same labelset after applying alert labels")
    return holdings if len(by_id) == len(holdings) else list(by_id.values())


def by_identity(holdings: list[Holding]) -> Mapping[str, list[Holding]]:
    """Holdings of all rules by the alert that they ask for, in the order of the rules."""
    grouped: dict[str, list[Holding]] = {}
    for holding in holdings:
        found = grouped.get(holding.claim.id)
        if found is None:
            grouped[holding.claim.id] = [holding]
        else:
            found.append(holding)
    return grouped
