"""Made-up rule files over made-up series, and the whole life of their alerts as Prometheus tells it.

A case is one rule file with one rule test: at every evaluation it asks which alerts fire (labels and
annotations) and what ALERTS and ALERTS_FOR_STATE are, so pending alerts and their times count, too.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from linkwatch.config.ruletestfile import read_test_file
from linkwatch.core.ruletest import ExpectedAlert, Failure, RuleTest, run_test
from tests.core.expressions import Generator
from tests.core.promtool import run_promtool

STEPS = 14
METRICS = ["m", "n"]
STATES = ["ALERTS", "ALERTS_FOR_STATE"]
NEVER = {"labels": "never_there", "value": 1}
NOBODY = {"exp_labels": {"never": "there"}}
FAILED_TEXT = "<error expanding template"
_ERROR_TEXT = re.compile(rf'{FAILED_TEXT}.*?(?=", \w+="|"}}(?:$|\n))', re.MULTILINE)

NUMBERS = ["0", "1", "7", "9", "9", "12.5", "-3", "0.25", "1e9", "NaN", "Inf", "-Inf", "1500", "86461.5"]
DURATIONS = ["0s", "30s", "1m", "90s", "2m", "3m", "10m"]

EXPRESSIONS = [
    *("m > 5", "m > 5", "n < 8", "m == 0", "m != m", 'm{site="a"} >= 1', 'm{kind!="link"} > 1', "m"),
    *("m > on (site) group_left () limit", "m * on (site) group_left (area) info > 3"),
    *("n - ignoring (kind) group_left (class) limit > 0", "limit < on (site) group_right () m"),
    *('m{kind="link"} > on (site) n{kind="link"}', "m > bool 5", "m > 1 unless on (site) n > 8"),
    *("m > 5 and on (site, kind) n > 5", "m > 8 or n > 8", "m > 8 or on (site) limit"),
    *("topk(2, spread)", "topk(1, spread) > 80", "bottomk by (kind) (1, spread)", "sum(topk(2, m)) > 9"),
    *("max by (kind) (topk by (kind) (1, n)) > 5", "count(bottomk(2, m) < 8) == 2", "topk(9, m) > 7"),
    *("quantile(0.5, m) > 3", "quantile by (site) (0.9, m) > 5", "quantile(0, n)"),
    *("sum by (site) (m) > 10", "avg without (kind) (n) > 5", "count by (kind) (m > 5) > 1"),
    *("max(m) > 8", "min by (kind) (n) < 1", "group by (site) (m > 5)", "stddev by (site) (m) > bool 1"),
    *('absent(m{site="a", kind="link"})', "absent(missing)", "absent(n > 5)", "vector(1)"),
    *("time() > bool 120", "single > 0", "1", "scalar(single) > bool 2", "vector(scalar(single)) > 1"),
    *('ALERTS{alertstate="firing"} == 1', "count by (alertname) (ALERTS) > 1", "round(m, 5) > 5"),
    *("clamp(m, 2, 8) > 3", "-m < -5", "m % 2 == 1", "m / n > 1", "n ^ 2 > 50", "ceil(m) > floor(n)"),
    *("abs(m - n) > 2", "sgn(m) == 1", "clamp_min(m, 5) > 6", "clamp_max(n, 3) < 2"),
]  # fmt: skip

TEXTS = [
    "bình thường",
    "{{ $labels.site }} {{ $value }}",
    "{{ $value | humanize }} {{ $value | humanize1024 }} {{ $value | humanizePercentage }}",
    "{{ $value | humanizeDuration }}",
    "{{ humanizeTimestamp $value }}",
    '{{ printf "%.2f|%8.3e|%g|%v" $value $value $value $value }}',
    '{{ printf "%5s|%-6s|%q" $labels.kind $labels.site $labels.area }}',
    "{{ if gt $value 5.0 }}cao{{ else if lt $value 0.0 }}âm{{ else }}thấp{{ end }}",
    '{{ if eq $labels.site "a" }}A{{ else }}{{ $labels.site | toUpper | title }}{{ end }}',
    "{{ $labels }} {{ $externalLabels.region }}",
    'nháy "kép" \\ và\nhai dòng {{ `}` }}',
    "{{ $labels.missing }}|{{ index $labels `kind` }}|{{ len $labels.site }}",
]  # fmt: skip

_IN_NO_ORDER = re.compile("avg|std|sum")
"""Prometheus adds up series in no order, so that the last digits change from run to run."""

LABEL_TEXTS = ["critical", "{{ $labels.kind }}", "{{ $labels.missing }}", "x{{ $labels.site }}", ""]


def made_series(rng: random.Random) -> list[dict[str, str]]:
    """Series that rise, fall, repeat, stop, go stale, come back, and are NaN or infinite at times."""
    labels = [
        f'{name}{{site="{s}", kind="{k}"}}' for name in METRICS for s in "abc" for k in ("link", "router")
    ]
    labels = [text for text in labels if rng.random() < 0.75]
    labels += [f'limit{{site="{s}", class="fibre"}}' for s in "abc"]
    labels += ['info{site="a", area="Thanh Hóa"}', 'info{site="b", area="Sầm Sơn"}', "single"]
    return [{"series": text, "values": _values(rng)} for text in labels] + _spread(rng)


def _spread(rng: random.Random) -> list[dict[str, str]]:
    """Values that are never equal: which of two equal ones is in a topk is not even told by Prometheus."""
    names = [f'spread{{site="{site}", kind="{kind}"}}' for site in "abc" for kind in ("link", "router")]
    runs = [f"{rng.randrange(100)}.{i}{rng.choice('+-')}{rng.randrange(1, 9)}x30" for i in range(len(names))]
    return [{"series": name, "values": run} for name, run in zip(names, runs, strict=True)]


def _values(rng: random.Random) -> str:
    return " ".join(_item(rng) for _ in range(rng.randrange(2, 12)))


def _item(rng: random.Random) -> str:
    number = rng.choice(NUMBERS)
    run = " ".join([number] * rng.randrange(1, 7))
    climbing = f"{rng.randrange(12)}{rng.choice('+-')}{rng.randrange(1, 4)}x{rng.randrange(1, 6)}"
    gaps = rng.choice(["_", "stale", f"_x{rng.randrange(1, 9)}"])
    return rng.choice([number, run, run, climbing, gaps])


def made_rules(rng: random.Random) -> dict[str, Any]:
    """Groups of rules, each with a name of its own or told apart by a label."""
    groups = []
    for group in range(rng.choice([1, 1, 2, 3])):
        rules = [_rule(rng, f"{group}{number}") for number in range(rng.randrange(1, 5))]
        groups.append({"name": f"g{group}", "interval": rng.choice(["1m", "3m"]), "rules": rules})
    return {"groups": groups}


def _rule(rng: random.Random, number: str) -> dict[str, Any]:
    rule: dict[str, Any] = {"alert": rng.choice([f"A{number}", "Shared"]), "expr": _expression(rng)}
    if rng.random() < 0.7:
        rule["for"] = rng.choice(DURATIONS)
    if rng.random() < 0.5:
        rule["keep_firing_for"] = rng.choice(DURATIONS)
    rule["labels"] = {"rule": number}
    if rng.random() < 0.5:
        rule["labels"][rng.choice(["severity", "kind", "owner"])] = rng.choice(LABEL_TEXTS)
    if rng.random() < 0.1:
        rule["labels"]["now"] = "{{ $value }}"
    rule["annotations"] = {f"a{i}": text for i, text in enumerate(rng.sample(TEXTS, 3))}
    return rule


def _expression(rng: random.Random) -> str:
    if rng.random() < 0.85:
        return rng.choice(EXPRESSIONS)
    text = Generator(rng).vector(rng.choice([1, 2]))
    return _expression(rng) if _IN_NO_ORDER.search(text) else text


def write_case(rng: random.Random, folder: Path, number: int) -> Path:
    """One rule file and its test file; every question in it gets an answer, since nothing is as expected."""
    rules = made_rules(rng)
    (folder / f"rules{number}.yml").write_text(json.dumps(rules))
    every_s = rng.choice([30, 60, 60, 120, 420])
    groups = [group["name"] for group in rules["groups"]]
    names = sorted({rule["alert"] for group in rules["groups"] for rule in group["rules"]})
    times = [f"{step * every_s}s" for step in range(STEPS)]
    test = {
        "interval": rng.choice(["15s", "30s", "1m", "1m", "2m"]),
        "external_labels": {"region": "vn"},
        "input_series": made_series(rng),
        "alert_rule_test": [
            {"eval_time": at, "alertname": name, "exp_alerts": [NOBODY]} for at in times for name in names
        ],
        "promql_expr_test": [
            {"eval_time": at, "expr": name, "exp_samples": [NEVER]} for at in times for name in STATES
        ],
    }  # fmt: skip
    path = folder / f"test{number}.yml"
    document = {
        "rule_files": [f"rules{number}.yml"],
        "evaluation_interval": f"{every_s}s",
        "group_eval_order": rng.sample(groups, len(groups)),
        "tests": [test],
    }
    path.write_text(json.dumps(document))
    return path


@dataclass(frozen=True, slots=True)
class Answers:
    """What Prometheus says of one case: by (name, seconds) the alerts that fire, by (expression, seconds)
    its samples; `failed`: the rules whose evaluation failed, and when, which ends the test."""

    alerts: dict[tuple[str, int], tuple[ExpectedAlert, ...]]
    samples: dict[tuple[str, int], tuple[tuple[dict[str, str], float], ...]]
    failed: set[tuple[str, int]]


def ask_prometheus_of_rules(paths: Sequence[Path]) -> list[Answers]:
    """The answers to every case, in one call of promtool."""
    output = run_promtool(*paths).stderr
    reports = re.split(r"^ {2}FAILED:\n", output, flags=re.MULTILINE)[1:]
    assert len(reports) == len(paths), output[:2000]
    return [_answers(report) for report in reports]


_HEAD = re.compile(r'^ {4}(?:alertname: (\w+)|expr: "(\w+)"|rule: (\w+)), time: (\w+),', re.MULTILINE)


def _answers(report: str) -> Answers:
    answers = Answers({}, {}, set())
    heads = list(_HEAD.finditer(report))
    assert heads, report
    ends = [head.start() for head in heads[1:]] + [len(report)]
    for head, end in zip(heads, ends, strict=True):
        alert, expr, rule, at = head.groups()
        text, at_s = report[head.end() : end], _seconds(at)
        if rule:
            answers.failed.add((rule, at_s))
        elif alert:
            answers.alerts[alert, at_s] = tuple(_alerts(text.partition("got:")[2]))
        else:
            answers.samples[expr, at_s] = tuple(_samples(text.partition("\n        got: ")[2]))
    return answers


_PAIRS = r'\{((?:[^"}]|"(?:[^"\\]|\\.)*")*)\}'
_ALERT = re.compile(rf"Labels:{_PAIRS}\s+Annotations:{_PAIRS}")
_SAMPLE = re.compile(rf"{_PAIRS} ([-+]?(?:[\d.]+E[-+]\d+|Inf|NaN))")
_PAIR = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


def _alerts(text: str) -> Iterator[ExpectedAlert]:
    for labels, texts in _ALERT.findall(text):
        named = _unquoted(labels)
        del named["alertname"]
        yield ExpectedAlert(named, _unquoted(texts))


def _samples(text: str) -> Iterator[tuple[dict[str, str], float]]:
    for labels, value in _SAMPLE.findall(text):
        yield _unquoted(labels), float(value)


def _unquoted(pairs: str) -> dict[str, str]:
    return {name: json.loads(f'"{text}"') for name, text in _PAIR.findall(pairs)}


def _seconds(spelled: str) -> int:
    units = {"d": 86400, "h": 3600, "m": 60, "s": 1}
    return sum(int(count) * units[unit] for count, unit in re.findall(r"(\d+)([dhms])", spelled))


def differences(path: Path, answers: Answers) -> list[str]:
    """Where LinkWatch disagrees with Prometheus on a case, printable."""
    rules, (test,), evaluation_ms = read_test_file(path)
    failures = run_test(_expecting(test, answers), rules, evaluation_ms)
    errors = {(one.subject.removeprefix("rule: "), one.at_ms // 1000) for one in failures if one.error}
    if errors != answers.failed:
        return [f"{path}: failed here {errors}, in Prometheus {answers.failed}"]
    if answers.failed:
        before = _asked_before(test, min(at_s for _, at_s in answers.failed))
        failures = run_test(_expecting(before, answers), rules, evaluation_ms)
    return [f"{path}:\n{failure}" for failure in failures if not _is_about_error_text(failure)]


def _asked_before(test: RuleTest, failed_s: int) -> RuleTest:
    """What Prometheus answers of a test that fails then: alerts up to that time, no expressions."""
    cases = tuple(case for case in test.alert_cases if case.at_ms < failed_s * 1000)
    return replace(test, alert_cases=cases, expression_cases=())


def _is_about_error_text(failure: Failure) -> bool:
    """What a text says that cannot be rendered is another engine's business; that it cannot is ours."""
    expected, got = (_ERROR_TEXT.sub(FAILED_TEXT, text) for text in (failure.expected, failure.got))
    return expected == got


def _expecting(test: RuleTest, answers: Answers) -> RuleTest:
    """The test that expects what Prometheus said."""
    return replace(
        test,
        alert_cases=tuple(
            replace(case, expected=answers.alerts.get((case.alertname, case.at_ms // 1000), ()))
            for case in test.alert_cases
        ),
        expression_cases=tuple(
            replace(case, expected=answers.samples.get((case.expr, case.at_ms // 1000), ()))
            for case in test.expression_cases
        ),
    )
