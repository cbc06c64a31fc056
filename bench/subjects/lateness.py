"""LinkWatch with a stopwatch on its schedule: `python -m bench.subjects.lateness FILE run INVENTORY`.

Every second FILE is written anew: how late after its time the latest attempt of each second began, by the
first word of the target's id and the second of the monotonic clock; and as `machine` for how long the event
loop's thread could have run and did not, since other programs had the processors (proc(5), schedstat).
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

from linkwatch.cli import main as linkwatch
from linkwatch.flow.measure import Key, Measurer
from linkwatch.flow.schedule import Due, Schedule
from probes.sample import Sample

due_at: dict[Key, float] = {}
latest_s: dict[str, dict[int, float]] = defaultdict(lambda: defaultdict(float))

_due, _probe = Schedule.due, Measurer._probe


def due(self: Schedule[Key], now: float) -> list[Due[Key]]:
    found = _due(self, now)
    due_at.update((each.key, each.at) for each in found)
    return found


async def probe(self: Measurer, key: Key, spec: Any) -> Sample:
    now = time.monotonic()
    seconds = latest_s[key[0].partition("-")[0]]
    seconds[int(now)] = max(seconds[int(now)], now - due_at[key])
    return await _probe(self, key, spec)


def report_each_second(file: Path) -> None:
    before_s = kept_waiting_s()
    while True:
        time.sleep(1.0)
        now_s = kept_waiting_s()
        latest_s["machine"][int(time.monotonic())], before_s = now_s - before_s, now_s
        beside = file.with_suffix(".new")
        beside.write_text(json.dumps({group: dict(seconds) for group, seconds in list(latest_s.items())}))
        beside.replace(file)


def kept_waiting_s() -> float:
    waited_ns = Path(f"/proc/self/task/{os.getpid()}/schedstat").read_text().split()[1]
    return int(waited_ns) / 1e9


if __name__ == "__main__":
    Schedule.due, Measurer._probe = due, probe  # type: ignore[method-assign,assignment]
    file = Path(sys.argv.pop(1))
    threading.Thread(target=report_each_second, args=(file,), daemon=True).start()
    linkwatch()
