"""One sample on the command line: settings from options, and a sample as JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, fields, is_dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, get_args, get_origin, get_type_hints

from probes import registry
from probes.sample import Sample

DEFAULT_DEADLINE_S = 10.0

_UNITS_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_SWITCH = {"yes": True, "true": True, "on": True, "no": False, "false": False, "off": False}


@dataclass(frozen=True, slots=True)
class Option:
    """One setting as a command-line option. `default` is text for people, empty for a secret."""

    field: str
    flag: str
    help: str
    default: str
    repeatable: bool


def options_of(kind: str) -> tuple[Option, ...]:
    """The options of a kind, from the fields of its settings; raises registry.UnknownProbe."""
    settings = registry.settings_of(kind)
    hints = get_type_hints(settings)
    return tuple(_option(entry, hints[entry.name]) for entry in fields(settings))


def settings_from_options(kind: str, options: Mapping[str, str | Sequence[str]]) -> Any:
    """Settings of a kind from texts by field name.

    Durations are written `3s` or `500ms`, switches `yes` or `no`, lists with commas or as a sequence,
    mappings as `NAME=VALUE`, entries of their own as JSON objects. Raises ValueError
    (registry.UnknownProbe is one) with what is allowed.
    """
    settings = registry.settings_of(kind)
    hints = get_type_hints(settings)
    for name in options:
        if name not in hints:
            raise ValueError(f"unknown option {name!r}; there are {', '.join(hints)}")
    return settings(**{name: _parse(name, hints[name], value) for name, value in options.items()})


def parse_duration(text: str) -> float:
    """Seconds of `3s`, `500ms`, `1m`, `2h`, or of a bare number; raises ValueError."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)(ms|s|m|h)?", text.strip())
    if match is None:
        raise ValueError(f"not a duration such as 3s or 500ms: {text!r}")
    return float(match[1]) * _UNITS_S[match[2] or "s"]


def deadline_for(settings: Any, text: str | None) -> float:
    """Seconds until a probe gives up: as written, else the default, or longer where it looks for a set time.

    Raises ValueError.
    """
    least_s = getattr(settings, "shortest_timeout_s", 0.0)
    if text is None:
        return max(DEFAULT_DEADLINE_S, least_s)
    deadline_s = parse_duration(text)
    if deadline_s < least_s:
        raise ValueError(f"deadline: {text} is too short for these settings (at least {least_s:g}s)")
    return deadline_s


def sample_to_json(sample: Sample, more: Mapping[str, Any] = MappingProxyType({})) -> str:
    """A sample as JSON for people and machines, with what an inspection found beside it."""
    at = datetime.fromtimestamp(sample.at, UTC).isoformat(timespec="milliseconds")
    values = [
        {"metric": metric, "labels": dict(labels), "value": value}
        for (metric, labels), value in sample.values.items()
    ]
    shown = {
        "ok": sample.ok,
        "reason": sample.reason,
        "detail": sample.detail,
        "at": at,
        "duration_s": round(sample.duration_s, 6),
        "facts": dict(sample.facts),
        "values": values,
        **more,
    }
    return json.dumps(shown, ensure_ascii=False, indent=2)


def _option(entry: Any, hint: Any) -> Option:
    name = entry.name.removesuffix("_s") if hint is float else entry.name
    is_shown = not entry.metadata.get("secret") and entry.default not in (MISSING, "", ())
    is_shown = is_shown and not _has_entries(hint)
    default = _default_text(entry.name, entry.default) if is_shown else ""
    repeatable = hint not in (str, int, float, bool)
    return Option(
        entry.name, f"--{name.replace('_', '-')}", entry.metadata.get("help", ""), default, repeatable
    )


def _default_text(name: str, value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return ",".join(value)
    return f"{value:g}s" if isinstance(value, float) and name.endswith("_s") else str(value)


def _parse(name: str, hint: Any, value: str | Sequence[str]) -> Any:
    texts = [value] if isinstance(value, str) else list(value)
    if _has_entries(hint):
        return tuple(_parse_entry(name, get_args(hint)[0], text) for text in texts)
    if get_origin(hint) is tuple:
        parts = (part.strip() for text in texts for part in text.split(",") if part.strip())
        return tuple(_parse_one(name, get_args(hint)[0], part) for part in parts)
    if get_origin(hint) is not None:
        return dict(_pair(name, text) for text in texts)
    return _parse_one(name, hint, texts[-1])


def _parse_one(name: str, hint: Any, text: str) -> Any:
    try:
        return _parse_scalar(name, hint, text)
    except (ValueError, KeyError):
        raise ValueError(f"{name}: not {_WANTED.get(hint, 'a text')}: {text!r}") from None


def _has_entries(hint: Any) -> bool:
    return get_origin(hint) is tuple and is_dataclass(get_args(hint)[0])


def _parse_entry(name: str, shape: Any, text: str) -> Any:
    """An entry written as JSON; no message quotes it, for it may hold secrets."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        raise ValueError(f"{name}: not a JSON object")
    hints = get_type_hints(shape)
    unknown = [key for key in document if key not in hints]
    if unknown:
        raise ValueError(f"{name}: unknown key {unknown[0]!r}; there are {', '.join(hints)}")
    missing = [each.name for each in fields(shape) if _is_needed(each) and each.name not in document]
    if missing:
        raise ValueError(f"{name}: {missing[0]} is missing")
    return shape(**{key: _parse_json(key, hints[key], value) for key, value in document.items()})


def _is_needed(entry: Any) -> bool:
    return entry.default is MISSING and entry.default_factory is MISSING


def _parse_json(name: str, hint: Any, value: Any) -> Any:
    if get_origin(hint) is tuple:
        return tuple(map(_as_text, value if isinstance(value, list) else [value]))
    if get_origin(hint) is None:
        return _parse(name, hint, _as_text(value))
    if not isinstance(value, dict):
        raise ValueError(f"{name}: not an object")
    return {key: _as_text(inner) for key, inner in value.items()}


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


_WANTED = {int: "a whole number", float: "a number, or a duration such as 3s", bool: "yes or no"}


def _parse_scalar(name: str, hint: Any, text: str) -> Any:
    if hint is bool:
        return _SWITCH[text.lower()]
    if hint is float and name.endswith("_s"):
        return parse_duration(text)
    return hint(text)


def _pair(name: str, text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals or not key.strip():
        raise ValueError(f"{name}: not NAME=VALUE")  # the text may be a secret
    return key.strip(), value
