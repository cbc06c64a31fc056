"""Everything that is wrong with a configuration, collected so that all of it is told at once."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import islice
from pathlib import Path
from typing import NamedTuple

Step = str | int
"""One step into a document: a key of a mapping or an index of a list."""

_MOST_COMPARED = 200
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
    """A configuration that cannot be used; `str()` is one line for each mistake, in file order."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(set(problems), key=lambda one: (one.place, one.path, one.text)))
        super().__init__(self.problems)

    def __str__(self) -> str:
        return "\n".join(map(str, self.problems))


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


def suggest(word: str, allowed: Collection[str]) -> str:
    """What to write instead of `word`: a near match if there is one, and a few that are allowed."""
    near = get_close_matches(word, _alike(word, allowed), n=1)
    guess = f"; did you mean {near[0]!r}?" if near else ""
    return guess + (f" (allowed: {_few(allowed)})" if allowed else " (there are none)")


def _alike(word: str, allowed: Collection[str]) -> Collection[str]:
    """The words worth comparing: of thousands only those that begin alike, since comparing is slow."""
    if len(allowed) <= _MOST_COMPARED:
        return allowed
    return list(islice((one for one in allowed if one[:3] == word[:3]), _MOST_COMPARED))


def _few(words: Collection[str], limit: int = 12) -> str:
    if len(words) <= limit:
        return ", ".join(words)
    return ", ".join(list(words)[:limit]) + f" and {len(words) - limit} more"
