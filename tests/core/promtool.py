"""What Prometheus itself says of expressions: `promtool test rules`, asked with expectations that fail."""

from __future__ import annotations

import json
import math
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

Samples = dict[tuple[tuple[str, str], ...], float]
NEVER = [{"labels": "never_there", "value": 1}]


def promtool() -> str:
    found = shutil.which("promtool")
    if found is None:
        pytest.skip("needs promtool: apt-get install prometheus")
    return found


def run_promtool(*paths: Path) -> subprocess.CompletedProcess[str]:
    command = [promtool(), "test", "rules", *map(str, paths)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)


def ask_prometheus(
    series: dict[str, str], expressions: Sequence[str], tmp_path: Path, eval_time: str = "1m"
) -> list[Samples | str]:
    """For each expression the samples that Prometheus computes, or its error text."""
    tests = [{"expr": text, "eval_time": eval_time, "exp_samples": NEVER} for text in expressions]
    inputs = [{"series": name, "values": values} for name, values in series.items()]
    group = {"interval": "1m", "input_series": inputs, "promql_expr_test": tests}
    path = tmp_path / "asked.yml"
    path.write_text(json.dumps({"rule_files": [], "evaluation_interval": "1m", "tests": [group]}))
    done = run_promtool(path)
    answers = _split(done.stdout + done.stderr)
    assert len(answers) == len(expressions), done.stdout[:2000] + done.stderr[:2000]
    return [_answer(text) for text in answers]


def _split(output: str) -> list[str]:
    return re.split(r"^ {4}expr: ", output, flags=re.MULTILINE)[1:]


def _answer(text: str) -> Samples | str:
    if ", err: " in text:
        return text.partition(", err: ")[2].strip()
    got = re.search(r"\n {8}got: ?(.*)", text, re.DOTALL)
    assert got is not None, text
    return _samples(got[1].strip())


def _samples(text: str) -> Samples:
    if text == "nil":
        return {}
    pattern = re.compile(r"(\{.*?\}|[a-zA-Z_:][\w:]*(?:\{.*?\})?) ([-+]?(?:[\d.]+E[-+]\d+|Inf|NaN))(?:, |$)")
    return {labels_of(name): float(value) for name, value in pattern.findall(text)}


def labels_of(metric: str) -> tuple[tuple[str, str], ...]:
    found = dict(re.findall(r'([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"', metric))
    name = metric.partition("{")[0]
    return tuple(sorted({**found, **({"__name__": name} if name else {})}.items()))


def same(ours: Samples, theirs: Samples) -> bool:
    return ours.keys() == theirs.keys() and all(_near(ours[key], theirs[key]) for key in ours)


def _near(a: float, b: float) -> bool:
    return math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-12) or (math.isnan(a) and math.isnan(b))
