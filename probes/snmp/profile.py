"""A vendor's profile: what its devices say beyond their interfaces. profiles/*.yml, read once, checked whole.

A profile names the sysObjectIDs that it is for (`match`: the longest prefix wins), other profiles that it
takes in (`include`), and its items (see item.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from functools import lru_cache
from importlib.resources import files
from typing import Any

import yaml

from probes.snmp.item import Item, is_oid

GENERIC = "generic"
"""The profile of a device that no other one is for."""


@dataclass(frozen=True, slots=True)
class Profile:
    """A vendor's items, those of the included profiles last."""

    name: str
    vendor: str
    match: tuple[str, ...]
    items: tuple[Item, ...]


class BrokenProfile(ValueError):  # noqa: N818 - reads as what it is
    """A profile that says something impossible: `FILE: where: what is allowed`."""


def choose_profile(object_id: str, name: str = "") -> Profile:
    """The profile of that name, else the one whose prefix of `object_id` is the longest, else GENERIC."""
    profiles = load_profiles()
    if name:
        return profiles[name]
    prefixes = {prefix: profile for profile in profiles.values() for prefix in profile.match}
    parts = object_id.strip(".").split(".")
    for length in range(len(parts), 0, -1):
        if (found := prefixes.get(".".join(parts[:length]))) is not None:
            return found
    return profiles[GENERIC]


@lru_cache(maxsize=1)
def load_profiles() -> Mapping[str, Profile]:
    """The shipped profiles by name; raises BrokenProfile."""
    folder = files("probes.snmp") / "profiles"
    texts = {file.name: file.read_text("utf-8") for file in folder.iterdir() if file.name.endswith(".yml")}
    return read_profiles(texts)


def read_profiles(texts: Mapping[str, str]) -> Mapping[str, Profile]:
    """Profiles from the texts of files by file name; raises BrokenProfile."""
    bodies = {file.removesuffix(".yml"): _read_body(file, text) for file, text in sorted(texts.items())}
    profiles = {name: _profile(name, bodies) for name in bodies}
    _require_one_owner(profiles.values())
    return profiles


_KEYS = {"vendor", "match", "include", "items"}


def _read_body(file: str, text: str) -> dict[str, Any]:
    try:
        body = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise BrokenProfile(f"{file}: not valid YAML: {error}") from None
    if not isinstance(body, dict) or not body.keys() <= _KEYS or "vendor" not in body:
        raise BrokenProfile(f"{file}: must have vendor, and beside it only {', '.join(sorted(_KEYS))}")
    for key in ("match", "include", "items"):
        if not isinstance(body.get(key, []), list):
            raise BrokenProfile(f"{file}: {key}: must be a list")
    for prefix in body.get("match", []):
        if not is_oid(prefix):
            raise BrokenProfile(f"{file}: match: must be OIDs such as 1.3.6.1.4.1.9")
    return body


def _profile(name: str, bodies: Mapping[str, dict[str, Any]]) -> Profile:
    body = bodies[name]
    items = tuple(_items(name, body))
    for other in body.get("include", []):
        if other not in bodies or "include" in bodies[other]:
            raise BrokenProfile(f"{name}.yml: include: {other!r} must be a profile without include")
        items += tuple(_items(other, bodies[other]))
    return Profile(name, body["vendor"], tuple(body.get("match", [])), items)


def _items(name: str, body: Mapping[str, Any]) -> Iterator[Item]:
    known = {entry.name for entry in fields(Item)}
    for number, given in enumerate(body.get("items", []), 1):
        where = f"{name}.yml: item {number}"
        if not isinstance(given, dict) or not given.keys() <= known:
            raise BrokenProfile(f"{where}: must have only {', '.join(sorted(known))}")
        try:
            yield Item(**{key: _plain(value) for key, value in given.items()})
        except (TypeError, ValueError) as error:
            raise BrokenProfile(f"{where}: {error}") from None


def _plain(value: Any) -> Any:
    """Lists as tuples of texts, in which values of an agent are compared."""
    if isinstance(value, list):
        return tuple(map(str, value))
    return {key: _plain(inner) for key, inner in value.items()} if isinstance(value, dict) else value


def _require_one_owner(profiles: Iterable[Profile]) -> None:
    owners: dict[str, str] = {}
    for profile in profiles:
        for prefix in profile.match:
            if owners.setdefault(prefix, profile.name) != profile.name:
                raise BrokenProfile(f"{profile.name}.yml: match: {prefix} belongs to {owners[prefix]}.yml")
