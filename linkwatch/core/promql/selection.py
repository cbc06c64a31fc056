"""What a selector selects from a board, remembered until rows of its columns come or go."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple
from weakref import WeakKeyDictionary

import numpy as np

from linkwatch.core.board import Board, Column, Floats, Mask, Rows
from linkwatch.core.labelsets import Codes, Texts
from linkwatch.core.promql.syntax import METRIC_NAME, Expression, Matcher, Selector
from linkwatch.core.promql.vector import Frame, Vector
from linkwatch.core.records import SeriesKey


class Part(NamedTuple):
    """Rows of one column, valid for one version of it."""

    column: Column
    version: int
    rows: Rows


@dataclass(frozen=True, slots=True, eq=False)
class Selection:
    """The rows that a selector selects, present or not, and their labels as one frame."""

    parts: tuple[Part, ...]
    frame: Frame
    _keys: dict[int, SeriesKey]

    def vector(self) -> Vector:
        """The selected series with their values of now."""
        return Vector(self.frame, self._gather("values"), self.present())

    def present(self) -> Mask:
        """Which rows of the frame have a value now."""
        return self._gather("present").astype(np.bool_, copy=False)

    def series(self, target_code: int) -> list[SeriesKey]:
        """The present series whose `target` label has this code."""
        rows = self.frame.rows_where("target", target_code).tolist()
        return [self._key(row) for row in rows if self._is_present(row)]

    def _gather(self, what: str) -> Floats:
        gathered = [getattr(part.column, what)[part.rows] for part in self.parts]
        if len(gathered) == 1:
            return gathered[0]  # type: ignore[no-any-return]
        return np.concatenate([np.zeros(0), *gathered])

    def _is_present(self, row: int) -> bool:
        for part in self.parts:
            if row < len(part.rows):
                return bool(part.column.present[part.rows[row]])
            row -= len(part.rows)
        raise IndexError(row)

    def _key(self, row: int) -> SeriesKey:
        key = self._keys.get(row)
        if key is None:
            labels = self.frame.row_labels(row)
            pairs = tuple(sorted((name, text) for name, text in labels.items() if name != METRIC_NAME))
            key = self._keys[row] = (labels[METRIC_NAME], pairs)
        return key


class Selections:
    """The selections of one board."""

    def __init__(self, board: Board) -> None:
        self._texts = board.texts
        self._made: dict[Selector, Selection] = {}

    def select(self, board: Board, selector: Selector) -> Selection:
        """What `selector` selects from the board as it is now."""
        columns = _columns(board, selector)
        made = self._made.get(selector)
        if made is None or not _is_current(made, columns):
            made = self._made[selector] = _make(columns, selector.matchers, self._texts)
        return made


_selections: WeakKeyDictionary[Board, Selections] = WeakKeyDictionary()


def select(board: Board, selector: Selector) -> Selection:
    """What `selector` selects from the board as it is now."""
    made = _selections.get(board)
    if made is None:
        made = _selections[board] = Selections(board)
    return made.select(board, selector)


def selections_of(expression: Expression, board: Board) -> tuple[Selection, ...]:
    """What each selector of the expression selects."""
    return tuple(select(board, selector) for selector in expression.selectors)


def series_of(selections: Iterable[Selection], target_code: int) -> tuple[SeriesKey, ...]:
    """Every present series of one target in these selections, sorted, each once."""
    return tuple(sorted({key for selection in selections for key in selection.series(target_code)}))


def selected_series(expression: Expression, board: Board, target: str) -> tuple[SeriesKey, ...]:
    """Every series that the expression's selectors select for this target now, sorted."""
    code = board.texts.find(target)
    return series_of(selections_of(expression, board), code) if code else ()


def _columns(board: Board, selector: Selector) -> list[Column]:
    if selector.name is not None:
        column = board.find(selector.name)
        return [] if column is None else [column]
    conditions = [matcher for matcher in selector.matchers if matcher.label == METRIC_NAME]
    return [column for column in board if all(matcher.matches(column.name) for matcher in conditions)]


def _is_current(selection: Selection, columns: Sequence[Column]) -> bool:
    return len(selection.parts) == len(columns) and all(
        part.column is column and part.version == column.version
        for part, column in zip(selection.parts, columns, strict=True)
    )


def _make(columns: Sequence[Column], matchers: Sequence[Matcher], texts: Texts) -> Selection:
    others = [matcher for matcher in matchers if matcher.label != METRIC_NAME]
    parts = tuple(Part(column, column.version, _rows(column, others, texts)) for column in columns)
    return Selection(parts, _frame(parts, texts), {})


def _rows(column: Column, matchers: Sequence[Matcher], texts: Texts) -> Rows:
    mask = np.ones(len(column), dtype=np.bool_)
    for matcher in matchers:
        codes = column.codes(matcher.label)
        wanted = [code for code in np.unique(codes).tolist() if matcher.matches(texts.text(code))]
        mask &= np.isin(codes, wanted)
    return np.flatnonzero(mask)


def _frame(parts: Sequence[Part], texts: Texts) -> Frame:
    names = dict.fromkeys(name for part in parts for name in part.column.label_names)
    labels = {name: _joined([part.column.codes(name)[part.rows] for part in parts]) for name in names}
    of_name = [np.full(len(part.rows), texts.code(part.column.name), np.int32) for part in parts]
    labels[METRIC_NAME] = _joined(of_name)
    labels = {name: codes for name, codes in labels.items() if codes.any()}
    return Frame(texts, labels, sum(len(part.rows) for part in parts))


def _joined(columns: Sequence[Codes]) -> Codes:
    return np.concatenate([np.zeros(0, dtype=np.int32), *columns])
