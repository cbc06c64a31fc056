"""What an escalation may match: labels of incidents, and values that can occur."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

from linkwatch.config.problems import suggest
from linkwatch.config.secrets import quote
from linkwatch.core.inventory import Kind

MATCH_LABELS = ("severity", "owner", "kind", "site", "emergency", "alertname", "fault_owner")

_VALUES: Mapping[str, tuple[str, ...]] = {
    "severity": ("critical", "warning", "info", "none"),
    "kind": tuple(kind.value for kind in Kind),
    "emergency": ("true", "false"),
}
_REFERS_TO = {"owner": "organization", "fault_owner": "organization", "site": "site"}


def check_match(label: str, value: str, known: Mapping[str, Collection[str]]) -> None:
    """Raise ValueError when no incident can have `label` with a value that `value` matches."""
    if label not in MATCH_LABELS:
        raise ValueError(f"no incident has this label{suggest(label, MATCH_LABELS)}")
    if value.startswith("~"):
        _check_pattern(value)
    elif label in _VALUES and value not in _VALUES[label]:
        raise ValueError(f"{label} is never {quote(value)}{suggest(value, _VALUES[label])}")
    elif label in _REFERS_TO and value not in known[_REFERS_TO[label]]:
        what = _REFERS_TO[label]
        raise ValueError(f"there is no {what} {quote(value)}{suggest(value, known[what])}")


def _check_pattern(value: str) -> None:
    try:
        re.compile(value[1:])
    except re.error as error:
        raise ValueError(f"{quote(value)} is not a regular expression after ~: {error.msg}") from None
