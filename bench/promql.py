"""Generated expressions and rule files in both engines: ours and Prometheus's own."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.row import Figure, Pace, Row
from bench.tools import PROMTOOL
from tests.core.expressions import Generator, board_of, generated_series, ours
from tests.core.promtool import ask_prometheus, same
from tests.core.rulefiles import STEPS, ask_prometheus_of_rules, differences, write_case

PER_SEED = 500
DEPTHS = (1, 2, 3)


def measure(pace: Pace) -> Iterator[Figure]:
    """The generators of the tests, with other seeds."""
    seeds = range(100, 100 + pace.pick(8, 1))
    with TemporaryDirectory() as folder:
        different = sum(different_expressions(seed, Path(folder)) for seed in seeds)
    yield Figure("expressions", len(seeds) * PER_SEED, at_least=pace.pick(2000, PER_SEED))
    yield Figure("expressions that differ", different, at_most=0)
    files = pace.pick(1000, 100)
    with TemporaryDirectory() as folder:
        different = different_files(files, Path(folder))
    yield Figure("rule files", files, note=f"alerts at {STEPS} times each")
    yield Figure("rule files that differ", different, at_most=0)


def different_files(count: int, folder: Path) -> int:
    """In how many rule files some alert lives or speaks otherwise here than there."""
    rng = random.Random(100)
    paths = [write_case(rng, folder, number) for number in range(count)]
    return sum(map(bool, map(differences, paths, ask_prometheus_of_rules(paths))))


def different_expressions(seed: int, folder: Path) -> int:
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


ROWS = (Row("promql", "generated PromQL and rule files beside Prometheus", measure, (PROMTOOL,)),)
