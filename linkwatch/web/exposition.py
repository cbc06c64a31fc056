"""/metrics: the board in Prometheus's text format 0.0.4, and the metrics of LinkWatch's own process.

One family at a time is rendered, sent and forgotten, in blocks with a yield to the event loop between
them: a scrape of 270,000 series neither stops the loop nor holds its own text in memory.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from itertools import compress

import numpy as np
from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.exposition import generate_latest

from linkwatch.core.board import ABSENT_CODE, Board, Codes, Column, Floats, Mask, Texts
from linkwatch.core.catalog import TARGET_LABELS, Catalog, Metric

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

BLOCK_ROWS = 5_000
"""Series rendered between two yields: some 4 ms."""

_EXACT_INTEGER = 2.0**53
_HELP_ESCAPES = str.maketrans({"\\": r"\\", "\n": r"\n"})
_VALUE_ESCAPES = str.maketrans({"\\": r"\\", "\n": r"\n", '"': r"\""})
_SPECIAL_VALUES = {"nan": "NaN", "inf": "+Inf", "-inf": "-Inf"}


def process_registry() -> CollectorRegistry:
    """A registry with what prometheus_client says of a Python process."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    GCCollector(registry=registry)
    return registry


class Exposition:
    """Writes a board as text. Keeps the text of every row's labels, shared between families."""

    def __init__(self, board: Board, catalog: Catalog, process: CollectorRegistry) -> None:
        self._board = board
        self._catalog = catalog
        self._process = process
        self._label_texts: dict[tuple[str, ...], _LabelTexts] = {}
        self._row_labels: dict[str, _RowLabels] = {}

    async def blocks(self) -> AsyncIterator[bytes]:
        """The whole text in blocks; families without a present row are left out."""
        for name, metric in self._catalog.metrics.items():
            column = self._board.find(name)
            if column is not None and column.present.any():
                for block in self._family(metric, column):
                    yield block
                    await asyncio.sleep(0)
        yield generate_latest(self._process)

    def _family(self, metric: Metric, column: Column) -> Iterator[bytes]:
        """One family, as it is now: the board may change between two blocks."""
        values, present = column.values.copy(), column.present.copy()
        labels = self._labels(metric, column)
        head = _head(metric)
        for start in range(0, len(values), BLOCK_ROWS):
            block = slice(start, start + BLOCK_ROWS)
            lines = _lines(metric.name, labels.block(start), values[block], present[block])
            yield (head + "".join(lines)).encode()
            head = ""

    def _labels(self, metric: Metric, column: Column) -> _RowLabels:
        known = self._row_labels.get(metric.name)
        if known is None or known.version != column.version:
            of_target = tuple(name for name in TARGET_LABELS if name in metric.labels)
            others = tuple(name for name in metric.labels if name not in TARGET_LABELS)
            groups = [self._texts_of(names) for names in (of_target, others) if names]
            known = self._row_labels[metric.name] = _RowLabels(column, groups)
        return known

    def _texts_of(self, names: tuple[str, ...]) -> _LabelTexts:
        return self._label_texts.setdefault(names, _LabelTexts(self._board.texts, names))


class _LabelTexts:
    """Text of some labels, `a="x",b="y"`, by the codes of their values; made once."""

    def __init__(self, texts: Texts, names: tuple[str, ...]) -> None:
        self.names = names
        self._texts = texts
        self._known: dict[tuple[int, ...], str] = {}

    def of_rows(self, codes: Iterable[Codes]) -> list[str]:
        """The text of each row; `codes` holds one array for each label."""
        keys = list(zip(*(column.tolist() for column in codes), strict=True))
        known = self._known
        for key in set(keys).difference(known):
            known[key] = self._text(key)
        return [known[key] for key in keys]

    def _text(self, codes: tuple[int, ...]) -> str:
        return ",".join(
            f'{name}="{self._texts.text(code).translate(_VALUE_ESCAPES)}"'
            for name, code in zip(self.names, codes, strict=True)
            if code != ABSENT_CODE
        )


class _RowLabels:
    """Label texts of all rows of one version of a column, made block by block when first shown.

    A row's texts are one for each group of labels: those of the target, and the others.
    """

    def __init__(self, column: Column, groups: Sequence[_LabelTexts]) -> None:
        self.version = column.version
        self._size = len(column)
        self._blocks: dict[int, list[list[str]]] = {}
        self._codes = [(texts, [column.codes(name).copy() for name in texts.names]) for texts in groups]

    def block(self, start: int) -> list[list[str]]:
        """For each group the texts of the rows from `start` on."""
        if start not in self._blocks:
            rows = slice(start, start + BLOCK_ROWS)
            self._blocks[start] = [texts.of_rows(c[rows] for c in codes) for texts, codes in self._codes]
            if len(self._blocks) * BLOCK_ROWS >= self._size:
                self._codes = []
        return self._blocks[start]


def _lines(name: str, labels: Sequence[Sequence[str]], values: Floats, present: Mask) -> list[str]:
    texts = value_texts(values[present])
    if not present.all():
        labels = [list(compress(group, present.tolist())) for group in labels]
    if not labels:
        return [f"{name} {value}\n" for value in texts]
    if len(labels) == 1:
        return [_line(name, group, value) for group, value in zip(*labels, texts, strict=True)]
    return [
        f"{name}{{{first},{second}}} {value}\n" if first and second else _line(name, first or second, value)
        for first, second, value in zip(*labels, texts, strict=True)
    ]


def value_texts(values: Floats) -> list[str]:
    """Each value as the shortest text that reads back exactly: `3`, `0.25`, `NaN`, `+Inf`."""
    whole = (values == np.trunc(values)) & (np.abs(values) < _EXACT_INTEGER)
    if whole.all():
        return list(map(str, values.astype(np.int64).tolist()))
    texts = list(map(repr, values.tolist()))
    for i in np.flatnonzero(whole | ~np.isfinite(values)).tolist():
        texts[i] = _SPECIAL_VALUES.get(texts[i]) or texts[i].removesuffix(".0")
    return texts


def _line(name: str, labels: str, value: str) -> str:
    return f"{name}{{{labels}}} {value}\n" if labels else f"{name} {value}\n"


def _head(metric: Metric) -> str:
    help_text = metric.help.translate(_HELP_ESCAPES)
    return f"# HELP {metric.name} {help_text}\n# TYPE {metric.name} {metric.type}\n"
