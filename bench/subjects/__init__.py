"""Programs that are measured from outside, each in a process of its own: never the bench itself."""

from __future__ import annotations

import sys


def run_until_told(said: str = "ready") -> None:
    """Tell the bench that measuring may begin; returns when it says that it is over."""
    print(said, flush=True)
    sys.stdin.readline()
