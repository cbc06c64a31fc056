"""The words and signs of a script, as JavaScript has them. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

_TOKEN = re.compile(
    r"""(?P<blank>\s+|//[^\n]*|/\*(?:.*?\*/|.*))
      | (?P<text>'(?:[^'\\\n]|\\.)*'?|"(?:[^"\\\n]|\\.)*"?|`(?:[^`\\]|\\.)*`?)
      | (?P<word>[A-Za-z_$\x80-\U0010ffff][\w$]*)
      | (?P<number>\d[\w.]*)
      | (?P<sign>\.\.\.|=>|===?|!==?|[<>]=|&&|\|\||\?\?|\+\+|--|[-+*/%&|^]=|.)""",
    re.VERBOSE | re.DOTALL,
)
_REGEX = re.compile(r"/(?:[^/\\\n\[]|\\.|\[(?:[^\]\\\n]|\\.)*\]?)+/?\w*")
_DIRECTIVE = re.compile(r"<!--#[^<>]*-->")
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|\r\n|.)", re.DOTALL)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "\n": "", "\r\n": "", "\r": ""}
_MOST_TOKENS = 20_000

PAIRS = {"(": ")", "[": "]", "{": "}"}
"""What opens and what closes it."""


class ScriptError(ValueError):
    """No browser can read this; the text says where and why."""


class Token(NamedTuple):
    """`kind`: text (with its quotes), word, number, sign or regex; `line`: from 1."""

    kind: str
    text: str
    line: int
    is_first: bool
    """Of its line."""


def split_script(source: str) -> list[Token]:
    """Everything but blanks and comments; every bracket has its other one. Raises ScriptError."""
    tokens = list(_tokens(source))
    _check_brackets(tokens)
    return tokens


def text_of(token: Token) -> str:
    """What a text stands for; directives of server-side includes that nobody has filled in are nothing."""

    def unescape(match: re.Match[str]) -> str:
        written = match[1]
        return chr(int(written[1:], 16)) if len(written) > 2 else _ESCAPES.get(written, written)

    return _DIRECTIVE.sub("", _ESCAPE.sub(unescape, token.text[1:-1]))


def _tokens(source: str) -> Iterator[Token]:
    place, line, is_first, before, count = 0, 1, True, "", 0
    while place < len(source):
        match = _TOKEN.match(source, place)
        assert match is not None  # the last sign is any character
        kind, text = str(match.lastgroup), match[0]
        if text == "/" and _may_begin_regex(before):
            match = _REGEX.match(source, place) or match
            kind, text = "regex" if len(match[0]) > 1 else kind, match[0]
        if kind == "blank":
            is_first = is_first or "\n" in text
            if text.startswith("/*") and (len(text) < 4 or not text.endswith("*/")):
                raise ScriptError(f"line {line}: a comment has no end")
        else:
            if kind == "text" and (len(text) < 2 or text[-1] != text[0]):
                raise ScriptError(f"line {line}: a text has no end")
            yield Token(kind, text, line, is_first)
            is_first, before, count = False, text, count + 1
            if count > _MOST_TOKENS:
                raise ScriptError(f"more than {_MOST_TOKENS} words and signs")
        line += text.count("\n")
        place = match.end()


def _may_begin_regex(before: str) -> bool:
    return before in ("", "return") or (not before[-1].isalnum() and before[-1] not in ")]}_$'\"`")


def _check_brackets(tokens: list[Token]) -> None:
    expected: list[tuple[str, int]] = []
    for token in tokens:
        if token.kind != "sign":
            continue
        if token.text in PAIRS:
            expected.append((PAIRS[token.text], token.line))
        elif token.text in PAIRS.values() and (not expected or expected.pop()[0] != token.text):
            raise ScriptError(f"line {token.line}: {token.text!r} closes nothing")
    if expected:
        raise ScriptError(f"line {expected[-1][1]}: {expected[-1][0]!r} is missing")
