"""The shipped alert rules: the same verdicts in Prometheus and in LinkWatch, and texts for every rule."""

from __future__ import annotations

import json
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import Request, urlopen

import pytest
import yaml

from linkwatch.config.rulecheck import check_rules
from linkwatch.config.rulefile import load_rules
from linkwatch.config.ruletestfile import run_test_file
from linkwatch.config.shipped import rules_dir
from linkwatch.core.catalog import Catalog
from probes import registry
from tests.promql_selectors import unknown_to

RULE_FILES = sorted(rules_dir().glob("*.yml"))
TEST_FILES = sorted((rules_dir() / "tests").glob("*.yml"))
INHIBIT_FILE = rules_dir() / "examples" / "alertmanager-inhibit.yml"
TEXTS = ("summary", "cause", "consequence", "action")
SEVERITIES = {"critical", "warning", "info", "none"}
STATIC_LABELS = ("severity", "emergency")
VIETNAMESE = re.compile(
    "[àáảãạăắằẳẵặâấầẩẫậđèéẻẽẹêếềểễệìíỉĩịòóỏõọôốồổỗộơớờởỡợùúủũụưứừửữựỳýỷỹỵ]", re.IGNORECASE
)


def _read(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


RULES = [rule for file in RULE_FILES for group in _read(file)["groups"] for rule in group["rules"]]
CHECKS = [
    check for file in TEST_FILES for test in _read(file)["tests"] for check in test.get("alert_rule_test", ())
]
BY_RULE = pytest.mark.parametrize(
    "rule", RULES, ids=lambda rule: f"{rule['alert']}-{rule['labels']['severity']}"
)


def _run(program: str, package: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    if shutil.which(program) is None:
        pytest.skip(f"needs {program}: apt-get install {package}")
    return subprocess.run([program, *arguments], capture_output=True, text=True, timeout=60, check=False)


def test_promtool_has_nothing_to_complain_about() -> None:
    files = [str(file) for file in RULE_FILES]
    done = _run("promtool", "prometheus", "check", "rules", "--lint=all", "--lint-fatal", *files)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("file", TEST_FILES, ids=lambda file: file.stem)
def test_promtool_agrees_with_every_expectation(file: Path) -> None:
    done = _run("promtool", "prometheus", "test", "rules", str(file))
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("file", TEST_FILES, ids=lambda file: file.stem)
def test_linkwatch_agrees_with_every_expectation(file: Path) -> None:
    report = run_test_file(file)
    assert report.ok, str(report)


def test_linkwatch_loads_the_rules_without_a_warning() -> None:
    warnings = check_rules(load_rules(RULE_FILES), Catalog(registry.metrics()))
    assert [str(warning) for warning in warnings] == []


@BY_RULE
def test_a_rule_asks_only_for_what_the_catalogue_has(rule: dict[str, Any]) -> None:
    assert list(unknown_to(Catalog(registry.metrics()), rule["expr"])) == []


@BY_RULE
def test_a_rule_has_a_severity_and_texts_in_both_languages(rule: dict[str, Any]) -> None:
    assert rule["labels"]["severity"] in SEVERITIES
    assert set(rule["annotations"]) == {*TEXTS, *(f"{text}_en" for text in TEXTS)}
    for text in TEXTS:
        assert VIETNAMESE.search(rule["annotations"][text])
        assert rule["annotations"][f"{text}_en"].isascii()


@BY_RULE
def test_a_rule_is_tested_to_fire_and_to_stay_silent(rule: dict[str, Any]) -> None:
    mine = {name: rule["labels"][name] for name in STATIC_LABELS if name in rule["labels"]}
    checks = [check for check in CHECKS if check["alertname"] == rule["alert"]]
    fired = [alert["exp_labels"] for check in checks for alert in check.get("exp_alerts", ())]
    assert any(mine.items() <= labels.items() for labels in fired)
    assert rule["expr"] == "vector(1)" or any(not check.get("exp_alerts") for check in checks)


def test_every_tested_alert_is_a_rule() -> None:
    assert {check["alertname"] for check in CHECKS} == {rule["alert"] for rule in RULES}


def test_amtool_accepts_the_example_and_it_pages_for_faults_alone() -> None:
    checked = _run("amtool", "prometheus-alertmanager", "check-config", str(INHIBIT_FILE))
    assert checked.returncode == 0, checked.stderr
    for severity, receiver in (
        ("critical", "duty"),
        ("warning", "duty"),
        ("info", "nobody"),
        ("none", "nobody"),
    ):
        config = f"--config.file={INHIBIT_FILE}"
        routed = _run(
            "amtool", "prometheus-alertmanager", "config", "routes", "test", config, f"severity={severity}"
        )
        assert routed.stdout.strip() == receiver


def test_alertmanager_keeps_quiet_about_what_is_behind_a_dead_upstream(tmp_path: Path) -> None:
    alerts = [
        _alert("UpstreamDown", "none", "cam-01"),
        _alert("TargetDown", "critical", "cam-01"),
        _alert("TargetDown", "critical", "link-1"),
    ]
    expected = {
        "UpstreamDown cam-01": "active",
        "TargetDown cam-01": "suppressed",
        "TargetDown link-1": "active",
    }
    with _alertmanager(tmp_path) as url:
        assert _states_of(url, alerts, expected) == expected


def test_alertmanager_keeps_quiet_about_targets_while_linkwatch_is_isolated(tmp_path: Path) -> None:
    alerts = [_alert("LinkwatchIsolated", "critical"), _alert("TargetDown", "critical", "link-1")]
    expected = {"LinkwatchIsolated ": "active", "TargetDown link-1": "suppressed"}
    with _alertmanager(tmp_path) as url:
        assert _states_of(url, alerts, expected) == expected


def _alert(name: str, severity: str, target: str = "") -> dict[str, Any]:
    return {"labels": {"alertname": name, "severity": severity, "target": target, "instance": "lw:8080"}}


@contextmanager
def _alertmanager(folder: Path) -> Iterator[str]:
    program = shutil.which("prometheus-alertmanager") or shutil.which("alertmanager")
    if program is None:
        pytest.skip("needs alertmanager: apt-get install prometheus-alertmanager")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    arguments = [
        f"--config.file={INHIBIT_FILE}",
        f"--storage.path={folder}",
        f"--web.listen-address={address}",
    ]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([program, *arguments, "--cluster.listen-address="], stdout=log, stderr=log)
    try:
        yield f"http://{address}/api/v2/alerts"
    finally:
        process.terminate()
        process.wait(10)


def _states_of(url: str, alerts: list[dict[str, Any]], expected: dict[str, str]) -> dict[str, str]:
    """The state of each posted alert; Alertmanager inhibits in its own time, so it is asked until then."""
    _ask(Request(url, json.dumps(alerts).encode(), {"Content-Type": "application/json"}))
    states: dict[str, str] = {}
    for _ in range(100):
        answer = [(alert["labels"], alert["status"]["state"]) for alert in json.loads(_ask(Request(url)))]
        states = {f"{labels['alertname']} {labels.get('target', '')}": state for labels, state in answer}
        if states == expected:
            break
        time.sleep(0.05)
    return states


def _ask(request: Request) -> bytes:
    for _ in range(100):
        try:
            with urlopen(request, timeout=5) as answer:
                body: bytes = answer.read()
                return body
        except URLError:
            time.sleep(0.05)
    raise TimeoutError(request.full_url)
