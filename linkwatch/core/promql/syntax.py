"""The syntax tree of the supported subset: frozen nodes without anything that was refused."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property

METRIC_NAME = "__name__"
"""The label that holds a series' metric name."""

COMPARISONS = frozenset({"==", "!=", ">", "<", ">=", "<="})
SET_OPERATORS = frozenset({"and", "or", "unless"})


class PromqlError(ValueError):
    """An expression that is not supported, or one that cannot be evaluated on the series at hand."""


@dataclass(frozen=True, slots=True)
class Matcher:
    """One condition of a selector; `pattern` is set for `=~` and `!~`, anchored at both ends."""

    label: str
    operator: str
    value: str
    pattern: re.Pattern[str] | None = field(default=None, compare=False)

    def matches(self, text: str) -> bool:
        """Whether a label value (empty when the label is missing) meets the condition."""
        hit = text == self.value if self.pattern is None else self.pattern.fullmatch(text) is not None
        return hit is not self.operator.startswith("!")


@dataclass(frozen=True, slots=True)
class Selector:
    """`name{matchers}`; `name` is None when the metric is chosen by a matcher on `__name__`."""

    name: str | None
    matchers: tuple[Matcher, ...]


@dataclass(frozen=True, slots=True)
class Number:
    """A literal."""

    value: float


@dataclass(frozen=True, slots=True)
class Negation:
    """Unary minus."""

    operand: Node


@dataclass(frozen=True, slots=True)
class Call:
    """A function with its arguments."""

    function: str
    arguments: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Aggregation:
    """`operator by (labels) (parameter, operand)`; `without` turns the labels round."""

    operator: str
    operand: Node
    parameter: Node | None
    labels: tuple[str, ...]
    without: bool


class Cardinality(Enum):
    """How many series of each side may meet."""

    ONE_TO_ONE = "one-to-one"
    MANY_TO_ONE = "group_left"
    ONE_TO_MANY = "group_right"


@dataclass(frozen=True, slots=True)
class Matching:
    """Which labels two vectors are matched on; `include`: labels taken over from the one side."""

    labels: tuple[str, ...] = ()
    on: bool = False
    cardinality: Cardinality = Cardinality.ONE_TO_ONE
    include: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Binary:
    """`left operator right`."""

    operator: str
    left: Node
    right: Node
    returns_bool: bool
    matching: Matching

    @property
    def drops_name(self) -> bool:
        """Whether the result is another thing than the left side, so that its metric name is gone."""
        return self.returns_bool or self.operator not in COMPARISONS | SET_OPERATORS


Node = Number | Selector | Negation | Call | Aggregation | Binary


@dataclass(frozen=True)
class Expression:
    """A parsed expression; equal when the texts are equal."""

    text: str
    root: Node = field(compare=False, repr=False)

    @cached_property
    def selectors(self) -> tuple[Selector, ...]:
        """Every selector in it, each once."""
        return tuple(dict.fromkeys(node for node in _walk(self.root) if isinstance(node, Selector)))


def _walk(node: Node) -> Iterator[Node]:
    yield node
    for child in _children(node):
        yield from _walk(child)


def _children(node: Node) -> tuple[Node, ...]:
    match node:
        case Negation(operand):
            return (operand,)
        case Call(_, arguments):
            return arguments
        case Aggregation(operand=operand, parameter=parameter):
            return (operand,) if parameter is None else (parameter, operand)
        case Binary(left=left, right=right):
            return (left, right)
        case _:
            return ()
