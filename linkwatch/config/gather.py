"""One file, or a folder of *.yml, as one document in which every value knows its own line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from linkwatch.config.problems import ConfigErrors, Place, Problem, Problems
from linkwatch.config.yaml_lines import LocatedList, LocatedMap, YAMLError, read_file

SUFFIXES = (".yml", ".yaml")
PRIVATE_PREFIX = "x-"
"""Top-level keys that begin so are ignored: a place for YAML anchors."""


def gather(path: Path, problems: Problems) -> tuple[LocatedMap, tuple[Path, ...]]:
    """The document and the files it came from. A file that cannot be read raises ConfigErrors.

    Files of a folder are taken in the order of their names: lists are joined in that order, mappings
    are united, and a value or an entry that stands in two files is a problem that names both.
    """
    files = _files(path)
    merged = LocatedMap(Place(files[0], 1))
    broken = []
    for file in files:
        try:
            _unite(merged, _read(file, problems), problems, "")
        except YAMLError as error:
            broken.append(Problem(error.place, "", error.text))
    if broken:
        problems.extend(broken)
        problems.raise_if_any()
    return merged, files


def _files(path: Path) -> tuple[Path, ...]:
    if not path.is_dir():
        return (path,)
    try:
        found = sorted(file for file in path.iterdir() if file.suffix in SUFFIXES and not file.is_dir())
    except OSError as error:
        raise ConfigErrors([Problem(Place(path, 1), "", f"cannot be read: {error.strerror}")]) from None
    if not found:
        raise ConfigErrors([Problem(Place(path, 1), "", "holds no *.yml file")])
    return tuple(found)


def _read(file: Path, problems: Problems) -> LocatedMap:
    document = read_file(file, lambda place, text: problems.add(place, "", text))
    if not isinstance(document, LocatedMap):
        raise YAMLError(Place(file, 1), "must be a mapping with sections such as targets, sites, contacts")
    return document


def _unite(into: LocatedMap, other: LocatedMap, problems: Problems, path: str) -> None:
    for key, value in other.items():
        place = other.places[key]
        if value is None or (not path and key.startswith(PRIVATE_PREFIX)):
            continue
        if key not in into:
            into.put(key, _copy(value), place)
        elif not path and isinstance(value, LocatedMap) and isinstance(into[key], LocatedMap):
            _unite(into[key], value, problems, f"{key}.")
        elif isinstance(value, LocatedList) and isinstance(into[key], LocatedList) and not path:
            _append(into[key], value)
        else:
            problems.add(place, path + key, f"is there twice (first in {into.places[key]})")


def _append(into: LocatedList, other: LocatedList) -> None:
    for value, place in zip(other, other.places, strict=True):
        into.put(value, place)


def _copy(value: Any) -> Any:
    """A section that can be added to: an alias may stand in two places."""
    if isinstance(value, LocatedMap):
        fresh = LocatedMap(value.place)
        for key, entry in value.items():
            fresh.put(key, entry, value.places[key])
        return fresh
    if isinstance(value, LocatedList):
        joined = LocatedList(value.place)
        _append(joined, value)
        return joined
    return value
