"""The functions that templates may call: Go's own and Prometheus's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from linkwatch.core.template import gotext


def _comparable(left: Any, right: Any) -> None:
    if type(left) is not type(right):
        raise ValueError("incompatible types for comparison (write 5.0 beside $value, not 5)")


def _eq(first: Any, *others: Any) -> bool:
    for other in others:
        _comparable(first, other)
    return any(first == other for other in others)


def _ordered(compare: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    """Go knows `lt` and `eq` and makes the others of them, so NaN is greater than every number."""

    def ordered(left: Any, right: Any) -> bool:
        _comparable(left, right)
        return compare(left, right)

    return ordered


def _ne(left: Any, right: Any) -> bool:
    return not _eq(left, right)


def _and(*values: Any) -> Any:
    return next((value for value in values if not value), values[-1])


def _or(*values: Any) -> Any:
    return next((value for value in values if value), values[-1])


def _printed(*values: Any) -> str:
    """fmt.Sprint: a space between two operands when neither is a text."""
    text = ""
    for before, value in zip((None, *values), values, strict=False):
        apart = before is not None and not isinstance(before, str) and not isinstance(value, str)
        text += (" " if apart else "") + gotext.text_of(value)
    return text


def _of_text(function: Callable[[str], str]) -> Callable[[Any], str]:
    def checked(value: Any) -> str:
        if not isinstance(value, str):
            raise ValueError(f"wrong type for value; expected string; got {type(value).__name__}")
        return function(value)

    return checked


def _of_number(function: Callable[[float], str]) -> Callable[[Any], str]:
    return lambda value: function(gotext.to_number(value))


FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    **{name: _of_number(function) for name, function in gotext.HUMANIZE.items()},
    "and": _and,
    "eq": _eq,
    "ge": _ordered(lambda left, right: not left < right),
    "gt": _ordered(lambda left, right: not left <= right),
    "index": lambda labels, name: labels.get(name, ""),
    "le": _ordered(lambda left, right: left <= right),
    "len": len,
    "lt": _ordered(lambda left, right: left < right),
    "ne": _ne,
    "not": lambda value: not value,
    "or": _or,
    "print": _printed,
    "printf": gotext.printf,
    "title": _of_text(gotext.title),
    "toLower": _of_text(str.lower),
    "toUpper": _of_text(str.upper),
}

_AT_LEAST: Mapping[str, int] = {"and": 1, "eq": 2, "or": 1, "print": 0, "printf": 1}
_EXACTLY: Mapping[str, int] = {"ge": 2, "gt": 2, "index": 2, "le": 2, "lt": 2, "ne": 2}


def argument_count_error(name: str, count: int) -> str | None:
    """What is wrong with calling a function with `count` arguments, if anything."""
    wanted = _AT_LEAST.get(name, _EXACTLY.get(name, 1))
    if count == wanted or (name in _AT_LEAST and count > wanted):
        return None
    return f"wrong number of arguments for {name}: want {wanted}, got {count}"
