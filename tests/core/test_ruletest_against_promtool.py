"""Rule tests come out the same here as under `promtool test rules`, good ones and bad ones."""

from __future__ import annotations

import json
import random
import re
from pathlib import Path
from typing import Any

import pytest

from linkwatch.config.ruletestfile import TestReport, run_test_file
from tests.core.promtool import run_promtool

REGION = "{{ $externalLabels.region }}"
RULES = {
    "groups": [
        {
            "name": "g",
            "interval": "3m",
            "rules": [
                {"alert": "Now", "expr": "m > 5", "annotations": {"summary": "{{ $labels.t }} {{ $value }}"}},
                {"alert": "Later", "expr": "m > 5", "for": "2m", "labels": {"severity": "critical"}},
                {"alert": "Kept", "expr": "m > 5", "keep_firing_for": "3m", "labels": {"region": REGION}},
                {"alert": "Meta", "expr": 'ALERTS{alertname="Later", alertstate="firing"} == 1'},
                {"alert": "Silent", "expr": 'absent(m{t="a"})', "for": "1m"},
                {"alert": "Always", "expr": "1"},
            ],
        }
    ]
}  # fmt: skip
EXPRESSIONS = [
    "m", "sum(m)", "ALERTS", 'ALERTS{alertname="Later"}', "ALERTS_FOR_STATE", "time()", "m > 3",
    "count by (alertstate) (ALERTS)", "absent(m)",
]  # fmt: skip
VALUES = [
    "0x30", "1+1x20", "10 _ 10 stale 10x10", "10x3 _x8 10x5", "9 9 9 0 9 9 9 9 _ _ 9 9 9", "20-2x10",
    "NaN 7 inf -inf 8x3", "6 stale", "_x4 6x9", "1e1x4 0x2 1.5e1x9",
]  # fmt: skip


def write(folder: Path, tests: list[dict[str, Any]], evaluation: str = "1m") -> Path:
    (folder / "rules.yml").write_text(json.dumps(RULES))
    path = folder / "test.yml"
    document = {"rule_files": ["rules.yml"], "evaluation_interval": evaluation, "tests": tests}
    path.write_text(json.dumps(document))
    return path


def generated_test(rng: random.Random, number: int) -> dict[str, Any]:
    series = [{"series": f'm{{t="{t}"}}', "values": rng.choice(VALUES)} for t in "ab"]
    alerts = [alert_case(rng, name) for name in ("Now", "Later", "Kept", "Meta", "Silent", "Always")]
    expressions = [
        {"expr": text, "eval_time": f"{rng.randrange(20)}m", "exp_samples": samples(rng)}
        for text in rng.sample(EXPRESSIONS, 4)
    ]
    return {
        "name": f"test {number}",
        "interval": rng.choice(["1m", "2m", "30s"]),
        "external_labels": {"region": "vn"},
        "input_series": series,
        "alert_rule_test": alerts,
        "promql_expr_test": expressions,
    }


def alert_case(rng: random.Random, name: str) -> dict[str, Any]:
    labels: dict[str, str] = {} if name == "Always" else {"t": rng.choice("ab")}
    labels |= {"Later": {"severity": "critical"}, "Kept": {"region": "vn"}}.get(name, {})
    annotations = {"summary": f"{labels.get('t')} {rng.choice([10, 6, 9, 7])}"} if name == "Now" else {}
    expected = [{"exp_labels": labels, "exp_annotations": annotations}] if rng.random() < 0.6 else []
    return {"eval_time": f"{rng.randrange(40) * 30}s", "alertname": name, "exp_alerts": expected}


def samples(rng: random.Random) -> list[dict[str, Any]]:
    return rng.choice([[], [{"labels": "{}", "value": 10}], [{"labels": 'm{t="a"}', "value": 10}]])


def theirs(path: Path) -> list[tuple[str, str, str]]:
    """(test, what, time) of every failure that promtool reports."""
    failures, name = [], ""
    done = run_promtool(path)
    for line in (done.stdout + done.stderr).splitlines():
        if found := re.match(r" +name: (.*),", line):
            name = found[1]
        elif found := re.match(r" +(?:alertname: (\w+)|expr: \"(.*)\"), time: (\w+)", line):
            failures.append((name, found[1] or found[2].replace('\\"', '"'), found[3]))
    assert (done.returncode == 0) == (not failures), done.stdout + done.stderr
    return sorted(failures)


def ours(report: TestReport) -> list[tuple[str, str, str]]:
    assert not report.errors, report.errors
    failures = []
    for name, failure in report.failures:
        found = re.match(r' +(?:alertname: (\w+)|expr: "(.*)"), time: (\w+)', str(failure))
        assert found, failure
        failures.append((name, found[1] or found[2], found[3]))
    return sorted(failures)


@pytest.mark.parametrize("evaluation", ["1m", "30s", "7m"])
def test_the_same_expectations_fail_here_and_in_promtool(evaluation: str, tmp_path: Path) -> None:
    rng = random.Random(f"rules {evaluation}")
    path = write(tmp_path, [generated_test(rng, number) for number in range(16)], evaluation)
    report = run_test_file(path)
    assert ours(report) == theirs(path)
    assert 10 < len(report.failures) < 150  # both verdicts are well represented


