"""Generated rule files: the whole life of their alerts here and in Prometheus."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.core.rulefiles import ask_prometheus_of_rules, differences, write_case

CASES = 320


@pytest.mark.parametrize("seed", [1, 2])
def test_alerts_live_and_speak_as_in_prometheus(seed: int, tmp_path: Path) -> None:
    rng = random.Random(f"rule files {seed}")
    paths = [write_case(rng, tmp_path, number) for number in range(CASES // 2)]
    answers = ask_prometheus_of_rules(paths)
    wrong = [text for one in zip(paths, answers, strict=True) for text in differences(*one)]
    assert not wrong, f"{len(wrong)} differ\n" + "\n".join(wrong[:10])
