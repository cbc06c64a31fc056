"""What is doubtful about rules that load: warnings, never errors, and nothing of it blocks a page."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from linkwatch.config.problems import suggest
from linkwatch.core.catalog import Catalog, Metric
from linkwatch.core.promql.syntax import METRIC_NAME, Selector
from linkwatch.core.rule import Rule

TEXTS = ("summary", "cause", "consequence", "action")
"""Annotations that every rule should have, in Vietnamese; in English with `_en` behind."""

_SEVERITIES = ("critical", "warning", "info", "none")
_SYNTHETIC = frozenset({"ALERTS", "ALERTS_FOR_STATE"})


@dataclass(frozen=True, slots=True)
class RuleWarning:
    """One doubt about one rule."""

    file: str
    line: int
    group: str
    rule: str
    text: str

    def __str__(self) -> str:
        return f'{self.file}:{self.line}: group "{self.group}", rule "{self.rule}": {self.text}'


def check_rules(rules: Iterable[Rule], catalog: Catalog) -> list[RuleWarning]:
    """Unknown metrics and labels, texts and severity that are missing, templates that cannot be rendered."""
    return [
        RuleWarning(rule.file, rule.line, rule.group, rule.name, text)
        for rule in rules
        for text in dict.fromkeys(_doubts(rule, catalog))
    ]


def _doubts(rule: Rule, catalog: Catalog) -> Iterator[str]:
    for selector in rule.expression.selectors:
        yield from _of_selector(selector, catalog)
    yield from _of_severity(rule)
    missing = [name for text in TEXTS for name in (text, f"{text}_en") if not rule.annotations.get(name)]
    if missing:
        yield f"annotations are missing: {', '.join(missing)}"
    yield from _of_templates(rule)


def _of_selector(selector: Selector, catalog: Catalog) -> Iterator[str]:
    if selector.name is None or selector.name in _SYNTHETIC:
        return
    metric = catalog.find(selector.name)
    if metric is None:
        near = catalog.near(selector.name)
        yield f"the metric {selector.name} is not known" + (f"; did you mean {near}?" if near else "")
        return
    yield from _of_labels(metric, [matcher.label for matcher in selector.matchers])


def _of_labels(metric: Metric, labels: Sequence[str]) -> Iterator[str]:
    for label in labels:
        if label not in metric.labels and label != METRIC_NAME:
            yield f"the metric {metric.name} has no label {label!r}{suggest(label, metric.labels)}"


def _of_severity(rule: Rule) -> Iterator[str]:
    severity = rule.labels.get("severity")
    if severity is None:
        yield f"the label severity is missing (allowed: {', '.join(_SEVERITIES)}); it counts as warning"
    elif severity not in _SEVERITIES and "{{" not in severity:
        yield f"severity {severity!r} is not known{suggest(severity, _SEVERITIES)}"


def _of_templates(rule: Rule) -> Iterator[str]:
    """Render everything once: `gt $value 5` parses but compares a float with an integer."""
    for name, template in (*rule.label_templates.items(), *rule.annotation_templates.items()):
        text = template.render({}, 1.5)
        if text.startswith("<error expanding template"):
            yield f"{name}: {text}"
