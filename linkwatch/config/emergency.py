"""What an emergency depends on: targets that are emergency targets though nobody wrote it."""

from __future__ import annotations

from collections.abc import Mapping

from linkwatch.config.model import TargetEntry


def emergency_ids(entries: Mapping[str, TargetEntry]) -> frozenset[str]:
    """Ids of all emergency targets: those written, and every upstream that is the only way to one.

    Its outage is the outage of the emergency target, so it is judged as fast. `emergency: false` in an
    entry is the last word on that target, not on those further up.
    """
    needed: set[str] = set()
    for entry in entries.values():
        at: TargetEntry | None = entry if entry.emergency else None
        while at is not None and at.id not in needed:
            needed.add(at.id)
            at = entries.get(at.via[0]) if len(at.via) == 1 else None
    return frozenset(name for name in needed if entries[name].emergency is not False)
