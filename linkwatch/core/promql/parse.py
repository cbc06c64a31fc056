"""Text -> expression: the syntax is promql-parser's, what LinkWatch cannot evaluate is refused by name."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import promql_parser as ast

from linkwatch.core.promql import aggregate, functions
from linkwatch.core.promql.hints import instead_of_range
from linkwatch.core.promql.regex import compile_regex
from linkwatch.core.promql.syntax import (
    Aggregation,
    Binary,
    Call,
    Cardinality,
    Expression,
    Matcher,
    Matching,
    Negation,
    Node,
    Number,
    PromqlError,
    Selector,
)


@lru_cache(maxsize=4096)
def parse(text: str) -> Expression:
    """Parse `text`; raises PromqlError that names the construct which is wrong or not supported."""
    try:
        tree = ast.parse(text)
    except ValueError as error:
        raise PromqlError(str(error)) from None
    return Expression(text, _node(tree))


def _node(tree: Any) -> Node:
    match tree:
        case ast.NumberLiteral():
            return Number(float(tree.val))
        case ast.ParenExpr():
            return _node(tree.expr)
        case ast.UnaryExpr():
            return Negation(_node(tree.expr))
        case ast.VectorSelector():
            return _selector(tree)
        case ast.Call():
            return _call(tree)
        case ast.AggregateExpr():
            return _aggregation(tree)
        case ast.BinaryExpr():
            return _binary(tree)
        case _:
            raise _refusal(tree)


def _refusal(tree: Any) -> PromqlError:
    match tree:
        case ast.MatrixSelector():
            selector = tree.vector_selector
            hint = instead_of_range(selector.name)
            return PromqlError(f"a range selector such as {tree} is not supported: {hint}")
        case ast.SubqueryExpr():
            return PromqlError(f"the subquery {tree} is not supported: {instead_of_range(None)}")
        case ast.StringLiteral():
            return PromqlError(f"the text {tree} stands where a number or a vector is wanted")
        case _:
            return PromqlError(f"{tree} is not supported")


def _selector(tree: Any) -> Selector:
    if tree.offset is not None:
        raise PromqlError(f"`offset` in {tree} is not supported: rules see only what holds now")
    if tree.at is not None:
        raise PromqlError(f"`@` in {tree} is not supported: rules see only what holds now")
    if tree.matchers.or_matchers:
        raise PromqlError(f"`or` between the matchers of {tree} is not supported: use =~")
    return Selector(tree.name, tuple(_matcher(matcher) for matcher in tree.matchers.matchers))


_MATCH_OPERATORS = {"Equal": "=", "NotEqual": "!=", "Re": "=~", "NotRe": "!~"}


def _matcher(matcher: Any) -> Matcher:
    operator = _MATCH_OPERATORS[str(matcher.op).rpartition(".")[2]]
    pattern = compile_regex(matcher.value) if operator.endswith("~") else None
    return Matcher(matcher.name, operator, matcher.value, pattern)


def _call(tree: Any) -> Call:
    name = tree.func.name
    if name not in functions.NAMES:
        raise PromqlError(_unknown_function(name, tree.args))
    return Call(name, tuple(_node(argument) for argument in tree.args))


def _unknown_function(name: str, arguments: list[Any]) -> str:
    ranged = next((a for a in arguments if isinstance(a, ast.MatrixSelector | ast.SubqueryExpr)), None)
    if ranged is None:
        return f"the function {name}() is not supported; supported are {', '.join(sorted(functions.NAMES))}"
    metric = ranged.vector_selector.name if isinstance(ranged, ast.MatrixSelector) else None
    return f"the function {name}() over a range is not supported: {instead_of_range(metric)}"


def _aggregation(tree: Any) -> Aggregation:
    name = str(tree.op)
    if name not in aggregate.NAMES:
        supported = ", ".join(sorted(aggregate.NAMES))
        raise PromqlError(f"the aggregation {name} is not supported; supported are {supported}")
    parameter = None if tree.param is None else _node(tree.param)
    modifier = tree.modifier
    labels = () if modifier is None else tuple(modifier.labels)
    without = modifier is not None and modifier.type == ast.AggModifierType.Without
    return Aggregation(name, _node(tree.expr), parameter, labels, without)


def _binary(tree: Any) -> Binary:
    modifier = tree.modifier
    returns_bool = modifier is not None and modifier.return_bool
    matching = Matching() if modifier is None else _matching(modifier)
    return Binary(str(tree.op), _node(tree.lhs), _node(tree.rhs), returns_bool, matching)


_CARDINALITIES = {"ManyToOne": Cardinality.MANY_TO_ONE, "OneToMany": Cardinality.ONE_TO_MANY}


def _matching(modifier: Any) -> Matching:
    fill = modifier.fill_values
    if fill is not None and (fill.lhs is not None or fill.rhs is not None):
        raise PromqlError("`fill` is not supported: join with `or` instead")
    cardinality = _CARDINALITIES.get(str(modifier.card).rpartition(".")[2], Cardinality.ONE_TO_ONE)
    include = tuple(modifier.group_labels or ())
    labels = modifier.matching
    if labels is None:
        return Matching(cardinality=cardinality, include=include)
    on = labels.type == ast.LabelModifierType.Include
    return Matching(tuple(labels.labels), on, cardinality, include)
