"""kill -9 at random moments of the whole path: no page may be lost, few may come twice."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.network import addresses, namespace, silence
from bench.row import Figure, Pace, Row
from bench.tools import NAMESPACE
from bench.watched import Watched, await_all_up, quick_rules, targets
from tests.live.test_kill9 import REPEATED, root_of, roots, undelivered
from tests.live.watch import inbox, inventory, wait_for

EACH = 5
SINK_S = 0.15
MOMENT_S = (0.8, 3.0)
"""From before the verdict to after the last message."""


def measure(pace: Pace) -> Iterator[Figure]:
    """Before each kill some targets are cut."""
    kills = pace.pick(100, 4)
    count, dice = kills * EACH, random.Random(20)
    with namespace() as inside, TemporaryDirectory() as name, inbox(inside, delay_s=SINK_S) as pages:
        folder = Path(name)
        rules = quick_rules(folder, {"TargetDown": "linkwatch_up == 0"})
        watch = Watched(inside, folder, inventory(folder, targets(count), rules=rules))
        watch.start()
        await_all_up(watch, count)
        for kill in range(kills):
            silence(inside, *addresses(count)[kill * EACH : (kill + 1) * EACH])
            time.sleep(dice.uniform(*MOMENT_S))
            watch.kill()
            watch.start()
        wanted = {target["id"] for target in targets(count)}
        lost = wanted - roots(pages) if not settles(lambda: roots(pages) >= wanted, 90) else set()
        settles(lambda: not undelivered(watch), 60)
        watch.stop()
    told = Counter(map(root_of, pages.subjects()))
    repeated = sum(times - 1 for times in told.values())
    marked = sum(REPEATED in text for _, _, text in pages.messages)
    yield Figure("pages lost", len(lost), at_most=0, note=f"{kills} kills, {count} outages")
    yield Figure("pages repeated", repeated, at_most=kills)
    yield Figure("repeated without a mark", max(0, repeated - marked), at_most=0)


def settles(condition: object, within_s: float) -> bool:
    """Whether it came to hold in time."""
    try:
        wait_for(condition, within_s)  # type: ignore[arg-type]
    except AssertionError:
        return False
    return True


ROWS = (Row("kills", "100 x kill -9 at random moments of the whole path", measure, NAMESPACE),)
