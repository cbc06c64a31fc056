"""LinkWatch that also writes down how late its event loop was: `python -m bench.subjects.lag FILE run …`.

FILE gets a line each second: monotonic seconds, and the worst lag since the line before, seconds.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from linkwatch.cli import main as linkwatch
from linkwatch.flow.vitals import Vitals

LAG = "linkwatch_loop_lag_seconds"


def write_lags(file: Path) -> None:
    """Write each lag where it is put on the board."""
    put = Vitals.put

    def written(self: Vitals, metric: str, value: float, now: float, **labels: str) -> None:
        if metric == LAG:
            with file.open("a") as lines:
                lines.write(f"{time.monotonic()} {value}\n")
        put(self, metric, value, now, **labels)

    Vitals.put = written  # type: ignore[method-assign]


if __name__ == "__main__":
    write_lags(Path(sys.argv.pop(1)))
    linkwatch()
