"""Hostile input: mutated captures at every parser, at every probe over real sockets, at every open socket."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from tempfile import mkdtemp

from bench.row import Figure, Pace, Row
from tests.fuzz import contents, datagrams, echoes, meetings, streams
from tests.fuzz.harness import Outcome, keep, run_case
from tests.fuzz.live import lives, run_live
from tests.fuzz.packets import pour_notifications, pour_pings, pour_traces
from tests.network import own_namespace

SEED = 100
LONGEST_MS = 200
MOST_GROWTH_MB = 16
"""Of one parser over all its inputs: what it leaves behind for each must be less than some 300 bytes."""

PARSERS = (echoes, datagrams, streams, contents, meetings)


def measure(pace: Pace) -> Iterator[Figure]:
    """With another seed than in the tests."""
    count = pace.pick(50_000, 1000)
    yield from _figures(chain(_parse(count), _ask(count), _pour(count)))


def _parse(count: int) -> Iterator[Outcome]:
    """The parsers themselves, one input after the other."""
    return (run_case(case, count, SEED) for module in PARSERS for case in module.cases())


def _ask(count: int) -> Iterator[Outcome]:
    """The probes, many at once, over real sockets; fewer where another case has the parser alone."""
    return (run_live(live, count if live.is_whole else count // 20, SEED) for live in lives())


def _pour(count: int) -> Iterator[Outcome]:
    """What hears everybody: notifications and, for root, pings and traces."""
    yield pour_notifications(count, SEED)
    if os.geteuid() != 0:
        return
    with own_namespace() as namespace:
        for version in (4, 6):
            yield pour_pings(namespace, version, count, SEED)
            yield pour_traces(namespace, version, count, SEED)


def _figures(outcomes: Iterator[Outcome]) -> Iterator[Figure]:
    """A line for each, then the worst of all; what went wrong is written down to be looked at."""
    seen: list[Outcome] = []
    for outcome in outcomes:
        seen.append(outcome)
        yield Figure(f"{outcome.name}: crashes", outcome.crashed, at_most=0, note=_note(outcome))
    slowest = max(seen, key=lambda outcome: outcome.slowest_s)
    greatest = max(seen, key=lambda outcome: outcome.growth_mb)
    yield Figure("inputs", sum(outcome.inputs for outcome in seen))
    yield Figure("slowest", slowest.slowest_s * 1e3, "ms", at_most=LONGEST_MS, note=_where(slowest))
    yield Figure("growth", greatest.growth_mb, "MB", at_most=MOST_GROWTH_MB, note=greatest.name)


def _note(outcome: Outcome) -> str:
    results = ", ".join(f"{name} {count}" for name, count in outcome.results.most_common())
    costs = f"{outcome.slowest_s * 1e3:.0f} ms, {outcome.growth_mb:.1f} MB"
    kept = f"; {outcome.crashes[0][0]}; inputs in {_keep(outcome)}" if outcome.crashes else ""
    return f"{outcome.inputs} inputs, {costs}: {results}{kept}"


def _where(outcome: Outcome) -> str:
    is_bad = outcome.slowest_s * 1e3 > LONGEST_MS and outcome.slowest
    return f"{outcome.name}; its input in {_keep(outcome)}" if is_bad else outcome.name


def _keep(outcome: Outcome) -> Path:
    folder = Path(mkdtemp(prefix="linkwatch-fuzz-"))
    keep(outcome, folder)
    return folder


ROWS = (Row("fuzz", "mutated captures at every response parser, probe and open socket", measure),)
