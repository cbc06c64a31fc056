"""Generated expressions in both engines: ours and Prometheus's own."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.row import Figure, Pace, Row
from bench.tools import PROMTOOL
from tests.core.promtool import ask_prometheus, same
from tests.core.test_promql_against_prometheus import Generator, board_of, generated_series, ours

PER_SEED = 500
DEPTHS = (1, 2, 3)


def measure(pace: Pace) -> Iterator[Figure]:
    """The generator of the test, with other seeds."""
    seeds = pace.pick(8, 1)
    with TemporaryDirectory() as folder:
        different = sum(differences(seed, Path(folder)) for seed in range(100, 100 + seeds))
    yield Figure("cases", seeds * PER_SEED, at_least=pace.pick(2000, PER_SEED))
    yield Figure("differences", different, at_most=0)


def differences(seed: int, folder: Path) -> int:
    """How many expressions mean something else here than there."""
    rng = random.Random(seed)
    series = generated_series(rng)
    board = board_of(series)
    expressions = [Generator(rng).vector(rng.choice(DEPTHS)) for _ in range(PER_SEED)]
    inputs = {name: f"{value} {value}" for name, value in series.items()}
    pairs = zip(expressions, ask_prometheus(inputs, expressions, folder), strict=True)
    return sum(not agree(ours(text, board), theirs) for text, theirs in pairs)


def agree(own: object, theirs: object) -> bool:
    """Equal samples, or an error in both."""
    if isinstance(own, dict) and isinstance(theirs, dict):
        return same(own, theirs)
    return isinstance(own, str) and isinstance(theirs, str)


ROWS = (Row("promql", "generated PromQL beside Prometheus", measure, (PROMTOOL,)),)
