"""Reads the sections of a document entry by entry, so that one bad entry hides no other mistake."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from linkwatch.config import fields
from linkwatch.config.problems import Place, Problems, Step, suggest
from linkwatch.config.reading import read
from linkwatch.config.yaml_lines import LocatedList, LocatedMap, find_place

SECTIONS = (
    "scope", "anchors", "organizations", "contacts", "escalations", "sites", "classes", "targets",
    "defaults", "channels", "server", "store", "rules", "language", "instance",
)  # fmt: skip


class Document:
    """The raw document, its problems, and the ids that may be referred to (what -> ids)."""

    def __init__(self, tree: LocatedMap, problems: Problems) -> None:
        self.tree = tree
        self.problems = problems
        self.known: dict[str, Mapping[str, Any]] = {}
        for key in tree:
            if key not in SECTIONS:
                self.complain((key,), "unknown key" + suggest(key, SECTIONS))

    def complain(self, path: Sequence[Step], text: str) -> None:
        """Note that the value at `path` is wrong."""
        self.problems.add(self.place(path), self._written(path), text)

    def value(self, name: str, shape: Any, default: Any) -> Any:
        """A whole section; None when something in it is wrong, `default` when it is left out."""
        return self.read(shape, self.tree[name], (name,)) if name in self.tree else default

    def mapping(self, name: str, shape: Any) -> dict[str, Any]:
        """The entries of a section that is a mapping, by id, without the broken ones."""
        raw = self.raw_mapping(name)
        if name in self.tree and raw is not self.tree[name]:
            self.complain((name,), "must be a mapping of ids to entries")
        keys = {key: self.read(fields.Id, key, (name, key)) for key in raw}
        found = {key: self.read(shape, value, (name, key)) for key, value in raw.items()}
        return {key: entry for key, entry in found.items() if entry is not None and keys[key] is not None}

    def rows(self, name: str, shape: Any) -> dict[int, Any]:
        """The entries of a section that is a list, by index, without the broken ones."""
        raw = self.tree.get(name)
        if raw is not None and not isinstance(raw, LocatedList):
            self.complain((name,), "must be a list of entries")
        found = {i: self.read(shape, value, (name, i)) for i, value in enumerate(self.raw_rows(name))}
        return {i: entry for i, entry in found.items() if entry is not None}

    def raw_mapping(self, name: str) -> Mapping[str, Any]:
        """A section that is a mapping as it was written; empty when it is left out or no mapping."""
        raw = self.tree.get(name)
        return raw if isinstance(raw, LocatedMap) else {}

    def raw_rows(self, name: str) -> Sequence[Any]:
        """A section that is a list as it was written; empty when it is left out or no list."""
        raw = self.tree.get(name)
        return raw if isinstance(raw, LocatedList) else ()

    def read(self, shape: Any, raw: Any, path: tuple[Step, ...]) -> Any:
        """The value at `path` as a `shape`, or None; what is wrong with it is noted."""
        value, found = read(shape, raw, self.known)
        for below, text in found:
            self.complain((*path, *below), text)
        return value

    def place(self, path: Sequence[Step]) -> Place:
        """Where the value at `path` stands."""
        return find_place(self.tree, path)

    def folder(self, path: Sequence[Step]) -> Path:
        """The folder of the file in which the value at `path` stands."""
        return self.place(path).file.parent

    def _written(self, path: Sequence[Step]) -> str:
        """A path as people read it: `targets[link-1].via[0]`; an id from a secret is not shown."""
        text, value = "", self.tree
        for step in path:
            value = _below(value, step)
            name = value.get("id") if isinstance(step, int) and isinstance(value, dict) else None
            text += f"[{name if type(name) is str else step}]" if isinstance(step, int) else f".{step}"
        return text.removeprefix(".")


def _below(value: Any, step: Step) -> Any:
    try:
        return value[step]
    except (KeyError, IndexError, TypeError):
        return None
