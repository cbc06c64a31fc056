"""What a PromQL expression asks for, and whether the catalogue has it."""

from __future__ import annotations

from collections.abc import Iterator

import promql_parser

from linkwatch.core.catalog import ROLLUPS_S, WINDOWS_S, Catalog

LABEL_VALUES = {
    "window": {*WINDOWS_S, *ROLLUPS_S},
    "stat": {"mean", "p50", "p95", "p99", "max"},
    "objective": {"loss", "rtt", "jitter", "availability"},
    "emergency": {"true", "false"},
}
"""Labels whose values are known beforehand: a rule that asks for another one never fires."""


def selectors(expr: str) -> list[tuple[str, list[tuple[str, str, str]]]]:
    """Each selector of `expr`: metric name and (label, operator, value) of its matchers."""
    found = []

    def visit(node: promql_parser.Expr) -> None:
        if isinstance(node, promql_parser.VectorSelector):
            matchers = [(m.name, str(m.op).partition(".")[2], m.value) for m in node.matchers.matchers]
            found.append((node.name, matchers))

    promql_parser.walk(promql_parser.parse(expr), visit)
    return found


def unknown_to(catalog: Catalog, expr: str) -> Iterator[str]:
    """What `expr` asks for that can never be there."""
    for name, matchers in selectors(expr):
        metric = catalog.find(name)
        if metric is None:
            yield f"metric {name}"
            continue
        for label, operator, value in matchers:
            if label not in metric.labels:
                yield f"label {label} of {name}"
            elif operator == "Equal" and value and value not in LABEL_VALUES.get(label, {value}):
                yield f"{label}={value!r} of {name}"
