"""Generated expressions over generated series: our evaluator beside Prometheus's own."""

from __future__ import annotations

import itertools
import random
from pathlib import Path

import pytest

from linkwatch.core.board import Board
from tests.core.expressions import Generator, board_of, generated_series, ours
from tests.core.promtool import ask_prometheus, same

CASES = 2400


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_generated_expressions_mean_what_they_mean_in_prometheus(seed: int, tmp_path: Path) -> None:
    rng = random.Random(seed)
    series = generated_series(rng)
    board = board_of(series)
    expressions = [Generator(rng).vector(rng.choice([1, 2, 3])) for _ in range(CASES // 3)]
    inputs = {name: f"{value} {value}" for name, value in series.items()}
    theirs = ask_prometheus(inputs, expressions, tmp_path)
    wrong = []
    for text, expected in zip(expressions, theirs, strict=True):
        got = ours(text, board)
        agree = same(got, expected) if isinstance(got, dict) and isinstance(expected, dict) else False
        if not agree and not (isinstance(got, str) and isinstance(expected, str)):
            wrong.append(f"{text}\n  ours   {got}\n  theirs {expected}")
    assert not wrong, f"{len(wrong)} of {len(expressions)} differ\n" + "\n".join(wrong[:10])


def test_absent_has_the_labels_that_prometheus_gives_it(tmp_path: Path) -> None:
    pairs = itertools.product(['a="1"', 'a="2"', 'a!="1"', 'a=~"1"', 'b="1"', 'a=""'], repeat=3)
    expressions = [f"absent(missing{{{','.join(matchers)}}})" for matchers in pairs]
    theirs = ask_prometheus({"m": "1 1"}, expressions, tmp_path)
    assert [ours(text, Board()) for text in expressions] == theirs
