"""Unit tests of rules with the semantics of `promtool test rules`: plain Prometheus, nothing held."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from linkwatch.core.board import Board
from linkwatch.core.claims import RuleClaims
from linkwatch.core.lifecycle import Immediate, Lifecycle
from linkwatch.core.promql import PromqlError, Vector, evaluate, parse
from linkwatch.core.promql.syntax import METRIC_NAME
from linkwatch.core.records import Alert, AlertState
from linkwatch.core.rule import ALERT_NAME, Labels, Rule, full_id
from linkwatch.core.template.gotext import text_of
from linkwatch.core.testseries import LOOKBACK_MS, Feed, TestSeries

_SAME_DIGITS = 1e-13
"""Floats are equal up to their last digits: those differ between versions of Prometheus."""


@dataclass(frozen=True, slots=True)
class ExpectedAlert:
    """A firing alert; `alertname` is added to its labels."""

    labels: Labels = field(default_factory=dict)
    annotations: Labels = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AlertCase:
    """Which alerts of a name fire at a time (milliseconds since the start)."""

    at_ms: int
    alertname: str
    expected: tuple[ExpectedAlert, ...] = ()


@dataclass(frozen=True, slots=True)
class ExpressionCase:
    """What an expression gives at a time: labels (metric name as `__name__`) and value."""

    at_ms: int
    expr: str
    expected: tuple[tuple[Labels, float], ...] = ()


@dataclass(frozen=True, slots=True)
class RuleTest:
    """One test: series, and what is expected of them."""

    name: str = ""
    interval_ms: int = 60_000
    series: tuple[TestSeries, ...] = ()
    alert_cases: tuple[AlertCase, ...] = ()
    expression_cases: tuple[ExpressionCase, ...] = ()
    external_labels: Labels = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Failure:
    """One expectation that was not met, or an error: what it was about and what came instead."""

    subject: str
    at_ms: int
    expected: str = ""
    got: str = ""
    error: str = ""

    def __str__(self) -> str:
        head = f"    {self.subject}, time: {spell_ms(self.at_ms)},"
        if self.error:
            return f"{head} err: {self.error}"
        return f"{head}\n        exp: {self.expected}\n        got: {self.got}"


def run_test(test: RuleTest, rules: Sequence[Rule], evaluation_ms: int) -> list[Failure]:
    """Play one test through: rules are evaluated every `evaluation_ms` from 0; times are virtual.

    A rule that cannot be evaluated ends the test, as in promtool.
    """
    try:
        play = _Play(test, rules)
    except ValueError as error:
        return [Failure("input_series", 0, error=str(error))]
    times = [case.at_ms for case in test.alert_cases] + [case.at_ms for case in test.expression_cases]
    end_ms = max(times, default=0)
    for at_ms in range(0, end_ms + 1, evaluation_ms):
        if evaluation_ms > LOOKBACK_MS:
            play.forget()
        errors = play.evaluate(at_ms)
        if errors:
            return errors
        play.check(at_ms, at_ms + evaluation_ms)
    return play.failures


class _Play:
    """One test under way."""

    def __init__(self, test: RuleTest, rules: Sequence[Rule]) -> None:
        self._test = test
        self._board = Board()
        self._feed = Feed(self._board, test.series, test.interval_ms)
        self._judged = [_Judged(rule, test.external_labels, self._board) for rule in rules]
        self._alert_failures: list[Failure] = []
        self._expression_failures: list[Failure] = []

    @property
    def failures(self) -> list[Failure]:
        return self._alert_failures + self._expression_failures

    def evaluate(self, at_ms: int) -> list[Failure]:
        self._feed.put(at_ms)
        errors = [(judged.rule, judged.step(at_ms)) for judged in self._judged]
        return [Failure(f"rule: {rule.name}", at_ms, error=error) for rule, error in errors if error]

    def forget(self) -> None:
        """Take off the board what rules wrote at the last evaluation: it is too long ago to be seen."""
        for judged in self._judged:
            judged.forget()

    def check(self, from_ms: int, until_ms: int) -> None:
        """Check every case of which the time has come."""
        for alert_case in self._test.alert_cases:
            if from_ms <= alert_case.at_ms < until_ms:
                self._check_alerts(alert_case)
        for case in sorted(self._test.expression_cases, key=lambda case: case.at_ms):
            if from_ms <= case.at_ms < until_ms:
                self._check_expression(case, is_recent=case.at_ms - from_ms <= LOOKBACK_MS)

    def _check_alerts(self, case: AlertCase) -> None:
        firing = [alert for judged in self._judged for alert in judged.firing(case.alertname)]
        got = sorted(_shown(alert.labels, alert.annotations) for alert in firing)
        wanted = sorted(
            _shown({**alert.labels, ALERT_NAME: case.alertname}, alert.annotations) for alert in case.expected
        )
        if got != wanted:
            subject = f"alertname: {case.alertname}"
            failure = Failure(subject, case.at_ms, _listed(wanted), _listed(got))
            self._alert_failures.append(failure)

    def _check_expression(self, case: ExpressionCase, *, is_recent: bool) -> None:
        self._feed.put(case.at_ms)
        if not is_recent:
            self.forget()
        subject = f'expr: "{case.expr}"'
        try:
            value = evaluate(parse(case.expr), self._board, case.at_ms / 1000)
        except PromqlError as error:
            self._expression_failures.append(Failure(subject, case.at_ms, error=str(error)))
            return
        got = value.samples() if isinstance(value, Vector) else [({}, value)]
        if not _same_samples(got, case.expected):
            wanted = _listed(_sample(*one) for one in case.expected)
            failure = Failure(subject, case.at_ms, wanted, _listed(_sample(*one) for one in got))
            self._expression_failures.append(failure)


class _Judged:
    """One rule with its alerts, which are series of their own too: ALERTS and ALERTS_FOR_STATE."""

    def __init__(self, rule: Rule, external_labels: Labels, board: Board) -> None:
        self.rule = rule
        self._board = board
        self._claims = RuleClaims(rule, full_id, external_labels)
        self._lifecycle = Lifecycle(external_labels)
        self._written: dict[str, list[int]] = {}

    def step(self, at_ms: int) -> str:
        """Evaluate the rule; returns the error, if any."""
        now = at_ms / 1000
        try:
            holdings = self._claims.evaluate(self._board, now)
        except PromqlError as error:
            return str(error)
        self._lifecycle.step(now, holdings, Immediate())
        self.forget()
        for alert in self._lifecycle.active.values():
            # As in Prometheus: a label that came out empty shows its template here.
            labels = {**self.rule.labels, **alert.labels}
            self._write("ALERTS", {**labels, "alertstate": alert.state.value}, 1.0, now)
            self._write("ALERTS_FOR_STATE", labels, alert.true_since, now)
        return ""

    def firing(self, name: str) -> list[Alert]:
        """The firing alerts with the annotations of now, if the rule has this name."""
        if self.rule.name != name:
            return []
        active = self._lifecycle.active.items()
        return [self._lifecycle.latest(key) for key, alert in active if alert.state is AlertState.FIRING]

    def forget(self) -> None:
        """Take the rule's own series off the board."""
        for name, rows in self._written.items():
            self._board.column(name).clear(np.array(rows, dtype=np.intp))
        self._written = {}

    def _write(self, name: str, labels: Mapping[str, str], value: float, now: float) -> None:
        column = self._board.column(name)
        column.set(labels, value, now)
        self._written.setdefault(name, []).append(column.ensure(labels))


