"""YAML as plain lists, mappings and texts that remember their lines.

Every scalar stays the text that was written: what it means is decided by the field it stands in. So
the traps of YAML 1.1 (`no` and `on` as booleans, `012` as ten, `1:30` as ninety) do not exist here.
An empty value or `~` is None. Anchors, aliases and merge keys work; tags, duplicate keys and
documents that grow without bound through aliases are refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml
from yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
)

from linkwatch.config.problems import Place, Step

_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
_DEEPEST = 40
LARGEST_BYTES = 64_000_000
_FREE_GROWTH, _MOST_GROWTH = 100_000, 20
_KNOWN_TAGS = frozenset(
    {None, "!", "tag:yaml.org,2002:str", "tag:yaml.org,2002:map", "tag:yaml.org,2002:seq"}
)

Complain = Callable[[Place, str], None]
"""Told of a mistake that does not stop the reading."""


class YAMLError(ValueError):
    """A file that cannot be read as one document of lists, mappings and texts."""

    def __init__(self, place: Place, text: str) -> None:
        super().__init__(f"{place}: {text}")
        self.place = place
        self.text = text


class LocatedMap(dict[str, Any]):
    """A mapping; `place` is where it starts, `places` where each key stands, `size` counts all below."""

    __slots__ = ("place", "places", "size")

    def __init__(self, place: Place) -> None:
        super().__init__()
        self.place = place
        self.places: dict[str, Place] = {}
        self.size = 1

    def place_of(self, key: Any) -> Place | None:
        """Where an entry stands, if it exists."""
        return self.places.get(key)

    def put(self, key: str, value: Any, place: Place) -> None:
        """Set one entry together with its line."""
        self[key] = value
        self.places[key] = place
        self.size += 1 + _size(value)


class LocatedList(list[Any]):
    """A list; `place` is where it starts, `places` where each item stands, `size` counts all below."""

    __slots__ = ("place", "places", "size")

    def __init__(self, place: Place) -> None:
        super().__init__()
        self.place = place
        self.places: list[Place] = []
        self.size = 1

    def place_of(self, index: Any) -> Place | None:
        """Where an item stands, if it exists."""
        return self.places[index] if isinstance(index, int) and index < len(self) else None

    def put(self, value: Any, place: Place) -> None:
        """Append one item together with its line."""
        self.append(value)
        self.places.append(place)
        self.size += _size(value)


def find_place(tree: LocatedMap | LocatedList, path: Sequence[Step]) -> Place:
    """Where the value at `path` stands, or the nearest container that does exist."""
    found, value = tree.place, tree
    for step in path:
        place = value.place_of(step) if isinstance(value, LocatedMap | LocatedList) else None
        if place is None:
            break
        found, value = place, value[step]  # type: ignore[index]
    return found


def read_file(path: Path, complain: Complain) -> Any:
    """The document in a file; raises YAMLError when the rest cannot be read."""
    raw = _read_bytes(path)
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise YAMLError(Place(path, line), "is not UTF-8 text; save the file as UTF-8") from None
    return read_text(text, path, complain)


def _read_bytes(path: Path) -> bytes:
    try:
        # Opening a pipe that nobody writes to would wait for ever.
        if path.exists() and not path.is_file():
            raise YAMLError(Place(path, 1), "is not a plain file; a pipe or a device cannot be read again")
        size = path.stat().st_size
        if size > LARGEST_BYTES:
            raise YAMLError(Place(path, 1), f"is too large: {size:,} bytes (allowed: {LARGEST_BYTES:,})")
        return path.read_bytes()
    except OSError as error:
        raise YAMLError(Place(path, 1), f"cannot be read: {error.strerror}") from None


def read_text(text: str, path: Path, complain: Complain) -> Any:
    """The document in a text that came from `path`; raises YAMLError when the rest cannot be read."""
    try:
        return _Builder(text, path, complain).document()
    except yaml.YAMLError as error:
        raise _explain(error, text, path) from None


class _Builder:
    """Builds the document from parser events; anchors are known once their value is complete."""

    def __init__(self, text: str, path: Path, complain: Complain) -> None:
        self._events: Iterator[Event] = yaml.parse(text, Loader=yaml.CSafeLoader)
        self._path = path
        self._complain = complain
        self._anchors: dict[str, Any] = {}
        self._written = 0
        self._grown = 0

    def document(self) -> Any:
        next(self._events)  # stream start
        event = next(self._events)
        if not isinstance(event, DocumentStartEvent):
            raise YAMLError(Place(self._path, 1), "is empty")
        value = self._value(next(self._events), 0)
        next(self._events)  # document end
        rest = next(self._events)
        if isinstance(rest, DocumentStartEvent):
            raise self._error(rest, "holds a second document; write one document in a file")
        return value

    def _value(self, event: Event, depth: int) -> Any:
        if isinstance(event, ScalarEvent):
            return self._keep(event, self._scalar(event))
        if isinstance(event, AliasEvent):
            return self._alias(event)
        if depth > _DEEPEST:
            raise self._error(event, f"is nested too deeply (allowed: {_DEEPEST} levels)")
        if isinstance(event, MappingStartEvent):
            return self._keep(event, self._mapping(event, depth))
        return self._keep(event, self._sequence(event, depth))

    def _scalar(self, event: ScalarEvent) -> str | None:
        self._written += 1
        if event.implicit[0] and event.value in _NULLS:
            return None
        return str(event.value)

    def _mapping(self, event: Event, depth: int) -> LocatedMap:
        self._written += 1
        found = LocatedMap(self._place(event))
        merged: list[LocatedMap] = []
        while not isinstance(key := next(self._events), MappingEndEvent):
            if not isinstance(key, ScalarEvent):
                raise self._error(key, "a key must be text, not an alias, a list or a mapping")
            if key.value == "<<" and key.implicit[0]:
                merged += self._merges(next(self._events), depth)
                continue
            self._put(found, key, self._value(next(self._events), depth + 1))
        for base in merged:
            for name, value in base.items():
                if name not in found:
                    found.put(name, value, base.places[name])
        return found

    def _put(self, found: LocatedMap, key: ScalarEvent, value: Any) -> None:
        place = self._place(key)
        if key.value in found:
            first = found.places[key.value].line
            self._complain(place, f"the key {key.value!r} is there twice (first on line {first})")
            return
        found.put(key.value, value, place)

    def _merges(self, event: Event, depth: int) -> list[LocatedMap]:
        value = self._value(event, depth + 1)
        bases = value if isinstance(value, LocatedList) else [value]
        if not all(isinstance(base, LocatedMap) for base in bases):
            raise self._error(event, "'<<' merges mappings only: write <<: *name, the anchor of a mapping")
        return list(bases)

    def _sequence(self, event: Event, depth: int) -> LocatedList:
        self._written += 1
        found = LocatedList(self._place(event))
        while not isinstance(item := next(self._events), SequenceEndEvent):
            found.put(self._value(item, depth + 1), self._place(item))
        return found

    def _keep(self, event: Any, value: Any) -> Any:
        if event.tag not in _KNOWN_TAGS:
            self._complain(self._place(event), "YAML tags are not supported here; write a plain value")
        if event.anchor is not None:
            self._anchors[event.anchor] = value
        return value

    def _alias(self, event: AliasEvent) -> Any:
        # The name is not quoted: an unquoted password may begin with an asterisk.
        if event.anchor not in self._anchors:
            raise self._error(
                event, "'*' refers to an anchor that is not defined above; is it missing its quotes?"
            )
        value = self._anchors[event.anchor]
        self._grown += _size(value)
        if self._grown > max(_FREE_GROWTH, _MOST_GROWTH * self._written):
            raise self._error(event, "aliases make this document grow too large; write the values out")
        return value

    def _place(self, event: Event) -> Place:
        mark = event.start_mark
        return Place(self._path, mark.line + 1 if mark is not None else 1)

    def _error(self, event: Event, text: str) -> YAMLError:
        return YAMLError(self._place(event), text)


def _size(value: Any) -> int:
    return value.size if isinstance(value, LocatedMap | LocatedList) else 1


def _explain(error: yaml.YAMLError, text: str, path: Path) -> YAMLError:
    """What a parser error means to the writer of the file, without quoting what stands there."""
    mark = getattr(error, "problem_mark", None)
    line = mark.line + 1 if mark is not None else text.count("\n", 0, _position(error, text)) + 1
    problem = str(getattr(error, "problem", None) or "holds a control character")
    lines = text.splitlines()
    if "\t" in (lines[line - 1] if line <= len(lines) else "") and "cannot start" in problem:
        problem = "a tab is used to indent; YAML allows only spaces"
    elif "cannot start any token" in problem:
        problem = "a text that begins with @, ` or % is missing its quotes"
    elif "did not find expected" in problem and ("'-' indicator" in problem or "key" in problem):
        problem += "; does the line begin in the column of those beside it?"
    elif "mapping values are not allowed" in problem:
        problem = "a ': ' stands where no key can be; is a text with a colon missing its quotes?"
    return YAMLError(Place(path, line), f"not valid YAML: {problem}")


def _position(error: yaml.YAMLError, text: str) -> int:
    """Where a reader that found a forbidden character stopped; it counts bytes of UTF-8."""
    stopped = getattr(error, "position", 0)
    return len(text.encode()[:stopped].decode(errors="ignore"))
