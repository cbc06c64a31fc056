"""LinkWatch with its memory accounted: `python -m bench.subjects.memory FILE run INVENTORY`.

At SIGUSR1 FILE is written: megabytes of live allocations by part, as tracemalloc sees them (Python's objects
and numpy's arrays). An allocation belongs to the innermost of our rooms on its stack; what an import has
made is code.
"""

from __future__ import annotations

import json
import signal
import sys
import tracemalloc
from collections import defaultdict
from pathlib import Path

from linkwatch.cli import main as linkwatch

FRAMES = 4
"""Deep enough to find one of ours below numpy, sqlalchemy or aiohttp."""

IMPORT = "<frozen importlib"
PARTS = {
    "/probes/": "pinger",
    "/linkwatch/core/windows.py": "windows",
    "/linkwatch/core/board.py": "board",
    "/linkwatch/core/labelsets.py": "board",
    "/linkwatch/core/": "rules and topology",
    "/linkwatch/web/": "scrape and web",
    "/linkwatch/store/": "store",
    "/linkwatch/config/": "inventory",
    "/linkwatch/": "flow and the rest",
}
OTHER = "not ours"


def report(file: Path) -> None:
    """Write how much each part holds now."""
    held: dict[str, int] = defaultdict(int)
    for found in tracemalloc.take_snapshot().statistics("traceback"):
        held[part_of([frame.filename for frame in found.traceback])] += found.size
    beside = file.with_suffix(".new")
    beside.write_text(json.dumps({part: size / 1e6 for part, size in held.items()}))
    beside.replace(file)


def part_of(stack: list[str]) -> str:
    """The part that a stack belongs to; the innermost frame stands last."""
    for name in reversed(stack):
        if name.startswith(IMPORT):
            return "code"
        for place, part in PARTS.items():
            if place in name and "/site-packages/" not in name:
                return part
    return OTHER


if __name__ == "__main__":
    target = Path(sys.argv.pop(1))
    signal.signal(signal.SIGUSR1, lambda *_: report(target))
    tracemalloc.start(FRAMES)
    linkwatch()
