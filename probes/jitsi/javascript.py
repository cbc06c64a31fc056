"""What a script of plain settings sets, read without running it. Pure.

config.js of Jitsi is JavaScript: objects, assignments, comments, texts that are put together, and a few
`if`s. No library reads that without an engine, and an engine runs what a stranger wrote. So: texts, switches,
objects, `+` and names are followed; what is computed in any other way is `COMPUTED`; blocks of code are
passed over. What no browser could read (an open comment, a bracket or comma missing) raises ScriptError.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, TypeAlias

from probes.jitsi.tokens import PAIRS, ScriptError, Token, split_script, text_of

_DECLARES = {"var", "let", "const"}
_BEGINS_BLOCK = {"if", "for", "while", "switch", "with", "catch", "function"}
_PREFIXES = {"new", "typeof", "void", "delete", "async", "await", "function", "class"}
_CONSTANTS = {"true": True, "false": False}
_DEEPEST = 30
_LONGEST_TEXT = 10_000


class Computed:
    """A value that only running the script would tell."""

    def __repr__(self) -> str:
        return "COMPUTED"


COMPUTED: Final = Computed()
Value: TypeAlias = "str | bool | Computed | dict[str, Value]"


def read_script(source: str, known: Mapping[str, Value]) -> dict[str, Value]:
    """The global variables after `source` has run, as far as reading tells, beginning with `known`.

    Directives of server-side includes that no server has filled in are nothing, as Jitsi's own scripts have
    it. Raises ScriptError.
    """
    reader = _Reader(split_script(source), dict(known))
    reader.read_statements()
    return reader.names


class _Reader:
    """Goes through the tokens once; `_skip_*` never look at a token twice."""

    def __init__(self, tokens: list[Token], names: dict[str, Value]) -> None:
        self._tokens, self._at, self.names = tokens, 0, names

    def read_statements(self) -> None:
        """Everything up to the end."""
        while token := self._peek():
            if token.text in _DECLARES:
                self._at += 1
            elif token.text in _BEGINS_BLOCK:
                self._skip_block()
            elif token.kind == "word":
                self._read_assignment()
            elif token.text in PAIRS:
                self._skip_brackets()
            else:
                self._at += 1

    def _peek(self, ahead: int = 0) -> Token | None:
        return self._tokens[self._at + ahead] if self._at + ahead < len(self._tokens) else None

    def _is(self, *texts: str, ahead: int = 0) -> bool:
        token = self._peek(ahead)
        return token is not None and token.kind != "text" and token.text in texts

    def _take(self) -> Token:
        self._at += 1
        return self._tokens[self._at - 1]

    def _read_assignment(self) -> None:
        """`a.b = value`, or any other statement that begins with a name."""
        path = self._read_path()
        if self._is("="):
            self._at += 1
            self._assign(path, self._read_value(0))
        elif not self._is(",", ";"):
            self._skip_value()

    def _read_path(self) -> list[str]:
        path = [self._take().text]
        while True:
            following = self._peek(1)
            if self._is(".") and following is not None and following.kind == "word":
                self._at += 2
                path.append(following.text)
            elif (
                self._is("[")
                and following is not None
                and following.kind == "text"
                and self._is("]", ahead=2)
            ):
                self._at += 3
                path.append(text_of(following))
            else:
                return path[1:] if path[0] == "window" and len(path) > 1 else path

    def _assign(self, path: list[str], value: Value) -> None:
        inner = self.names
        for name in path[:-1]:
            deeper = inner.get(name)
            if not isinstance(deeper, dict):
                deeper = inner[name] = {}
            inner = deeper
        inner[path[-1]] = value

    def _read_value(self, depth: int) -> Value:
        """An expression; afterwards comes what ends it."""
        value = self._read_term(depth)
        while self._is("+"):
            self._at += 1
            more = self._read_term(depth)
            value = _joined(value, more)
        if self._goes_on():
            self._skip_value()
            return COMPUTED
        return value

    def _read_term(self, depth: int) -> Value:
        token = self._peek()
        if token is None or depth > _DEEPEST:
            self._skip_value()
            return COMPUTED
        if token.kind == "text":
            self._at += 1
            return COMPUTED if token.text[0] == "`" and "${" in token.text else text_of(token)
        if token.text == "{":
            return self._read_object(depth + 1)
        if token.text == "(":
            self._at += 1
            value = self._read_value(depth + 1)
            self._skip_to_end_of(")")
            return COMPUTED if self._is("=>") else value
        if token.kind == "word" and token.text not in _PREFIXES:
            return self._look_up(self._read_path())
        if token.kind in ("word", "sign") and token.text not in PAIRS:  # -1, !x, new X(), function () {…}
            self._skip_value()
            return COMPUTED
        self._skip_brackets() if token.text in PAIRS else self._skip_one()
        return COMPUTED

    def _look_up(self, path: list[str]) -> Value:
        if path[0] in _CONSTANTS:
            return _CONSTANTS[path[0]]
        value: Value = self.names
        for name in path:
            value = value.get(name, COMPUTED) if isinstance(value, dict) else COMPUTED
        return COMPUTED if self._is("(", "[", ".") else value

    def _read_object(self, depth: int) -> Value:
        self._at += 1
        found: dict[str, Value] = {}
        while self._peek() and not self._is("}"):
            before = self._at
            self._read_member(found, depth)
            if self._is(","):
                self._at += 1
            elif not self._is("}"):
                self._check_comma()
                self._skip_one() if self._at == before else self._skip_value()
        self._at += 1
        return found

    def _read_member(self, found: dict[str, Value], depth: int) -> None:
        """`name: value`, `name`, `...others`, or a method."""
        if self._is("..."):
            self._at += 1
            others = self._read_value(depth)
            found.update(others if isinstance(others, dict) else {})
            return
        if self._is(","):
            return
        token = self._take()
        if self._is(":"):
            self._at += 1
            found[text_of(token) if token.kind == "text" else token.text] = self._read_value(depth)
        elif token.kind == "word" and self._is(",", "}"):
            found[token.text] = self._look_up([token.text])
        else:
            self._at -= 1
            self._skip_value()

    def _check_comma(self) -> None:
        """Told only where there is no doubt: behind a value that ended comes the next name."""
        token = self._peek()
        if token is not None and token.kind in ("word", "text") and self._is(":", ahead=1):
            raise ScriptError(f"line {token.line}: a comma is missing before {token.text[:30]!r}")

    def _goes_on(self) -> bool:
        """Whether an operator goes on with the expression before it."""
        token = self._peek()
        if token is None or token.kind in ("text", "number"):
            return False
        if token.kind == "word":
            return token.text in ("in", "instanceof")
        if token.is_first and token.text in ("(", "[", "{", "++", "--"):
            return False
        return token.text not in (",", ";", ")", "]", "}", ":", "{")

    def _skip_value(self) -> None:
        """Pass over an expression, up to what ends it or up to a line that does not go on with it."""
        is_open = True
        while token := self._peek():
            if token.text in (",", ";", ")", "]", "}") and token.kind == "sign":
                return
            if token.is_first and not is_open and not self._goes_on():
                return
            is_operator = token.kind == "sign" and token.text not in PAIRS
            self._skip_brackets() if token.text in PAIRS else self._skip_one()
            is_open = is_operator

    def _skip_block(self) -> None:
        """Pass over `if (…) {…}`, `function name(…) {…}`, and `if (…) …;`."""
        while not self._is("(") and self._peek():
            self._at += 1
        self._skip_brackets()
        if self._is("{"):
            self._skip_brackets()
            return
        while self._peek() and not self._is(";", "}"):
            self._skip_brackets() if self._is(*PAIRS) else self._skip_one()

    def _skip_brackets(self) -> None:
        depth = 0
        while token := self._peek():
            self._at += 1
            if token.kind == "sign":
                depth += (token.text in PAIRS) - (token.text in PAIRS.values())
            if depth <= 0:
                return

    def _skip_to_end_of(self, closing: str) -> None:
        while self._peek() and not self._is(closing):
            self._skip_brackets() if self._is(*PAIRS) else self._skip_one()
        self._skip_one()

    def _skip_one(self) -> None:
        self._at += 1


def _joined(value: Value, more: Value) -> Value:
    """Two texts as one; forty times `a = a + a` would fill any memory."""
    if not (isinstance(value, str) and isinstance(more, str)) or len(value) + len(more) > _LONGEST_TEXT:
        return COMPUTED
    return value + more
