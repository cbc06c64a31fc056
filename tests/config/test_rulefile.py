"""Rule files: every mistake at once, with its line; doubts are warnings."""

from __future__ import annotations

import subprocess
from pathlib import Path
from textwrap import dedent

import pytest

from linkwatch.config.rulecheck import check_rules
from linkwatch.config.rulefile import RuleFileErrors, load_rules
from linkwatch.config.rulereader import parse_duration_ms
from linkwatch.config.ruletestfile import run_test_file
from linkwatch.core.catalog import Catalog
from tests.core.promtool import promtool

GOOD = """
    groups:
      - name: reachability
        interval: 5s
        rules:
          - alert: TargetDown
            expr: linkwatch_up{emergency="true"} == 0
            for: 3s
            keep_firing_for: 1m30s
            labels: {severity: critical}
            annotations: {summary: "Mất kết nối {{ $labels.target }}"}
    """


def write(folder: Path, text: str, name: str = "rules.yml") -> Path:
    path = folder / name
    path.write_text(dedent(text).lstrip())
    return path


def errors(folder: Path, text: str) -> list[str]:
    with pytest.raises(RuleFileErrors) as caught:
        load_rules([write(folder, text)])
    return [line.removeprefix(f"{folder}/") for line in str(caught.value).splitlines()]


def in_rule(body: str) -> str:
    lines = "\n".join(f"    {line}" for line in dedent(body).strip().splitlines())
    return f"groups:\n- name: g\n  rules:\n  -{lines[3:]}\n"


def test_a_rule_is_read_with_its_place_and_times(tmp_path: Path) -> None:
    (rule,) = load_rules([write(tmp_path, GOOD)])
    assert (rule.name, rule.group, rule.line, rule.interval_s) == ("TargetDown", "reachability", 5, 5.0)
    assert (rule.for_s, rule.keep_firing_for_s) == (3.0, 90.0)
    assert rule.file == str(tmp_path / "rules.yml")
    assert dict(rule.labels) == {"severity": "critical"}


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("alert: A", 'rules.yml:4: group "g", rule "A": `expr` is missing or empty'),
        ("expr: up", 'rules.yml:4: group "g": `alert` is missing or empty'),
        ("record: a:b\nexpr: up", 'rules.yml:4: group "g", rule "a:b": `record` is not supported'),
        ("alert: A\nexpr: up ==", 'rules.yml:5: group "g", rule "A": `expr`: invalid promql query'),
        (
            "alert: A\nexpr: rate(linkwatch_icmp_received_total[5m]) < 1",
            'rules.yml:5: group "g", rule "A": `expr`: the function rate() over a range is not supported: '
            "use linkwatch_icmp_loss_ratio{window=...}",
        ),
        ("alert: A\nexpr: up\nfor: 5", 'rules.yml:6: group "g", rule "A": `for`: \'5\' is not a duration'),
        ("alert: A\nexpr: up\nfro: 5m", "unknown key 'fro'; did you mean 'for'?"),
        ("alert: A\nexpr: up\nlabels: {a-b: c}", "'a-b' in `labels` is not a label name"),
        ("alert: A\nexpr: up\nlabels: [a]", "`labels` is not a mapping of names to texts"),
        (
            'alert: A\nexpr: up\nannotations:\n  summary: "{{ $lables.x }}"',
            'rules.yml:7: group "g", rule "A": `annotations.summary`: undefined variable $lables.x; allowed',
        ),
        ("alert: A\nexpr: up\nexpr: down", "'expr' is there twice"),
        ("alert: A\nexpr: [up]", "`expr` is not a text"),
    ],
)
def test_a_mistake_is_named_with_file_line_group_and_rule(tmp_path: Path, body: str, message: str) -> None:
    assert any(message in line for line in errors(tmp_path, in_rule(body)))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "rules.yml:1: is empty"),
        ("- a\n", "rules.yml:1: not a mapping; allowed keys are groups"),
        ("group: []\n", "rules.yml:1: unknown key 'group'; did you mean 'groups'?"),
        ("groups: {a: b}\n", "rules.yml:1: `groups` is not a list"),
        ("groups:\n- text\n", "rules.yml:2: an entry of `groups` is not a mapping"),
        ("groups:\n- rules: []\n", "rules.yml:2: `name` is missing or empty"),
        ("groups:\n- {name: a, limit: 5}\n", "rules.yml:2: group \"a\": unknown key 'limit'"),
        ("groups:\n- name: a\n- name: a\n", 'rules.yml:3: group "a": there is another group of this name'),
        ("groups: [\n", "rules.yml:2: not valid YAML"),
    ],
)
def test_a_file_of_another_shape_is_refused(tmp_path: Path, text: str, message: str) -> None:
    assert errors(tmp_path, text)[0].startswith(message)


