"""Vectors: the label sets of series in columns (a frame), a value for each, and which are there.

A frame never changes; what is derived from it (labels dropped, groups, joins with other frames) is
remembered beside it, so that a rule evaluated every second pays for its label work only when series
come or go.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any, NamedTuple, TypeVar, cast
from weakref import WeakKeyDictionary

import numpy as np

from linkwatch.core.board import Floats, Mask, Rows
from linkwatch.core.labelsets import Codes, Texts
from linkwatch.core.promql.syntax import METRIC_NAME, PromqlError

_T = TypeVar("_T")


class Groups(NamedTuple):
    """Rows by equal labels: `ids[row]` is the group of a row; `first[group]` one row of a group."""

    ids: Rows
    first: Rows


class Frame:
    """Label sets of `size` series: label name -> one code per row (0 = the row lacks the label)."""

    def __init__(self, texts: Texts, labels: Mapping[str, Codes], size: int) -> None:
        self.texts = texts
        self.labels = labels
        self.size = size
        self._derived: dict[Hashable, Any] = {}
        self._pairs: WeakKeyDictionary[Frame, dict[Hashable, Any]] = WeakKeyDictionary()
        self._row_labels: dict[int, dict[str, str]] = {}

    def row_labels(self, row: int) -> dict[str, str]:
        """The labels of one row, metric name included; shared, not to be changed."""
        labels = self._row_labels.get(row)
        if labels is None:
            text = self.texts.text
            labels = {name: text(int(codes[row])) for name, codes in self.labels.items() if codes[row]}
            self._row_labels[row] = labels
        return labels

    def codes(self, label: str) -> Codes:
        """The codes of a label; zeros when no row has it."""
        codes = self.labels.get(label)
        return np.zeros(self.size, dtype=np.int32) if codes is None else codes

    def without(self, names: Sequence[str]) -> Frame:
        """The same rows with fewer labels."""
        return self.only([name for name in self.labels if name not in names])

    def only(self, names: Sequence[str]) -> Frame:
        """The same rows with no other labels than these."""
        kept = frozenset(names).intersection(self.labels)
        if len(kept) == len(self.labels):
            return self
        labels = {name: codes for name, codes in self.labels.items() if name in kept}
        return self.derive(("only", kept), lambda: Frame(self.texts, labels, self.size))

    def derive(self, key: Hashable, make: Callable[[], _T]) -> _T:
        """What `make` returns, made once per key."""
        if key not in self._derived:
            self._derived[key] = make()
        return cast(_T, self._derived[key])

    def derive_with(self, other: Frame, key: Hashable, make: Callable[[], _T]) -> _T:
        """What `make` returns, made once per key for this frame and `other` together."""
        made = self._pairs.setdefault(other, {})
        if key not in made:
            made[key] = make()
        return cast(_T, made[key])

    @cached_property
    def label_groups(self) -> Groups:
        """Rows by all of their labels."""
        return group_rows(list(self.labels.values()), self.size)

    @cached_property
    def is_unique(self) -> bool:
        """Whether no two rows have the same labels."""
        return len(self.label_groups.first) == self.size

    def rows_where(self, label: str, code: int) -> Rows:
        """The rows whose label has this code."""
        order, spans = self.derive(("spans", label), lambda: _spans(self.codes(label)))
        start, end = spans.get(code, (0, 0))
        return order[start:end]


def _spans(codes: Codes) -> tuple[Rows, dict[int, tuple[int, int]]]:
    """Rows sorted by code, and where each code starts and ends among them."""
    order = np.argsort(codes, kind="stable")
    found, starts = np.unique(codes[order], return_index=True)
    bounds = [*starts.tolist(), len(codes)]
    return order, dict(zip(found.tolist(), pairwise(bounds), strict=True))


def group_rows(columns: Sequence[Codes], size: int) -> Groups:
    """Group rows that have equal codes in every column; without columns all rows are one group."""
    ids = np.zeros(size, dtype=np.intp)
    for codes in columns:
        combined = ids * (int(codes.max(initial=0)) + 1) + codes
        ids = np.unique(combined, return_inverse=True)[1].reshape(size)
    return Groups(ids, np.unique(ids, return_index=True)[1])


@dataclass(frozen=True, slots=True, eq=False)
class Vector:
    """An instant vector: `values[i]` of row `i` of the frame means something where `present[i]`.

    Arrays are not to be changed; NaN is a value, absent is not there.
    """

    frame: Frame
    values: Floats
    present: Mask

    def __len__(self) -> int:
        return int(np.count_nonzero(self.present))

    @property
    def rows(self) -> Rows:
        """The rows that are present."""
        return np.flatnonzero(self.present)

    def samples(self) -> list[tuple[dict[str, str], float]]:
        """Labels (metric name as `__name__`) and value of every series."""
        return [(self.frame.row_labels(int(i)), float(self.values[i])) for i in self.rows]

    def compressed(self) -> Vector:
        """The same series in a frame that has no absent rows."""
        rows = self.rows
        labels = {name: codes[rows] for name, codes in self.frame.labels.items()}
        frame = Frame(self.frame.texts, labels, len(rows))
        return Vector(frame, self.values[rows], np.ones(len(rows), dtype=np.bool_))

    def without_name(self) -> Vector:
        """The same series without metric name; raises PromqlError if two become one."""
        return checked(Vector(self.frame.without((METRIC_NAME,)), self.values, self.present))


def checked(vector: Vector) -> Vector:
    """The vector itself; raises PromqlError if two present series have the same labels."""
    if not vector.frame.is_unique:
        ids = vector.frame.label_groups.ids[vector.present]
        if ids.size and np.bincount(ids).max() > 1:
            raise PromqlError("vector cannot contain metrics with the same labelset")
    return vector


def single(texts: Texts, labels: Mapping[str, str], value: float) -> Vector:
    """A vector of one series."""
    columns = {name: np.array([texts.code(text)], dtype=np.int32) for name, text in labels.items() if text}
    return Vector(Frame(texts, columns, 1), np.array([value]), np.ones(1, dtype=np.bool_))


def empty(texts: Texts) -> Vector:
    """A vector of no series."""
    return Vector(Frame(texts, {}, 0), np.zeros(0), np.zeros(0, dtype=np.bool_))
