"""Templates of alert labels and annotations: the part of Go's text/template that rules use.

Parsed when a rule is loaded, so that a mistake is an error of the file; rendering never raises.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from linkwatch.core.template.gotext import text_of
from linkwatch.core.template.pipeline import Get, Labels, Scope, TemplateError, parse_pipeline

_Render = Callable[[Scope], str]


@dataclass(frozen=True)
class Template:
    """A parsed text. `is_constant`: nothing in it is rendered. `uses_value`: it changes with `$value`."""

    text: str
    is_constant: bool
    uses_value: bool
    _render: _Render

    def render(self, labels: Labels, value: float, external_labels: Labels | None = None) -> str:
        """The text for one alert; a failure gives a marked text, as in Prometheus."""
        if self.is_constant:
            return self.text
        try:
            return self._render(Scope(labels, value, external_labels or {}))
        except (ValueError, TypeError, OverflowError) as error:
            return f"<error expanding template: {error}>"


@lru_cache(maxsize=8192)
def parse_template(text: str) -> Template:
    """Parse a template; raises TemplateError."""
    if "{{" not in text:
        return Template(text, is_constant=True, uses_value=False, _render=lambda _scope: text)
    actions = [action for _, action in _split(text) if action is not None]
    uses_value = any(re.search(r"\$value|\.Value", action) for action in actions)
    return Template(text, is_constant=False, uses_value=uses_value, _render=_Parser(text).parse())


_ACTION = re.compile(
    r"\{\{(-(?=\s))?((?:\"(?:[^\"\\]|\\.)*\"|`[^`]*`|/\*.*?\*/|(?!\}\})[^\"`])*?)((?<=\s)-)?\}\}", re.DOTALL
)


def _split(text: str) -> Iterator[tuple[str, str | None]]:
    """Pairs of plain text and the action after it; the last action is None."""
    end, trim = 0, False
    for found in _ACTION.finditer(text):
        plain = text[end : found.start()]
        plain = plain.lstrip() if trim else plain
        yield (plain.rstrip() if found[1] else plain), found[2].strip()
        end, trim = found.end(), bool(found[3])
    rest = text[end:]
    if "{{" in rest:
        raise TemplateError("an action that starts with {{ does not end with }}")
    yield (rest.lstrip() if trim else rest), None


_REFUSED = ("range", "with", "define", "template", "block", "break", "continue", "query", "first")


class _Parser:
    """Plain texts and actions -> one function that renders them."""

    def __init__(self, text: str) -> None:
        self._pieces = list(_split(text))
        self._at = 0

    def parse(self) -> _Render:
        render, stopped_by = self._sequence()
        if stopped_by is not None:
            raise TemplateError(f"{{{{ {stopped_by} }}}} without {{{{ if }}}}")
        return render

    def _sequence(self) -> tuple[_Render, str | None]:
        """Everything up to the end, or to an `else` or `end`, which is returned."""
        parts: list[_Render] = []
        while self._at < len(self._pieces):
            plain, action = self._pieces[self._at]
            self._at += 1
            if plain:
                parts.append(lambda _scope, plain=plain: plain)  # type: ignore[misc]
            if action is None:
                break
            word = action.split(None, 1)[0] if action else ""
            if word in ("else", "end"):
                return _concatenated(parts), action
            parts.append(self._action(word, action))
        return _concatenated(parts), None

    def _action(self, word: str, action: str) -> _Render:
        if not action:
            raise TemplateError("missing value for command: {{ }} is empty")
        if action.startswith("/*"):
            return lambda _scope: ""
        if word in _REFUSED:
            raise TemplateError(f"{{{{ {word} }}}} is not supported; allowed are values, pipes and if")
        if word == "if":
            return self._condition(action[2:])
        get = parse_pipeline(action)
        return lambda scope: text_of(get(scope))

    def _condition(self, condition: str) -> _Render:
        test = parse_pipeline(condition)
        yes, stop = self._sequence()
        no: _Render = lambda _scope: ""  # noqa: E731 - the branch that is not written
        if stop is not None and stop.startswith("else"):
            rest = stop[4:].strip()
            if rest.startswith("if "):
                return _choice(test, yes, self._condition(rest[2:]))
            no, stop = self._sequence()
        if stop != "end":
            raise TemplateError("{{ if }} without {{ end }}")
        return _choice(test, yes, no)


def _choice(test: Get, yes: _Render, no: _Render) -> _Render:
    return lambda scope: yes(scope) if test(scope) else no(scope)


def _concatenated(parts: Sequence[_Render]) -> _Render:
    if len(parts) == 1:
        return parts[0]
    return lambda scope: "".join([part(scope) for part in parts])
