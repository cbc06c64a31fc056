"""What real peers have answered, as `tests.fuzz.capture` has written it down."""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).with_name("captures")


def captures(protocol: str, beginning: str = "") -> tuple[bytes, ...]:
    """Those of a protocol whose names begin so, in the order of their names."""
    files = sorted(FOLDER.glob(f"{protocol}/{beginning}*.bin"))
    if not files:
        raise LookupError(f"no captures {protocol}/{beginning}*: python -m tests.fuzz.capture {protocol}")
    return tuple(file.read_bytes() for file in files)
