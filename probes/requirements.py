"""What a setting must be: each failure says which setting it is and what is allowed."""

from __future__ import annotations

from probes.pattern import check_pattern


def require(holds: bool, name: str, allowed: str) -> None:
    """Raises ValueError, unless `holds`, with what is `allowed`."""
    if not holds:
        raise ValueError(f"{name}: must be {allowed}")


def require_pattern(name: str, pattern: str) -> None:
    """Raises ValueError unless `pattern` is a regular expression."""
    try:
        check_pattern(pattern)
    except ValueError as error:
        raise ValueError(f"{name}: not a regular expression: {error}") from None
