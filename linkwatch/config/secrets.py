"""`${NAME}`, `${NAME:-default}` and `${file:PATH}`: values that do not stand in the file itself.

A value built from one of these is a `Secret`: messages never quote it. `$${` stands for a plain `${`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Any

from linkwatch.config.problems import Place, Problems
from linkwatch.config.yaml_lines import LocatedList, LocatedMap

_REFERENCE = re.compile(r"\$\$\{|\$\{((?:[^{}]|\{[^{}]*\})*)\}")
_NAME = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?", re.DOTALL)
_LONGEST_FILE_BYTES = 65_536


class Secret(str):
    """A text that holds a value from the environment or a secret file. Checked values are plain texts
    again: a `Secret` never leaves this room.
    """

    __slots__ = ()


def fill_in(tree: LocatedMap | LocatedList, environ: Mapping[str, str], problems: Problems) -> None:
    """Replace every reference in the texts of `tree`, in place; what is missing becomes a problem."""
    entries: Iterable[tuple[Any, Any]] = tree.items() if isinstance(tree, LocatedMap) else enumerate(tree)
    for key, value in entries:
        if isinstance(value, LocatedMap | LocatedList):
            fill_in(value, environ, problems)
        elif isinstance(value, str) and "${" in value and not isinstance(value, Secret):
            # Setting a key that is there does not disturb the iteration.
            tree[key] = _Filler(tree.place_of(key) or tree.place, environ, problems).fill(value)


class _Filler:
    """Replaces the references in the texts of one line."""

    def __init__(self, place: Place, environ: Mapping[str, str], problems: Problems) -> None:
        self._place = place
        self._environ = environ
        self._problems = problems
        self._reference = ""

    def fill(self, text: str) -> str:
        filled = Secret(_REFERENCE.sub(self._replace, text))
        self._problems.secrets.add(filled)
        return filled

    def _replace(self, match: re.Match[str]) -> str:
        inside: str | None = match[1]
        if inside is None:
            return "${"
        self._reference = match[0]
        value = self._read(inside[5:]) if inside.startswith("file:") else self._look_up(inside)
        self._problems.secrets.add(value)
        return value

    def _look_up(self, reference: str) -> str:
        match = _NAME.fullmatch(reference)
        if match is None:
            return self._miss("${…} holds no name (allowed: ${NAME}, ${NAME:-default}, ${file:PATH})")
        value = self._environ.get(match[1]) or match[2]
        if value is None:
            return self._miss(
                f"the environment variable {match[1]} is not set (or write ${{{match[1]}:-default}})"
            )
        return value

    def _read(self, name: str) -> str:
        path = self._place.file.parent / name
        try:
            if not path.is_file() or path.stat().st_size > _LONGEST_FILE_BYTES:
                return self._miss(f"the secret file {name} is missing, or longer than 64 KiB")
            return path.read_text(encoding="utf-8").rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
            return self._miss(f"the secret file {name} cannot be read: {why}")

    def _miss(self, text: str) -> str:
        self._problems.add(self._place, "", text)
        return self._reference


def quote(value: Any) -> str:
    """A value as messages show it: short, and never a secret."""
    if isinstance(value, Secret):
        return "the secret value"
    text = str(value)
    return repr(text if len(text) <= 60 else text[:57] + "...") + _name_look_alike(text)


def _name_look_alike(text: str) -> str:
    """The first character that is no Latin letter but may look like one, or like nothing at all."""
    for character in text:
        name = unicodedata.name(character, "an unnamed character")
        if not character.isascii() and not name.startswith("LATIN "):
            return f" (with U+{ord(character):04X} {name})"
    return ""
