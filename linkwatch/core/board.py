"""The board: the current value of every metric, in columns.

A column holds all series of one metric as arrays: one int32 code per label and row (codes come from
one table of texts shared by the whole board), float64 values, a presence mask and the time of the
measurement. Rules, /metrics and the API read it; only record and judge write it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Codes = NDArray[np.int32]
Rows = NDArray[np.intp]
Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]
_T = TypeVar("_T", bound=np.generic)

ABSENT_CODE = 0
"""The code of the empty text: a label that is empty is not there (as in Prometheus)."""


class Texts:
    """Every label value of a board, once: text <-> code. Code 0 is the empty text."""

    def __init__(self) -> None:
        self._texts: list[str] = [""]
        self._codes: dict[str, int] = {"": ABSENT_CODE}

    def __len__(self) -> int:
        return len(self._texts)

    def code(self, text: str) -> int:
        """The code of `text`, given out on first sight."""
        code = self._codes.get(text)
        if code is None:
            code = self._codes[text] = len(self._texts)
            self._texts.append(text)
        return code

    def find(self, text: str) -> int | None:
        """The code of `text` if it was ever seen."""
        return self._codes.get(text)

    def text(self, code: int) -> str:
        """The text behind a code."""
        return self._texts[code]


class Column:
    """All series of one metric.

    Public arrays are views of length `len(column)`; they are invalid after rows were added or
    removed, which `version` tells. Row numbers change only when rows are removed, which `generation`
    tells. `values[i]` means nothing while `present[i]` is false.
    """

    def __init__(self, name: str, texts: Texts) -> None:
        self.name = name
        self.version = 0
        self.generation = 0
        self._texts = texts
        self._size = 0
        self._labels: dict[str, Codes] = {}
        self._values: Floats = np.zeros(0)
        self._present: Mask = np.zeros(0, dtype=np.bool_)
        self._measured_at: Floats = np.zeros(0)
        self._index: dict[tuple[tuple[str, int], ...], int] | None = None

    def __len__(self) -> int:
        return self._size

    @property
    def values(self) -> Floats:
        """Current values, base units."""
        return self._values[: self._size]

    @property
    def present(self) -> Mask:
        """Which rows have a value now."""
        return self._present[: self._size]

    @property
    def measured_at(self) -> Floats:
        """When each value was last measured, seconds since the epoch; 0 = never."""
        return self._measured_at[: self._size]

    @property
    def label_names(self) -> tuple[str, ...]:
        """Names of the labels that any row has."""
        return tuple(self._labels)

    def codes(self, label: str) -> Codes:
        """The codes of one label for all rows; zeros if no row has the label."""
        codes = self._labels.get(label)
        return np.zeros(self._size, dtype=np.int32) if codes is None else codes[: self._size]

    def labels(self, row: int) -> dict[str, str]:
        """The labels of one row, without empty ones."""
        return {
            name: self._texts.text(int(codes[row]))
            for name, codes in self._labels.items()
            if codes[row] != ABSENT_CODE
        }

    def extend(self, labels: Mapping[str, Sequence[str]], count: int) -> Rows:
        """Add `count` rows at once; `labels[name][i]` is the label of the i-th. Returns their rows.

        The caller keeps the rows and sees to it that no label set comes twice.
        """
        start, self._size = self._size, self._size + count
        self._grow(labels)
        for name, texts in labels.items():
            self._labels[name][start : self._size] = [self._texts.code(text) for text in texts]
        self._index = None
        self.version += 1
        return np.arange(start, self._size)

    def ensure(self, labels: Mapping[str, str]) -> int:
        """The row of a label set, added if it is new."""
        key = tuple(sorted((name, self._texts.code(text)) for name, text in labels.items() if text))
        row = self._rows_by_labels().get(key)
        if row is None:
            index = self._rows_by_labels()
            row = int(self.extend({name: [text] for name, text in labels.items()}, 1)[0])
            index[key] = row
            self._index = index
        return row

    def find(self, labels: Mapping[str, str]) -> int | None:
        """The row of a label set, if there is one."""
        key = tuple(sorted((name, self._texts.code(text)) for name, text in labels.items() if text))
        return self._rows_by_labels().get(key)

    def set(self, labels: Mapping[str, str], value: float, at: float) -> None:
        """Put one value, measured at `at`."""
        self.put(self.ensure(labels), value, at)

    def put(self, row: int, value: float, at: float) -> None:
        """Put one value into a known row."""
        self._values[row], self._present[row], self._measured_at[row] = value, True, at

    def fill(self, rows: Rows, values: Floats, present: Mask, at: Floats | float) -> None:
        """Put many values; rows whose `present` is false become absent and keep `measured_at`."""
        self._values[rows] = values
        self._present[rows] = present
        self._measured_at[rows] = np.where(present, at, self._measured_at[rows])

    def clear(self, rows: Rows | Sequence[int]) -> None:
        """Make rows absent; they keep when they were last measured."""
        self._present[rows] = False

    def keep(self, mask: Mask) -> None:
        """Remove the rows whose `mask` is false; the rest move up in order."""
        for name, codes in self._labels.items():
            self._labels[name] = codes[: self._size][mask]
        self._values, self._present = self.values[mask], self.present[mask]
        self._measured_at = self.measured_at[mask]
        self._size = int(mask.sum())
        self._index = None
        self.version += 1
        self.generation += 1

    def forget_absent(self, before: float) -> None:
        """Remove the rows that are absent and were last measured before that time (UTC seconds)."""
        stays = self.present | (self.measured_at >= before)
        if not stays.all():
            self.keep(stays)

    def clear_rows(self) -> None:
        """Remove all rows."""
        self.keep(np.zeros(self._size, dtype=np.bool_))

    def _grow(self, labels: Iterable[str]) -> None:
        capacity = len(self._values)
        if self._size > capacity:
            one_by_one = self._size < capacity + 64
            capacity = max(self._size, 2 * capacity, 64) if one_by_one else self._size
            self._values = _enlarged(self._values, capacity)
            self._present = _enlarged(self._present, capacity)
            self._measured_at = _enlarged(self._measured_at, capacity)
            for name, codes in self._labels.items():
                self._labels[name] = _enlarged(codes, capacity)
        for name in labels:
            if name not in self._labels:
                self._labels[name] = np.zeros(capacity, dtype=np.int32)

    def _rows_by_labels(self) -> dict[tuple[tuple[str, int], ...], int]:
        if self._index is None:
            names = sorted(self._labels)
            matrix = np.stack([self.codes(name) for name in names], axis=1) if names else None
            self._index = {
                tuple((name, code) for name, code in zip(names, row, strict=True) if code): i
                for i, row in enumerate(matrix.tolist() if matrix is not None else [()] * self._size)
            }
        return self._index


class Board:
    """The columns of every metric, by name."""

    def __init__(self) -> None:
        self.texts = Texts()
        self._columns: dict[str, Column] = {}

    def __iter__(self) -> Iterator[Column]:
        return iter(self._columns.values())

    def column(self, name: str) -> Column:
        """The column of a metric, made on first use."""
        column = self._columns.get(name)
        if column is None:
            column = self._columns[name] = Column(name, self.texts)
        return column

    def find(self, name: str) -> Column | None:
        """The column of a metric, if anything was ever put there."""
        return self._columns.get(name)

    def forget_targets(self, targets: Iterable[str]) -> None:
        """Remove every series of these targets."""
        codes = [code for code in map(self.texts.find, targets) if code]
        for column in self._columns.values():
            gone = np.isin(column.codes("target"), codes)
            if gone.any():
                column.keep(~gone)


def _enlarged(array: NDArray[_T], capacity: int) -> NDArray[_T]:
    larger = np.zeros(capacity, dtype=array.dtype)
    larger[: len(array)] = array
    return larger