def test_all_mistakes_of_all_files_are_told_at_once(tmp_path: Path) -> None:
    first = write(tmp_path, in_rule("alert: A\nexpr: up offset 5m\nfor: x"), "a.yml")
    second = write(tmp_path, in_rule("record: r\nexpr: up"), "b.yml")
    with pytest.raises(RuleFileErrors) as caught:
        load_rules([first, second, tmp_path / "none.yml"])
    places = [line.split(": ")[0].rpartition("/")[2] for line in str(caught.value).splitlines()]
    assert places == ["a.yml:5", "a.yml:6", "b.yml:4", "none.yml:1"]


def test_two_rules_of_one_name_and_equal_labels_are_refused_and_told_where(tmp_path: Path) -> None:
    rule = "{alert: A, expr: up, labels: {severity: info}}"
    text = f"groups:\n- name: g\n  rules:\n  - {rule}\n  - {rule}\n"
    (error,) = errors(tmp_path, text)
    assert error.startswith(
        'rules.yml:5: group "g", rule "A": the rule on line 4 has the same name and labels'
    )
    assert len(load_rules([write(tmp_path, text.replace("info", "critical", 1))])) == 2


@pytest.mark.parametrize(
    ("text", "milliseconds"),
    [("0", 0), ("0s", 0), ("30s", 30_000), ("1d12h", 129_600_000), ("1m30s", 90_000), ("250ms", 250)],
)
def test_durations_are_those_of_prometheus(text: str, milliseconds: int) -> None:
    assert parse_duration_ms(text) == milliseconds


@pytest.mark.parametrize("text", ["5", "1.5h", "1m1h", "-5m", "", "5 m", "5x", "00"])
def test_what_prometheus_does_not_take_for_a_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a duration; allowed are such as 30s"):
        parse_duration_ms(text)


def test_promtool_takes_what_we_take_and_refuses_what_we_refuse(tmp_path: Path) -> None:
    def verdicts(text: str) -> tuple[bool, bool]:
        path = write(tmp_path, text)
        done = subprocess.run([promtool(), "check", "rules", str(path)], capture_output=True, check=False)
        try:
            load_rules([path])
        except RuleFileErrors:
            return False, done.returncode == 0
        return True, done.returncode == 0

    assert verdicts(GOOD) == (True, True)
    for body in ("alert: A", "expr: up", "alert: A\nexpr: up ==", "alert: A\nexpr: up\nfro: 5m"):
        assert verdicts(in_rule(body)) == (False, False), body
    for body in ("alert: A\nexpr: up\nlabels: {a-b: c}", "alert: A\nexpr: up\nfor: 5"):
        assert verdicts(in_rule(body)) == (False, False), body
    assert verdicts(in_rule('alert: A\nexpr: up\nlabels: {x: "{{ foo }}"}')) == (False, False)


def test_doubts_are_warnings(tmp_path: Path) -> None:
    body = """
        alert: A
        expr: linkwatch_upp == 0 or linkwatch_icmp_loss_ratio{windows="5m"} > 1
        labels: {severity: high}
        annotations: {summary: a, summary_en: "{{ if gt $value 5 }}b{{ end }}"}
        """
    rules = load_rules([write(tmp_path, in_rule(body))])
    texts = [str(warning) for warning in check_rules(rules, Catalog())]
    assert all(f'{tmp_path}/rules.yml:4: group "g", rule "A": ' in text for text in texts)
    found = [text.partition('rule "A": ')[2] for text in texts]
    assert found[0] == "the metric linkwatch_upp is not known; did you mean linkwatch_up?"
    assert found[1].startswith(
        "the metric linkwatch_icmp_loss_ratio has no label 'windows'; did you mean 'window'?"
    )
    assert found[2].startswith("severity 'high' is not known")
    assert (
        found[3] == "annotations are missing: cause, cause_en, consequence, consequence_en, action, action_en"
    )
    assert "write 5.0 beside $value" in found[4]
    assert len(found) == 5


def test_a_rule_without_severity_is_warned_about(tmp_path: Path) -> None:
    rules = load_rules([write(tmp_path, in_rule("alert: A\nexpr: linkwatch_up == 0"))])
    assert any("severity is missing" in str(warning) for warning in check_rules(rules, Catalog()))


def test_every_mistake_of_a_test_file_and_of_its_rules_is_told(tmp_path: Path) -> None:
    write(tmp_path, in_rule("alert: A\nexpr: up["))
    path = write(
        tmp_path,
        """
        rule_files: [rules.yml, missing.yml]
        tests:
        - interval: 1x
          input_series:
          - {series: 'up{a="1"', values: "1"}
          - {series: up, values: "1 two"}
          alert_rule_test:
          - {eval_time: 1m}
          promql_expr_test:
          - {expr: up, eval_time: 1m, exp_samples: [{labels: up, value: many}]}
          extra: 1
        """,
        "test.yml",
    )
    report = run_test_file(path)
    assert not report.ok
    lines = [line.removeprefix(f"{tmp_path}/").split(": ")[0] for line in report.errors.splitlines()]
    assert lines == ["rules.yml:5", *(f"test.yml:{line}" for line in (1, 3, 5, 6, 8, 10, 11))]
    assert "FAILED" in str(report)
