"""Entries under `probes` as frozen specs: pace and name of a probe, over the settings of its type."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from linkwatch.config.document import Document
from linkwatch.config.kinds import (
    LONGEST_INTERVAL_S,
    LONGEST_TIMEOUT_S,
    OTHER_PACE,
    PACES,
)
from linkwatch.config.model import ProbeEntry
from linkwatch.config.pingchecks import names_of, ping_faults
from linkwatch.config.probesettings import read_settings
from linkwatch.config.problems import Step, suggest
from linkwatch.config.quantities import spell_duration
from linkwatch.core.inventory import ProbeSpec
from probes import registry

Path = tuple[Step, ...]
_COMMON = frozenset(ProbeEntry.model_fields)
_SHORTEST_TIMEOUT_S = 0.01


def default_spec(kind: str) -> ProbeSpec:
    """A probe of this type as it is when nothing more is said."""
    interval_s = registry.load(kind).DEFAULT_INTERVAL_S
    return ProbeSpec(
        kind, kind, interval_s, PACES.get(kind, OTHER_PACE).timeout_s, registry.settings_of(kind)()
    )


class ProbeReader:
    """Reads probe entries over the file's `defaults`; equal entries share one spec."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._shared: dict[str, ProbeSpec] = {}
        self._by_kind: dict[str, ProbeSpec | None] = {}
        written = document.raw_mapping("defaults")
        self._defaults = {kind: given for kind, given in written.items() if self._is_sound(kind, given)}
        self._broken = written.keys() - self._defaults.keys()

    def read_all(
        self, raw: Any, kinds: tuple[str, ...], path: Path, address: str = ""
    ) -> tuple[ProbeSpec, ...]:
        """The probes of the target at `path`; `kinds` are the types taken when `raw` is left out."""
        if raw is None:
            defaults = [self._default(kind, path) for kind in kinds]
            self._note(path, list(ping_faults(defaults, address)))
            return tuple(filter(None, defaults))
        if not isinstance(raw, list):
            return ()  # already noted by the model
        if not raw:
            self._document.complain((*path, "probes"), "is empty; leave it out for the kind's defaults")
        specs = [self._read(entry, (*path, "probes", i)) for i, entry in enumerate(raw)]
        self._check_names(specs, (*path, "probes"))
        self._note(path, list(ping_faults(specs, address)))
        return tuple(filter(None, specs))

    def _is_sound(self, kind: str, given: Any) -> bool:
        """Whether defaults are good; what is wrong is noted once here, not again at every target."""
        before = len(self._document.problems)
        path: Path = ("defaults", kind)
        if why := _is_missing(kind):
            self._document.complain(path, why)
        elif not isinstance(given, dict) or "type" in given or "name" in given:
            self._document.complain(path, "must be a mapping of settings, without type and name")
        else:
            self._document.read(ProbeEntry, {"type": kind, **_common(given)}, path)
            self._note(path, read_settings(kind, given, partial=True)[1])
        return len(self._document.problems) == before

    def _check_names(self, specs: list[ProbeSpec | None], path: Path) -> None:
        seen: dict[str, ProbeSpec] = {}
        for i, spec in enumerate(specs):
            if spec is None:
                continue
            for name in names_of(spec):
                if name in seen:
                    self._document.complain((*path, i), f"a second probe named {name!r}; give it a name")
                seen[name] = spec

    def _default(self, kind: str, path: Path) -> ProbeSpec | None:
        """The probe of a target that names none; what is wrong with it is noted at the first target."""
        if kind not in self._by_kind:
            self._by_kind[kind] = self._build({"type": kind}, path)
        return self._by_kind[kind]

    def _read(self, raw: Any, path: Path) -> ProbeSpec | None:
        key = f"{self._document.folder(path)}: {raw!r}"
        if key not in self._shared:
            before = len(self._document.problems)
            spec = self._build(raw, path)
            if spec is None or len(self._document.problems) > before:
                return spec
            self._shared[key] = spec
        return self._shared[key]

    def _build(self, raw: Any, path: Path) -> ProbeSpec | None:
        if not isinstance(raw, dict):
            self._document.complain(path, "must be a mapping such as {type: icmp, interval: 1s}")
            return None
        kind = raw.get("type")
        defaults = self._defaults.get(kind, {}) if isinstance(kind, str) else {}
        given = {**self._beside(defaults, ("defaults", str(kind))), **self._beside(raw, path)}
        entry = self._document.read(ProbeEntry, _common(given), path)
        if not isinstance(kind, str):
            return None
        if why := _is_missing(kind):
            self._document.complain((*path, "type"), why)
            return None
        if entry is None:
            given.pop("timeout", None)  # noted already, if it is wrong
        settings, found = read_settings(kind, given, partial=kind in self._broken)
        self._note(path, found)
        return self._spec(entry, settings, path) if entry is not None else None

    def _beside(self, given: Mapping[str, Any], path: Path) -> dict[str, Any]:
        """Files that a probe reads lie beside the inventory, wherever a command runs."""
        return {key: self._placed(key, raw, (*path, key)) for key, raw in given.items()}

    def _placed(self, key: str, raw: Any, path: Path) -> Any:
        if isinstance(raw, list):
            return [
                self._beside(entry, (*path, i)) if isinstance(entry, dict) else entry
                for i, entry in enumerate(raw)
            ]
        return str(self._document.folder(path) / raw) if _is_file(key, raw) else raw

    def _spec(self, entry: ProbeEntry, settings: Any, path: Path) -> ProbeSpec | None:
        pace = PACES.get(entry.type, OTHER_PACE)
        default_s = registry.load(entry.type).DEFAULT_INTERVAL_S
        interval_s = default_s if entry.interval is None else entry.interval
        # Pings may overlap, several in flight; any other probe that still runs when due again is skipped.
        longest_s = LONGEST_TIMEOUT_S if entry.type == "icmp" else min(LONGEST_TIMEOUT_S, interval_s)
        least_s = getattr(settings, "shortest_timeout_s", _SHORTEST_TIMEOUT_S)  # some look for a set time
        usual_s = max(pace.timeout_s, least_s)
        timeout_s = min(usual_s, longest_s) if entry.timeout is None else entry.timeout
        shortest_s = max(pace.shortest_s, least_s)
        if not shortest_s <= interval_s <= LONGEST_INTERVAL_S:
            self._out_of_bounds((*path, "interval"), interval_s, shortest_s, LONGEST_INTERVAL_S)
        elif not least_s <= timeout_s <= longest_s:
            self._out_of_bounds((*path, "timeout"), timeout_s, least_s, longest_s)
        if settings is None:
            return None
        return ProbeSpec(entry.name or entry.type, entry.type, interval_s, timeout_s, settings)

    def _out_of_bounds(self, path: Path, value_s: float, shortest_s: float, longest_s: float) -> None:
        bounds = f"{spell_duration(shortest_s)} to {spell_duration(longest_s)}"
        self._document.complain(path, f"{spell_duration(value_s)} is out of bounds (allowed: {bounds})")

    def _note(self, path: Path, found: list[tuple[Path, str]]) -> None:
        for below, text in found:
            self._document.complain((*path, *below), text)


def _is_file(key: str, raw: Any) -> bool:
    return key.endswith("_file") and isinstance(raw, str) and raw != ""


def _common(raw: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in raw.items() if key in _COMMON}


def _is_missing(kind: str) -> str:
    """Why there is no probe of this type, or nothing."""
    if kind not in registry.kinds():
        return "there is no such probe" + suggest(kind, registry.kinds())
    try:
        registry.load_sampling(kind)
    except registry.UnknownProbe as error:
        return str(error)
    return ""
