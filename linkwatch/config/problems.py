"""Everything that is wrong with a configuration, collected so that all of it is told at once."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import NamedTuple

Step = str | int
"""One step into a document: a key of a mapping or an index of a list."""

_DIGITS = re.compile(r"([0-9]{1,18})")
_MOST_TOLD = 1000
_MOST_COMPARED = 200
_ID_LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789._-"
_SHORTEST_REDACTED = 4
"""Shorter secrets would blot out every word; no message quotes a secret value anyway."""


class Place(NamedTuple):
    """A line of a file, counted from 1."""

    file: Path
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake: where it stands, the path of the value in the document, and what is wrong."""

    place: Place
    path: str
    text: str

    def __str__(self) -> str:
        return ": ".join(filter(None, (str(self.place), self.path, self.text)))


class ConfigErrors(Exception):  # noqa: N818 - it stands for many
    """A configuration that cannot be used; `str()` is one line for each mistake, in file order.

    Of very many it shows the first: nobody reads a million lines, and a log is no place for them.
    """

    def __init__(self, problems: Iterable[Problem]) -> None:
        found = sorted(set(problems), key=lambda one: (one.place, _natural(one.path), one.text))
        self.problems = tuple(found)
        super().__init__(self.problems)

    def __str__(self) -> str:
        told = [str(problem) for problem in self.problems[:_MOST_TOLD]]
        rest = len(self.problems) - len(told)
        return "\n".join([*told, *([f"and {rest:,} more mistakes"] if rest else [])])


class Problems:
    """The mistakes found so far. `secrets`: texts that no message may show."""

    def __init__(self) -> None:
        self.secrets: set[str] = set()
        self._found: list[Problem] = []

    def __len__(self) -> int:
        return len(self._found)

    def add(self, place: Place, path: str, text: str) -> None:
        """Note one mistake; secrets in the text are blotted out."""
        for secret in sorted(self.secrets, key=len, reverse=True):
            if len(secret) >= _SHORTEST_REDACTED:
                text = text.replace(secret, "***")
        self._found.append(Problem(place, path, text))

    def extend(self, found: Iterable[Problem]) -> None:
        """Note mistakes found elsewhere."""
        for one in found:
            self.add(one.place, one.path, one.text)

    def raise_if_any(self) -> None:
        """Raise ConfigErrors unless nothing was found."""
        if self._found:
            raise ConfigErrors(self._found)


def _natural(path: str) -> list[str | int]:
    """A key that sorts `probes[10]` after `probes[9]`."""
    return [int(part) if i % 2 else part for i, part in enumerate(_DIGITS.split(path))]


def suggest(word: str, allowed: Collection[str]) -> str:
    """What to write instead of `word`: a near match if there is one, and a few that are allowed."""
    near = _near(word, allowed)
    guess = f"; did you mean {near!r}?" if near else ""
    return guess + (f" (allowed: {name_few(allowed)})" if allowed else " (there are none)")


def _near(word: str, allowed: Collection[str]) -> str | None:
    """The word that is probably meant. Comparing with thousands is slow: there one slip is forgiven."""
    if len(allowed) <= _MOST_COMPARED:
        return next(iter(get_close_matches(word, allowed, n=1)), None)
    return next((one for one in _one_slip(word) if one in allowed), None)


def _one_slip(word: str) -> Iterator[str]:
    """Every word that is one letter more, less, other or swapped away."""
    for i in range(len(word) + 1):
        head, tail = word[:i], word[i:]
        yield head + tail[1:]
        yield head + tail[1:2] + tail[:1] + tail[2:]
        for letter in _ID_LETTERS:
            yield head + letter + tail
            yield head + letter + tail[1:]


def name_few(words: Collection[str], limit: int = 12) -> str:
    """The words, or the first of them and how many more there are."""
    if len(words) <= limit:
        return ", ".join(words)
    return ", ".join(list(words)[:limit]) + f" and {len(words) - limit} more"
