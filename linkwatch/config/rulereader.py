"""Reads the entries of rule and rule-test files; every mistake is noted with its line, none stops it."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import promql_parser

from linkwatch.config.problems import Place, Problems, suggest
from linkwatch.config.yaml_lines import LocatedList, LocatedMap, YAMLError, read_file

_LABEL_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")


class Reader:
    """One file. `where` names the entry that is read (`group "g", rule "r"`) in messages."""

    def __init__(self, path: Path, problems: Problems) -> None:
        self._problems = problems
        self._path = path
        self.where = ""

    def document(self, keys: Collection[str]) -> LocatedMap | None:
        """The file's mapping, None when it cannot be read at all."""
        try:
            tree = read_file(self._path, self.complain)
        except YAMLError as error:
            self.complain(error.place, error.text)
            return None
        if not isinstance(tree, LocatedMap):
            self.complain(Place(self._path, 1), f"not a mapping; allowed keys are {', '.join(keys)}")
            return None
        self.check_keys(tree, keys)
        return tree

    def complain(self, place: Place, text: str) -> None:
        """Note a mistake."""
        self._problems.add(place, self.where, text)

    def check_keys(self, found: LocatedMap, allowed: Collection[str]) -> None:
        """Refuse unknown keys."""
        for key in found:
            if key not in allowed:
                self.complain(found.places[key], f"unknown key {key!r}{suggest(key, allowed)}")

    def entries(self, parent: LocatedMap, key: str) -> Iterator[LocatedMap]:
        """The mappings of a list; a list that is empty or left out has none."""
        for place, entry in self._items(parent, key):
            if isinstance(entry, LocatedMap):
                yield entry
            else:
                self.complain(place, f"an entry of `{key}` is not a mapping")

    def scalars(self, parent: LocatedMap, key: str) -> Iterator[tuple[Place, str]]:
        """The texts of a list, each with its place."""
        for place, entry in self._items(parent, key):
            if isinstance(entry, str):
                yield place, entry
            else:
                self.complain(place, f"an entry of `{key}` is not a text")

    def _items(self, parent: LocatedMap, key: str) -> Iterator[tuple[Place, Any]]:
        listed = parent.get(key)
        if isinstance(listed, LocatedList):
            yield from zip(listed.places, listed, strict=True)
        elif listed is not None:
            self.complain(parent.places[key], f"`{key}` is not a list")

    def text(self, parent: LocatedMap, key: str, default: str = "") -> str:
        """A scalar as written."""
        value = parent.get(key)
        if value is None:
            return default
        if isinstance(value, str):
            return value
        self.complain(parent.places[key], f"`{key}` is not a text")
        return default

    def texts(self, parent: LocatedMap, key: str) -> dict[str, str]:
        """A mapping of label names to texts."""
        found = parent.get(key)
        if found is None:
            return {}
        if not isinstance(found, LocatedMap):
            self.complain(parent.places[key], f"`{key}` is not a mapping of names to texts")
            return {}
        for name in found:
            self._check_label(found, name, key)
        return {name: self.text(found, name) for name in found}

    def _check_label(self, found: LocatedMap, name: str, key: str) -> None:
        if not _LABEL_NAME.fullmatch(name) or name == "__name__":
            place = found.places[name]
            self.complain(place, f"{name!r} in `{key}` is not a label name (letters, digits and _)")

    def milliseconds(self, parent: LocatedMap, key: str, default: int = 0) -> int:
        """A duration as Prometheus writes it."""
        text = self.text(parent, key)
        if not text:
            return default
        try:
            return parse_duration_ms(text)
        except ValueError as error:
            self.complain(parent.places[key], f"`{key}`: {error}")
            return default

    def place(self, parent: LocatedMap, key: str) -> Place:
        """Where a key stands, or the mapping it is missing from."""
        return parent.places.get(key, parent.place)

    def required(self, parent: LocatedMap, key: str) -> str:
        """A scalar that must be there and not be empty."""
        text = self.text(parent, key)
        if not text and not isinstance(parent.get(key), list | dict):
            self.complain(self.place(parent, key), f"`{key}` is missing or empty")
        return text


def parse_duration_ms(text: str) -> int:
    """Milliseconds of `1d12h`, `30s`, `0`; raises ValueError."""
    if text == "0":
        return 0
    wrong = f"{text!r} is not a duration; allowed are such as 30s, 1m30s, 1d12h"
    if text.isdigit():
        raise ValueError(f"{wrong} (a unit is missing)")
    if re.fullmatch(r"0+(?:y|w|d|h|m|s|ms)", text):
        return 0
    try:
        return round(promql_parser.parse_duration(text).total_seconds() * 1000)
    except ValueError:
        raise ValueError(wrong) from None
