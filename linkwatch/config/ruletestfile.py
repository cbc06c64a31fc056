"""Unit tests of rules in promtool's file format: read, run, reported."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from glob import glob
from pathlib import Path

from linkwatch.config.problems import ConfigErrors, Place, Problems
from linkwatch.config.rulefile import load_rules
from linkwatch.config.rulereader import Reader
from linkwatch.config.yaml_lines import LocatedMap
from linkwatch.core.rule import Rule
from linkwatch.core.ruletest import (
    AlertCase,
    ExpectedAlert,
    ExpressionCase,
    Failure,
    RuleTest,
    run_test,
)
from linkwatch.core.testseries import TestSeries, parse_metric, parse_series

_DEFAULT_MS = 60_000
_FILE_KEYS = ("rule_files", "evaluation_interval", "group_eval_order", "tests")
_TEST_KEYS = (
    "name", "interval", "input_series", "alert_rule_test", "promql_expr_test", "external_labels",
    "external_url",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class TestReport:
    """What running one test file gave: `failures` are printable, `errors` kept it from running."""

    __test__ = False  # pytest would take the name for a test class

    path: Path
    tests: int
    failures: tuple[tuple[str, Failure], ...] = ()
    errors: str = ""

    @property
    def ok(self) -> bool:
        """Whether everything came out as expected."""
        return not self.failures and not self.errors

    def __str__(self) -> str:
        head = f"Unit Testing: {self.path}"
        if self.ok:
            return f"{head}\n  SUCCESS ({self.tests} tests)"
        if self.errors:
            return f"{head}\n  FAILED:\n{self.errors}"
        lines = [f"  name: {name or '(no name)'}\n{failure}" for name, failure in self.failures]
        return "\n".join([head, "  FAILED:", *lines])


def run_test_file(path: Path) -> TestReport:
    """Run every test of a file against the rule files that it names; never raises for its content."""
    try:
        rules, tests, evaluation_ms = read_test_file(path)
    except ConfigErrors as errors:
        return TestReport(path, 0, errors=str(errors))
    failures = [(test.name, failure) for test in tests for failure in run_test(test, rules, evaluation_ms)]
    return TestReport(path, len(tests), tuple(failures))


def read_test_file(path: Path) -> tuple[tuple[Rule, ...], tuple[RuleTest, ...], int]:
    """Rules, tests and evaluation interval (ms) of a file; raises ConfigErrors with every mistake."""
    problems = Problems()
    reader = Reader(path, problems)
    tree = reader.document(_FILE_KEYS) or LocatedMap(Place(path, 1))
    evaluation_ms = reader.milliseconds(tree, "evaluation_interval", _DEFAULT_MS) or _DEFAULT_MS
    tests = tuple(_Test(reader, entry).read() for entry in reader.entries(tree, "tests"))
    order = [name for _, name in reader.scalars(tree, "group_eval_order")]
    rules = _rules(reader, tree, path.parent, problems)
    problems.raise_if_any()
    return _ordered(rules, order), tests, evaluation_ms


def _ordered(rules: tuple[Rule, ...], groups: Sequence[str]) -> tuple[Rule, ...]:
    """Groups in the order of `group_eval_order`; one that is not in it counts as the first, as there."""
    place = {name: number for number, name in enumerate(groups)}
    return tuple(sorted(rules, key=lambda rule: place.get(rule.group, 0)))


def _rules(reader: Reader, tree: LocatedMap, folder: Path, problems: Problems) -> tuple[Rule, ...]:
    reader.where = ""
    paths: list[Path] = []
    for place, pattern in reader.scalars(tree, "rule_files"):
        found = sorted(glob(str(folder / pattern)))
        if not found:
            reader.complain(place, f"no file matches {pattern!r}")
        paths += map(Path, found)
    try:
        return load_rules(paths)
    except ConfigErrors as errors:
        problems.extend(errors.problems)
        return ()


class _Test:
    """One entry of `tests`."""

    def __init__(self, reader: Reader, entry: LocatedMap) -> None:
        self._reader = reader
        self._entry = entry

    def read(self) -> RuleTest:
        reader, entry = self._reader, self._entry
        reader.where = ""
        name = reader.text(entry, "name")
        reader.where = f'test "{name}"' if name else ""
        reader.check_keys(entry, _TEST_KEYS)
        return RuleTest(
            name,
            reader.milliseconds(entry, "interval", _DEFAULT_MS) or _DEFAULT_MS,
            tuple(self._series()),
            tuple(self._alert_cases()),
            tuple(self._expression_cases()),
            reader.texts(entry, "external_labels"),
        )

    def _series(self) -> Iterator[TestSeries]:
        reader = self._reader
        for entry in reader.entries(self._entry, "input_series"):
            reader.check_keys(entry, ("series", "values"))
            try:
                yield parse_series(reader.required(entry, "series"), reader.text(entry, "values"))
            except ValueError as error:
                reader.complain(entry.place, str(error))

    def _alert_cases(self) -> Iterator[AlertCase]:
        reader = self._reader
        for entry in reader.entries(self._entry, "alert_rule_test"):
            reader.check_keys(entry, ("eval_time", "alertname", "exp_alerts"))
            name = reader.required(entry, "alertname")
            yield AlertCase(reader.milliseconds(entry, "eval_time"), name, tuple(self._alerts(entry)))

    def _alerts(self, case: LocatedMap) -> Iterator[ExpectedAlert]:
        reader = self._reader
        for entry in reader.entries(case, "exp_alerts"):
            reader.check_keys(entry, ("exp_labels", "exp_annotations"))
            yield ExpectedAlert(reader.texts(entry, "exp_labels"), reader.texts(entry, "exp_annotations"))

    def _expression_cases(self) -> Iterator[ExpressionCase]:
        reader = self._reader
        for entry in reader.entries(self._entry, "promql_expr_test"):
            reader.check_keys(entry, ("expr", "eval_time", "exp_samples"))
            expr = reader.required(entry, "expr")
            yield ExpressionCase(reader.milliseconds(entry, "eval_time"), expr, tuple(self._samples(entry)))

    def _samples(self, case: LocatedMap) -> Iterator[tuple[dict[str, str], float]]:
        reader = self._reader
        for entry in reader.entries(case, "exp_samples"):
            reader.check_keys(entry, ("labels", "value"))
            try:
                labels = parse_metric(reader.text(entry, "labels") or "{}")
                yield labels, yaml_float(reader.text(entry, "value", "0"))
            except ValueError as error:
                reader.complain(entry.place, str(error))


def yaml_float(text: str) -> float:
    """A number as YAML writes it: `1`, `-2.5e3`, `.inf`, `.nan`; raises ValueError."""
    try:
        return float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))
    except ValueError:
        raise ValueError(f"{text!r} is not a number") from None
