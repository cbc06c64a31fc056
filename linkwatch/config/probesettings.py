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
    shape = registry.settings_of(kind)
    hints = {key: hint for key, hint in _hints_of(kind).items() if key not in PACE_KEYS}
    values: dict[str, Any] = {}
    found: list[Found] = []
    for key, raw in given.items():
        if key in hints and raw is not None:
            _read_one(key, raw, hints[key], values, found)
        elif key not in hints and key not in PACE_KEYS and key != DEADLINE:
            found.append(((key,), "unknown key" + suggest(key, allowed_keys(kind))))
    missing = [key for key, hint in hints.items() if hint.needed and given.get(key) is None and not partial]
    found += [((key,), f"is missing (the {kind} probe needs it)") for key in missing]
    if found or partial:
        return None, found
    return _build(shape, hints, values)


def allowed_keys(kind: str) -> list[str]:
    """Every key that an entry of this type may have."""
    return list(dict.fromkeys((*PACE_KEYS, DEADLINE, *sorted(_hints_of(kind)))))


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
    except ValueError as error:
        found.append(((key,), str(error)))


class _Hint(typing.NamedTuple):
    """How one key of a probe entry is read into a field of the settings."""

    field: str
    read: Callable[[Any], Any]
    needed: bool


@cache
def _hints_of(kind: str) -> dict[str, _Hint]:
    shape = registry.settings_of(kind)
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
