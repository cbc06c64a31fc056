"""The board: the current value of every metric, in columns.

A column holds all series of one metric as arrays: the numbers of their label sets (from tables shared by
the whole board), float64 values, a presence mask and the time of the measurement. Rules, /metrics and the
API read it; only record and judge write it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from linkwatch.core.catalog import TARGET_LABELS
from linkwatch.core.labelsets import NO_LABELS, Codes, SeriesLabels, Texts, enlarged

Rows = NDArray[np.intp]
Floats = NDArray[np.float64]
Counts = NDArray[np.int64]
Mask = NDArray[np.bool_]


class Column:
    """All series of one metric.

    Public arrays are views of length `len(column)`; they are invalid after rows were added or
    removed, which `version` tells. Row numbers change only when rows are removed, which `generation`
    tells. `values[i]` means nothing while `present[i]` is false.
    """

    def __init__(self, name: str, tables: SeriesLabels) -> None:
        self.name = name
        self.version = 0
        self.generation = 0
        self._tables = tables
        self._size = 0
        self._subjects: Codes = np.zeros(0, dtype=np.int32)
        self._details: Codes = np.zeros(0, dtype=np.int32)
        self._values: Floats = np.zeros(0)
        self._present: Mask = np.zeros(0, dtype=np.bool_)
        self._measured_at: Floats = np.zeros(0)
        self._index: dict[tuple[int, int], int] | None = None
        self._order: tuple[int, Rows, Codes] = (0, np.zeros(0, dtype=np.intp), self._subjects)

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
    def subjects(self) -> Codes:
        """The number of each row's labels of the target, in the board's table of subjects."""
        return self._subjects[: self._size]

    @property
    def details(self) -> Codes:
        """The number of each row's other labels, in the board's table of details."""
        return self._details[: self._size]

    @property
    def label_names(self) -> tuple[str, ...]:
        """Names of the labels that any row has."""
        tables = self._tables
        return (*tables.subjects.names(self.subjects), *tables.details.names(self.details))

    def codes(self, label: str) -> Codes:
        """The codes of one label for all rows; zeros if no row has the label."""
        if label in TARGET_LABELS:
            return self._tables.subjects.codes(label)[self.subjects]
        return self._tables.details.codes(label)[self.details]

    def rows_of(self, target: str) -> Rows:
        """The rows of a target, in order."""
        order, subjects = self._by_subject()
        numbers = self._tables.subjects.having("target", target)
        spans = zip(
            subjects.searchsorted(numbers).tolist(), subjects.searchsorted(numbers + 1).tolist(), strict=True
        )
        found = [order[start:end] for start, end in spans]
        return found[0] if len(found) == 1 else np.sort(np.concatenate([np.zeros(0, dtype=np.intp), *found]))

    def labels(self, row: int) -> dict[str, str]:
        """The labels of one row, without empty ones."""
        return self._tables.labels(int(self._subjects[row]), int(self._details[row]))

    def extend(self, subjects: Codes, details: Codes | int = NO_LABELS) -> slice:
        """Add one row for each subject at once, with these details (or all with the same). Returns the rows.

        The caller keeps the rows and sees to it that no label set comes twice.
        """
        start, self._size = self._size, self._size + len(subjects)
        self._grow()
        self._subjects[start : self._size] = subjects
        self._details[start : self._size] = details
        self._index = None
        self.version += 1
        return slice(start, self._size)

    def ensure(self, labels: Mapping[str, str]) -> int:
        """The row of a label set, added if it is new."""
        key = subject, detail = self._tables.numbers(labels)
        index = self._rows_by_labels()
        row = index.get(key)
        if row is None:
            row = index[key] = self.extend(np.array([subject], dtype=np.int32), detail).start
            self._index = index
        return row

    def find(self, labels: Mapping[str, str]) -> int | None:
        """The row of a label set, if there is one."""
        key = self._tables.find(labels)
        return None if key is None else self._rows_by_labels().get(key)

    def set(self, labels: Mapping[str, str], value: float, at: float) -> None:
        """Put one value, measured at `at`."""
        self.put(self.ensure(labels), value, at)

    def put(self, row: int, value: float, at: float) -> None:
        """Put one value into a known row."""
        self._values[row], self._present[row], self._measured_at[row] = value, True, at

    def fill(self, rows: Rows | slice, values: Floats | Counts, present: Mask, at: Floats | float) -> None:
        """Put many values; rows whose `present` is false become absent and keep `measured_at`."""
        self._values[rows] = values
        self._present[rows] = present
        self._measured_at[rows] = np.where(present, at, self._measured_at[rows])

    def clear(self, rows: Rows | Sequence[int]) -> None:
        """Make rows absent; they keep when they were last measured."""
        self._present[rows] = False

    def keep(self, mask: Mask) -> None:
        """Remove the rows whose `mask` is false; the rest move up in order."""
        self._subjects, self._details = self.subjects[mask], self.details[mask]
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

    def _grow(self) -> None:
        capacity = len(self._values)
        if self._size <= capacity:
            return
        one_by_one = self._size < capacity + 64
        capacity = max(self._size, 2 * capacity, 64) if one_by_one else self._size
        self._subjects, self._details = enlarged(self._subjects, capacity), enlarged(self._details, capacity)
        self._values, self._present = enlarged(self._values, capacity), enlarged(self._present, capacity)
        self._measured_at = enlarged(self._measured_at, capacity)

    def _by_subject(self) -> tuple[Rows, Codes]:
        """Rows in the order of their subjects, and those."""
        version, order, subjects = self._order
        if version != self.version:
            order = np.argsort(self.subjects, kind="stable")
            subjects = self.subjects[order]
            self._order = self.version, order, subjects
        return order, subjects

    def _rows_by_labels(self) -> dict[tuple[int, int], int]:
        if self._index is None:
            keys = zip(self.subjects.tolist(), self.details.tolist(), strict=True)
            self._index = dict(zip(keys, range(self._size), strict=True))
        return self._index


class Board:
    """The columns of every metric, by name."""

    def __init__(self) -> None:
        self.labels = SeriesLabels()
        self._columns: dict[str, Column] = {}

    @property
    def texts(self) -> Texts:
        """Every label value, once."""
        return self.labels.texts

    def __iter__(self) -> Iterator[Column]:
        return iter(self._columns.values())

    def column(self, name: str) -> Column:
        """The column of a metric, made on first use."""
        column = self._columns.get(name)
        if column is None:
            column = self._columns[name] = Column(name, self.labels)
        return column

    def find(self, name: str) -> Column | None:
        """The column of a metric, if anything was ever put there."""
        return self._columns.get(name)

    def move_times(self, by_s: float) -> None:
        """Go on with a clock that was set by so much: what was measured is as old as it was."""
        for column in self._columns.values():
            measured_at = column.measured_at
            measured_at[measured_at > 0.0] += by_s

    def forget_targets(self, targets: Iterable[str]) -> None:
        """Remove every series of these targets."""
        codes = [code for code in map(self.texts.find, targets) if code]
        numbers = np.flatnonzero(np.isin(self.labels.subjects.codes("target"), codes))
        for column in self._columns.values():
            gone = np.isin(column.subjects, numbers)
            if gone.any():
                column.keep(~gone)
