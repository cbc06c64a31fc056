"""/metrics: the board in Prometheus's text format 0.0.4, and the metrics of LinkWatch's own process.

One family at a time is rendered, sent and forgotten, in blocks with a yield to the event loop between
them: a scrape of 270,000 series neither stops the loop nor holds its own text in memory.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray
from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.exposition import generate_latest

from linkwatch.core.board import Board, Column, Floats
from linkwatch.core.catalog import Catalog, Metric
from linkwatch.core.labelsets import NO_LABELS, Codes, LabelSets

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

BLOCK_ROWS = 5_000
"""Series rendered between two yields: some 1 ms."""

BLOCK_SETS = 500
"""Label sets written between two yields: the same."""

_EXACT_INTEGER = 2.0**53
_HELP_ESCAPES = str.maketrans({"\\": r"\\", "\n": r"\n"})
_VALUE_ESCAPES = str.maketrans({"\\": r"\\", "\n": r"\n", '"': r"\""})
_SPECIAL_VALUES = {"nan": b"NaN", "inf": b"+Inf", "-inf": b"-Inf"}


def process_registry() -> CollectorRegistry:
    """A registry with what prometheus_client says of a Python process."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    GCCollector(registry=registry)
    return registry


class Exposition:
    """Writes a board as text. The text of a label set is made once and kept: it stands in many lines."""

    def __init__(self, board: Board, catalog: Catalog, process: CollectorRegistry) -> None:
        self._board = board
        self._catalog = catalog
        self._process = process
        self._subjects = _LabelTexts(board.labels.subjects, _subject_forms)
        self._details = _LabelTexts(board.labels.details, _detail_forms)

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
        rows = np.flatnonzero(column.present)
        subjects, details, values = column.subjects[rows], column.details[rows], column.values[rows]
        yield from self._subjects.catch_up()
        yield from self._details.catch_up()
        yield _head(metric)
        for start in range(0, len(rows), BLOCK_ROWS):
            block = slice(start, start + BLOCK_ROWS)
            yield self._lines(metric.name, subjects[block], details[block], values[block])

    def _lines(self, name: str, subjects: Codes, details: Codes, values: Floats) -> bytes:
        """A line for each row, in one join of four pieces a line, most of which stand in many lines."""
        pieces = [f"\n{name}".encode()] * (4 * len(values))
        pieces[0] = name.encode()
        pieces[1::4] = self._subjects.of(subjects)
        pieces[2::4] = self._details.of(2 * details + (subjects != NO_LABELS))
        pieces[3::4] = value_texts(values)
        pieces.append(b"\n")
        return b"".join(pieces)


class _LabelTexts:
    """Texts of the label sets of a table by their numbers, each made once."""

    def __init__(self, sets: LabelSets, forms: Callable[[str], Sequence[str]]) -> None:
        """`forms`: how `a="x",b="y"` is written; where a set has several forms, they follow each other."""
        self._sets = sets
        self._forms = forms
        self._done = 0
        self._texts: list[bytes] = []

    def catch_up(self) -> Iterator[bytes]:
        """Make the texts of sets that are new; at each pause there is nothing to send."""
        while self._done < len(self._sets):
            new = range(self._done, min(self._done + BLOCK_SETS, len(self._sets)))
            for number in new:
                forms = self._forms(_pairs(self._sets.labels(number)))
                self._texts += [text.encode(errors="replace") for text in forms]
            self._done = new.stop
            yield b""

    def of(self, numbers: NDArray[np.integer[Any]]) -> list[bytes]:
        """The text of each."""
        texts = self._texts
        return [texts[number] for number in numbers.tolist()]


def _pairs(labels: Mapping[str, str]) -> str:
    return ",".join([f'{name}="{text.translate(_VALUE_ESCAPES)}"' for name, text in labels.items()])


def _subject_forms(pairs: str) -> Sequence[str]:
    return (f"{{{pairs}" if pairs else "",)


def _detail_forms(pairs: str) -> Sequence[str]:
    """Without a subject before it, and with one."""
    return (f"{{{pairs}}} ", f",{pairs}}} ") if pairs else (" ", "} ")


def value_texts(values: Floats) -> list[bytes]:
    """Each value as the shortest text that reads back exactly: `3`, `0.25`, `NaN`, `+Inf`."""
    whole = (values == np.trunc(values)) & (np.abs(values) < _EXACT_INTEGER)
    if whole.all():
        return _json_items(values.astype(np.int64))
    texts = _json_items(values)
    for i in np.flatnonzero(whole | ~np.isfinite(values)).tolist():
        texts[i] = _SPECIAL_VALUES.get(str(values[i])) or texts[i].removesuffix(b".0")
    return texts


def _json_items(values: NDArray[Any]) -> list[bytes]:
    # A tenth of the time of repr(), and the same digits: the shortest that read back exactly.
    return orjson.dumps(values, option=orjson.OPT_SERIALIZE_NUMPY)[1:-1].split(b",") if len(values) else []


def _head(metric: Metric) -> bytes:
    help_text = metric.help.translate(_HELP_ESCAPES)
    return f"# HELP {metric.name} {help_text}\n# TYPE {metric.name} {metric.type}\n".encode()