def _same_samples(got: Sequence[tuple[Labels, float]], wanted: Sequence[tuple[Labels, float]]) -> bool:
    ours = sorted((sorted(labels.items()), value) for labels, value in got)
    theirs = sorted((sorted(labels.items()), value) for labels, value in wanted)
    return len(ours) == len(theirs) and all(
        one[0] == other[0] and _same(one[1], other[1]) for one, other in zip(ours, theirs, strict=True)
    )


def _same(one: float, other: float) -> bool:
    return math.isclose(one, other, rel_tol=_SAME_DIGITS, abs_tol=0.0)


def _shown(labels: Labels, annotations: Labels) -> str:
    return f"Labels:{_braced(labels)} Annotations:{_braced(annotations)}"


def _sample(labels: Labels, value: float) -> str:
    own = {name: text for name, text in labels.items() if name != METRIC_NAME}
    return f"{labels.get(METRIC_NAME, '')}{_braced(own)} {text_of(value)}"


def _braced(labels: Labels) -> str:
    return "{" + ", ".join(f'{name}="{labels[name]}"' for name in sorted(labels)) + "}"


def _listed(texts: Iterable[str]) -> str:
    listed = list(texts)
    return "\n             ".join(listed) if listed else "nothing"


def spell_ms(milliseconds: int) -> str:
    """A duration as Prometheus writes it: 90000 -> 1m30s."""
    if milliseconds == 0:
        return "0s"
    text, rest = "", milliseconds
    for unit, size in (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)):
        count, rest = divmod(rest, size)
        text += f"{count}{unit}" if count else ""
    return text
