"""What the doctor finds."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. `mend`: the command that mends it, if it is not good."""

    name: str
    good: bool
    text: str
    mend: str = ""
