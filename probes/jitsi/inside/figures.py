"""Numbers out of what an endpoint tells: JSON, Prometheus's text format, or samples of a Prometheus."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from prometheus_client.parser import text_string_to_metric_families

from probes.failure import ProbeError
from probes.sample import Labels, Metric, Reason

_LONGEST_LINE = 2000
"""Characters: longer ones are no line of ours, and would keep the parser busy."""


class Figure(NamedTuple):
    """One number: where it stands in JSON (`a.b` is b within a) and as a series, and what becomes of it.

    The units are those of JSON and series times their factors.
    """

    key: str
    json: str = ""
    series: str = ""
    metric: Metric | None = None
    labels: Labels = ()
    json_factor: float = 1.0
    series_factor: float = 1.0


def figures_of_json(figures: Iterable[Figure], document: Mapping[str, Any]) -> dict[str, float]:
    """By key, in base units; raises ProbeError where something else than a number or a flag stands."""
    found = {}
    for figure in figures:
        raw = _find(document, figure.json) if figure.json else None
        if raw is None:
            continue
        if not isinstance(raw, int | float) or not math.isfinite(raw) or raw < 0:
            raise ProbeError(Reason.PROTOCOL, f"{figure.json} is not a number")
        found[figure.key] = raw * figure.json_factor
    return found


def figures_of_series(figures: Iterable[Figure], series: Mapping[str, float]) -> dict[str, float]:
    """By key, in base units; `series`: value by name."""
    return {
        figure.key: series[figure.series] * figure.series_factor
        for figure in figures
        if figure.series in series
    }


def read_series(path: str, text: str, figures: Iterable[Figure]) -> dict[str, float]:
    """The series of these figures in Prometheus's text format or OpenMetrics, summed up by name.

    Raises ProbeError where a line of theirs is not understood.
    """
    wanted = {figure.series for figure in figures if figure.series}
    found: dict[str, float] = {}
    try:
        for name, value in _samples(text, wanted):
            if math.isfinite(value) and value >= 0:
                found[name] = found.get(name, 0.0) + value
    except (ValueError, IndexError):
        raise ProbeError(Reason.PROTOCOL, f"{path} is not in Prometheus's text format") from None
    return found


def values_of(
    figures: Iterable[Figure], found: Mapping[str, float], labels: Labels = ()
) -> Iterator[tuple[tuple[str, Labels], float]]:
    """The metrics of these figures, each with `labels` beside its own."""
    for figure in figures:
        if figure.metric is not None and figure.key in found:
            yield (figure.metric.name, tuple(sorted((*labels, *figure.labels)))), found[figure.key]


def _samples(text: str, wanted: set[str]) -> Iterator[tuple[str, float]]:
    for line in text.splitlines():
        name = line[:_LONGEST_LINE].partition("{")[0].partition(" ")[0]
        if name in wanted and len(line) <= _LONGEST_LINE:
            for family in text_string_to_metric_families(line):
                yield from ((name, float(sample.value)) for sample in family.samples)


def _find(document: Any, path: str) -> Any:
    for step in path.split("."):
        document = document.get(step) if isinstance(document, Mapping) else None
    return document