def test_a_report_of_a_good_file_is_ok_in_both(tmp_path: Path) -> None:
    case = {
        "input_series": [{"series": 'm{t="a"}', "values": "9x5"}],
        "alert_rule_test": [
            {
                "eval_time": "1m",
                "alertname": "Now",
                "exp_alerts": [{"exp_labels": {"t": "a"}, "exp_annotations": {"summary": "a 9"}}],
            }
        ],
    }
    path = write(tmp_path, [case])
    report = run_test_file(path)
    assert report.ok
    assert str(report) == f"Unit Testing: {path}\n  SUCCESS (1 tests)"
    assert run_promtool(path).returncode == 0


def test_a_failure_says_what_was_expected_and_what_came(tmp_path: Path) -> None:
    case = {
        "name": "quiet",
        "input_series": [{"series": 'm{t="a"}', "values": "9x5"}],
        "alert_rule_test": [{"eval_time": "90s", "alertname": "Now", "exp_alerts": []}],
    }
    report = run_test_file(write(tmp_path, [case]))
    assert not report.ok
    assert str(report).splitlines()[1:] == [
        "  FAILED:",
        "  name: quiet",
        "    alertname: Now, time: 1m30s,",
        "        exp: nothing",
        '        got: Labels:{alertname="Now", t="a"} Annotations:{summary="a 9"}',
    ]


def test_a_rule_that_cannot_be_evaluated_ends_its_test(tmp_path: Path) -> None:
    rule = {"alert": "Bad", "expr": "m + on () n"}
    (tmp_path / "rules.yml").write_text(json.dumps({"groups": [{"name": "g", "rules": [rule]}]}))
    series = [{"series": s, "values": "1x3"} for s in ("m", 'n{a="1"}', 'n{a="2"}')]
    case = {"input_series": series, "alert_rule_test": [{"eval_time": "1m", "alertname": "Bad"}]}
    path = tmp_path / "test.yml"
    path.write_text(json.dumps({"rule_files": ["rules.yml"], "tests": [case]}))
    report = run_test_file(path)
    assert [failure.subject for _, failure in report.failures] == ["rule: Bad"]
    assert run_promtool(path).returncode != 0


def both_pass(folder: Path, rules: list[dict[str, Any]], document: dict[str, Any]) -> bool:
    """Whether a test of one group per rule passes here and under promtool."""
    groups = [{"name": f"g{number}", "rules": [rule]} for number, rule in enumerate(rules)]
    (folder / "rules.yml").write_text(json.dumps({"groups": groups}))
    path = folder / "test.yml"
    path.write_text(json.dumps({"rule_files": ["rules.yml"], **document}))
    report = run_test_file(path)
    assert (run_promtool(path).returncode == 0) == report.ok, report
    return report.ok


def expecting(expr: str, eval_time: str, *labels: str) -> dict[str, Any]:
    wanted = [{"labels": one, "value": 1} for one in labels]
    return {"expr": expr, "eval_time": eval_time, "exp_samples": wanted}


def test_groups_are_evaluated_in_the_order_that_the_test_gives(tmp_path: Path) -> None:
    rules = [{"alert": "Reads", "expr": 'ALERTS{alertname="Fires"}'}, {"alert": "Fires", "expr": "vector(1)"}]
    case = {"promql_expr_test": [expecting("count(ALERTS)", "0s", "{}")]}
    assert both_pass(tmp_path, rules, {"group_eval_order": ["g0", "g1"], "tests": [case]})
    assert not both_pass(tmp_path, rules, {"group_eval_order": ["g1", "g0"], "tests": [case]})


def test_alerts_of_an_evaluation_beyond_the_lookback_are_not_seen_by_the_next(tmp_path: Path) -> None:
    rules = [{"alert": "Reads", "expr": 'ALERTS{alertname="Fires"}'}, {"alert": "Fires", "expr": "vector(1)"}]
    order = {"group_eval_order": ["g0", "g1"]}
    for every, seen in (("5m", True), ("6m", False)):
        alerts = [f'ALERTS{{alertname="{name}", alertstate="firing"}}' for name in ("Fires", "Reads")]
        case = {"promql_expr_test": [expecting("ALERTS", every, *alerts[: 1 + seen])]}
        assert both_pass(tmp_path, rules, {**order, "evaluation_interval": every, "tests": [case]})


def test_a_label_that_comes_out_empty_shows_its_template_in_the_series_of_the_alert(tmp_path: Path) -> None:
    rules = [{"alert": "A", "expr": "vector(1)", "labels": {"kind": "{{ $labels.kind }}"}}]
    series = 'ALERTS{alertname="A", alertstate="firing", kind="{{ $labels.kind }}"}'
    case = {
        "alert_rule_test": [{"eval_time": "0s", "alertname": "A", "exp_alerts": [{"exp_labels": {}}]}],
        "promql_expr_test": [expecting("ALERTS", "0s", series)],
    }
    assert both_pass(tmp_path, rules, {"tests": [case]})


def test_nan_and_inf_are_written_one_by_one(tmp_path: Path) -> None:
    for values, fine in (("NaN -Inf 1", True), ("NaNx2", False), ("Inf-Infx2", False)):
        case = {"input_series": [{"series": "m", "values": values}]}
        assert both_pass(tmp_path, [{"alert": "A", "expr": "m"}], {"tests": [case]}) == fine
