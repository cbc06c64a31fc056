"""Keys of a probe entry as the settings dataclass of its probe type.

A field `timeout_s` is written `timeout: 3s`; lists, mappings and scalars follow the field's type.
"""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from linkwatch.config import quantities
from linkwatch.config.problems import Step, suggest
from linkwatch.config.secrets import Secret
from probes import registry

PACE_KEYS = ("type", "name", "interval")
"""Keys of every probe entry, never settings."""

DEADLINE = "timeout"
"""A key of every probe entry, and a setting too where the probe has one."""

Found = tuple[tuple[Step, ...], str]
"""Where, below the entry, and what is wrong."""

_SCALARS: Mapping[type, Callable[[str], Any]] = {
    str: str,
    int: quantities.integer,
    float: quantities.number,
    bool: quantities.flag,
}


def read_settings(kind: str, given: Mapping[str, Any], *, partial: bool = False) -> tuple[Any, list[Found]]:
    """The settings of a probe of type `kind`, or None and what is wrong.

    `partial`: only the keys are checked, since more will be given elsewhere.
    """
    shape: type = registry.settings_of(kind)
    hints = {key: hint for key, hint in _hints_of(shape).items() if key not in PACE_KEYS}
    own = {key: raw for key, raw in given.items() if key in hints or key not in (*PACE_KEYS, DEADLINE)}
    values, found = _read_keys(own, hints, allowed_keys(kind))
    if not partial:
        found += _missing(own, hints, f"the {kind} probe")
    return (None, found) if found or partial else _build(shape, hints, values)


def allowed_keys(kind: str) -> list[str]:
    """Every key that an entry of this type may have."""
    shape: type = registry.settings_of(kind)
    return list(dict.fromkeys((*PACE_KEYS, DEADLINE, *sorted(_hints_of(shape)))))


def _read_keys(
    given: Mapping[str, Any], hints: Mapping[str, _Hint], allowed: list[str]
) -> tuple[dict[str, Any], list[Found]]:
    values: dict[str, Any] = {}
    found: list[Found] = []
    for key, raw in given.items():
        if key not in hints:
            found.append(((key,), "unknown key" + suggest(key, allowed)))
        elif raw is not None:
            _read_one(key, raw, hints[key], values, found)
    return values, found


def _missing(given: Mapping[str, Any], hints: Mapping[str, _Hint], whose: str) -> list[Found]:
    missing = [key for key, hint in hints.items() if hint.needed and given.get(key) is None]
    return [((key,), f"is missing ({whose} needs it)") for key in missing]


def _build(shape: type, hints: Mapping[str, _Hint], values: Mapping[str, Any]) -> tuple[Any, list[Found]]:
    try:
        return shape(**values), []
    except ValueError as error:
        text = _without_secrets(str(error), shape, values)
        key, _, rest = text.partition(": ")
        return None, [((key,), rest) if rest and key in hints else ((), text)]


def _read_one(key: str, raw: Any, hint: _Hint, values: dict[str, Any], found: list[Found]) -> None:
    try:
        values[hint.field] = hint.read(raw)
    except _EntriesError as error:
        found += [((key, *below), text) for below, text in error.found]
    except ValueError as error:
        found.append(((key,), str(error)))


class _EntriesError(ValueError):
    """What is wrong within the entries of a list."""

    def __init__(self, found: list[Found]) -> None:
        super().__init__("entries are wrong")
        self.found = found


class _Hint(typing.NamedTuple):
    """How one key of a probe entry is read into a field of the settings."""

    field: str
    read: Callable[[Any], Any]
    needed: bool


@cache
def _hints_of(shape: type) -> dict[str, _Hint]:
    types_by_name = typing.get_type_hints(shape)
    hints = {}
    for field in dataclasses.fields(shape):
        is_duration = field.name.endswith("_s")
        read = _reader(types_by_name[field.name], is_duration, bool(field.metadata.get("secret")))
        needed = field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
        hints[field.name.removesuffix("_s") if is_duration else field.name] = _Hint(field.name, read, needed)
    return hints


def _reader(annotation: Any, is_duration: bool, is_secret: bool) -> Callable[[Any], Any]:
    """How a value of this type is read; messages about a secret one never quote it."""
    origin, inner = typing.get_origin(annotation), typing.get_args(annotation)
    if origin in (typing.Union, types.UnionType):
        return _reader(next(one for one in inner if one is not type(None)), is_duration, is_secret)
    if origin is tuple and dataclasses.is_dataclass(inner[0]):
        return _entries_reader(inner[0])
    if origin is tuple:
        return _list_reader(_reader(inner[0], is_duration, is_secret))
    if origin is not None and issubclass(origin, Mapping):
        return _mapping_reader(_reader(inner[1], is_duration, is_secret))
    read = quantities.duration if is_duration else _SCALARS[annotation]

    def read_scalar(raw: Any) -> Any:
        if not isinstance(raw, str):
            raise ValueError("must be one value, not a list or a mapping")
        return read(Secret(raw) if is_secret else raw)

    return read_scalar


def _list_reader(read: Callable[[Any], Any]) -> Callable[[Any], tuple[Any, ...]]:
    return lambda raw: tuple(map(read, raw if isinstance(raw, list) else [raw]))


def _entries_reader(shape: Any) -> Callable[[Any], tuple[Any, ...]]:
    def read_entries(raw: Any) -> tuple[Any, ...]:
        if not isinstance(raw, list):
            raise ValueError("must be a list of entries")
        entries, found = [], []
        for i, given in enumerate(raw):
            entry, wrong = _read_entry(shape, given)
            entries.append(entry)
            found += [((i, *below), text) for below, text in wrong]
        if found:
            raise _EntriesError(found)
        return tuple(entries)

    return read_entries


def _read_entry(shape: type, given: Any) -> tuple[Any, list[Found]]:
    if not isinstance(given, dict):
        return None, [((), "must be a mapping")]
    hints = _hints_of(shape)
    values, found = _read_keys(given, hints, list(hints))
    found += _missing(given, hints, f"every {shape.__name__.lower()}")
    return (None, found) if found else _build(shape, hints, values)


def _mapping_reader(read: Callable[[Any], Any]) -> Callable[[Any], dict[str, Any]]:
    def read_mapping(raw: Any) -> dict[str, Any]:
        if not isinstance(raw, dict):
            raise ValueError("must be a mapping")
        return {key: read(value) for key, value in raw.items()}

    return read_mapping


def _without_secrets(text: str, shape: type, values: Mapping[str, Any]) -> str:
    for field in dataclasses.fields(shape):
        value = values.get(field.name, "") if field.metadata.get("secret") else ""
        for secret in value.values() if isinstance(value, dict) else [value]:
            text = text.replace(str(secret), "***") if secret else text
    return text
