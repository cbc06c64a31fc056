"""One action of a template: operands, function calls and pipes -> a function of the scope."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from linkwatch.core.template.functions import FUNCTIONS, argument_count_error

Labels = Mapping[str, str]


class TemplateError(ValueError):
    """A template that cannot be parsed; the text says what is allowed."""


class Scope(NamedTuple):
    """What a template can see."""

    labels: Labels
    value: float
    external_labels: Labels


Get = Callable[[Scope], Any]

_TOKEN = re.compile(
    r"""\s*(?:
      (?P<text>"(?:[^"\\]|\\.)*"|`[^`]*`)
    | (?P<number>[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?(?![\w.]))
    | (?P<variable>\$\w+(?:\.\w+)*|\.\w+(?:\.\w+)*)
    | (?P<word>[A-Za-z_]\w*)
    | (?P<mark>[|()]|:=|=)
    )""",
    re.VERBOSE,
)


def parse_pipeline(text: str) -> Get:
    """`operand | function argument… | …` -> a function of the scope."""
    tokens = _Tokens(text)
    get = _pipeline(tokens)
    if tokens.peek() is not None:
        raise TemplateError(f'unexpected "{tokens.next()[1]}" in {{{{ {text.strip()} }}}}')
    return get


class _Tokens:
    """The tokens of one action, one at a time."""

    def __init__(self, text: str) -> None:
        self._tokens: list[tuple[str, str]] = []
        self._at = at = 0
        while text[at:].strip():
            found = _TOKEN.match(text, at)
            if found is None:
                raise TemplateError(f'unexpected "{text[at:].strip()[:10]}" in {{{{ {text.strip()} }}}}')
            self._tokens.append((str(found.lastgroup), found[str(found.lastgroup)]))
            at = found.end()

    def peek(self) -> tuple[str, str] | None:
        return self._tokens[self._at] if self._at < len(self._tokens) else None

    def next(self) -> tuple[str, str]:
        token = self.peek()
        if token is None:
            raise TemplateError("missing value for command")
        self._at += 1
        return token


def _pipeline(tokens: _Tokens) -> Get:
    get = _command(tokens, None)
    while tokens.peek() == ("mark", "|"):
        tokens.next()
        get = _command(tokens, get)
    return get


def _command(tokens: _Tokens, piped: Get | None) -> Get:
    kind, text = tokens.peek() or ("", "")
    if kind == "word" and text not in ("true", "false"):
        tokens.next()
        return _call(text, tokens, piped)
    if piped is not None:
        raise TemplateError("only a function can stand after |")
    return _operand(tokens)


def _call(name: str, tokens: _Tokens, piped: Get | None) -> Get:
    function = FUNCTIONS.get(name)
    if function is None:
        allowed = ", ".join(sorted(FUNCTIONS))
        raise TemplateError(f"the function {name} is not supported; allowed are {allowed}")
    arguments = []
    while (token := tokens.peek()) is not None and token not in (("mark", "|"), ("mark", ")")):
        arguments.append(_operand(tokens))
    if piped is not None:
        arguments.append(piped)
    error = argument_count_error(name, len(arguments))
    if error is not None:
        raise TemplateError(error)
    return lambda scope: function(*[argument(scope) for argument in arguments])


def _operand(tokens: _Tokens) -> Get:
    kind, text = tokens.next()
    if kind == "text":
        constant: Any = text[1:-1] if text.startswith("`") else _unescaped(text[1:-1])
    elif kind == "number":
        constant = int(text) if re.fullmatch(r"[-+]?\d+", text) else float(text)
    elif kind == "variable":
        return _variable(text)
    elif text == "(":
        return _parenthesised(tokens)
    elif text in ("true", "false"):
        constant = text == "true"
    elif kind == "word":
        return _call(text, _Tokens(""), None)
    else:
        raise TemplateError(f'unexpected "{text}"')
    return lambda _scope: constant


def _parenthesised(tokens: _Tokens) -> Get:
    get = _pipeline(tokens)
    if tokens.peek() != ("mark", ")"):
        raise TemplateError("a ( without )")
    tokens.next()
    return get


_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", '"': '"', "\\": "\\"}


def _unescaped(text: str) -> str:
    def one(found: re.Match[str]) -> str:
        if found[1] not in _ESCAPES:
            raise TemplateError(f"unknown escape {found[0]} in a text")
        return _ESCAPES[found[1]]

    return re.sub(r"\\(.)", one, text)


_VARIABLES: Mapping[str, Get] = {
    "$value": lambda scope: scope.value,
    ".Value": lambda scope: scope.value,
    "$labels": lambda scope: scope.labels,
    ".Labels": lambda scope: scope.labels,
    "$externalLabels": lambda scope: scope.external_labels,
    ".ExternalLabels": lambda scope: scope.external_labels,
}


def _variable(text: str) -> Get:
    if text in _VARIABLES:
        return _VARIABLES[text]
    holder, _, name = text.rpartition(".")
    if holder not in _VARIABLES or holder.lower().endswith("value"):
        raise TemplateError(
            f"undefined variable {text}; allowed are $labels.name, $value, $externalLabels.name"
        )
    of = _VARIABLES[holder]
    return lambda scope: of(scope).get(name, "")
