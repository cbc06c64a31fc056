"""Recovery needs evidence: an alert ends only when what it was judged on has been measured again."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from linkwatch.core.board import Board, Column, Mask
from linkwatch.core.lifecycle import Hold, Track, Why
from linkwatch.core.promql.selection import Selection, selections_of, series_of
from linkwatch.core.promql.vector import Frame
from linkwatch.core.records import GoneReason, SeriesKey
from linkwatch.core.rule import INVENTORY_LABELS, Rule

_Pairs = tuple[tuple[str, str], ...]


class _Seen(NamedTuple):
    """The present rows of one selector when they were last looked at."""

    frame: Frame
    present: Mask


class _Everything:
    def __contains__(self, _item: object) -> bool:
        return True


_EVERYTHING = _Everything()


class _Look(NamedTuple):
    """The selections of a rule, and the targets that have other present series than before."""

    selections: tuple[Selection, ...]
    changed: Container[str]


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What a judgement knows beside the board: `failed` and `known` are names of rules."""

    isolated: bool
    targets: Container[str]
    failed: Container[str]
    known: Container[str]


class Evidence:
    """Remembers which series rules have selected, and finds out when they were measured."""

    def __init__(self) -> None:
        self._seen: dict[str, list[_Seen]] = {}
        self._rows = _Rows()

    def at(self, board: Board, circumstances: Circumstances) -> Measured:
        """The recovery of one judgement."""
        return Measured(self, board, circumstances)

    def look(self, rule: Rule, board: Board) -> _Look:
        """What the rule selects now, and for which targets that is other than at the last look."""
        selections = selections_of(rule.expression, board)
        seen = [_Seen(selection.frame, selection.present()) for selection in selections]
        before = self._seen.get(rule.key)
        self._seen[rule.key] = seen
        if before is None or any(old.frame is not new.frame for old, new in zip(before, seen, strict=True)):
            return _Look(selections, _EVERYTHING)
        pairs = zip(before, seen, strict=True)
        changed = [new.frame.codes("target")[old.present != new.present] for old, new in pairs]
        codes = np.unique(np.concatenate([np.zeros(0, dtype=np.int32), *changed]))
        return _Look(selections, {board.texts.text(code) for code in codes.tolist()})

    def is_measured_since(self, board: Board, target: str, series: SeriesKey, since: float) -> bool:
        """Whether a series was measured after `since`; what is never measured (an objective) needs not be."""
        column = board.find(series[0])
        row = None if column is None else self._rows.find(column, target, series[1])
        if column is None or row is None:
            return False
        measured_at = float(column.measured_at[row])
        is_given = measured_at == 0.0 and bool(column.present[row])
        return is_given or measured_at > since


class _Rows:
    """Rows of a target's series by their labels without those that the inventory can change."""

    def __init__(self) -> None:
        self._versions: dict[str, int] = {}
        self._found: dict[str, dict[str, dict[_Pairs, int]]] = {}

    def find(self, column: Column, target: str, labels: _Pairs) -> int | None:
        if self._versions.get(column.name) != column.version:
            self._versions[column.name], self._found[column.name] = column.version, {}
        of_target = self._found[column.name].get(target)
        if of_target is None:
            of_target = self._found[column.name][target] = _rows_of(column, target)
        return of_target.get(_reduced(labels))


def _rows_of(column: Column, target: str) -> dict[_Pairs, int]:
    rows = column.rows_of(target).tolist()
    return {_reduced(tuple(sorted(column.labels(row).items()))): row for row in rows}


def _reduced(labels: _Pairs) -> _Pairs:
    return tuple(pair for pair in labels if pair[0] not in INVENTORY_LABELS)


class Measured:
    """LinkWatch's recovery at one judgement."""

    def __init__(self, evidence: Evidence, board: Board, circumstances: Circumstances) -> None:
        self._evidence = evidence
        self._board = board
        self._is = circumstances
        self._looks: dict[str, _Look] = {}

    def witnesses(self, track: Track, rule: Rule) -> tuple[SeriesKey, ...]:
        """Every series that the rule has selected for the alert's target while it held."""
        target = track.labels.get("target")
        if not target:
            return ()
        look = self._looks.get(rule.key)
        if look is None:
            look = self._looks[rule.key] = self._evidence.look(rule, self._board)
        if track.is_true and target not in look.changed:
            return track.series
        selected = series_of(look.selections, self._board.texts.code(target))
        return tuple(sorted({*track.series, *selected})) if track.series else selected

    def ending(self, track: Track) -> GoneReason | Hold:
        """Gone when its rule or target is, or when all of its series have been measured again."""
        target = track.labels.get("target")
        if track.rule_name not in self._is.known:
            return GoneReason.RULE_REMOVED
        if target and target not in self._is.targets:
            return GoneReason.WITHDRAWN
        if track.rule_name in self._is.failed:
            return Hold(Why.RULE_FAILED)
        return self._of_target(track, target) if target else self._of_no_target(track)

    def _of_target(self, track: Track, target: str) -> GoneReason | Hold:
        for series in track.series:
            if not self._evidence.is_measured_since(self._board, target, series, track.true_at):
                return Hold(Why.NOT_MEASURED, _text(series))
        return GoneReason.RECOVERED

    def _of_no_target(self, track: Track) -> GoneReason | Hold:
        """Without a target the end is believed, but for isolation and for a start without data."""
        if self._is.isolated:
            return Hold(Why.ISOLATED)
        is_restored = not track.since
        if is_restored and track.rule is not None and not self._selects_anything(track.rule):
            return Hold(Why.NOT_MEASURED)
        return GoneReason.RECOVERED

    def _selects_anything(self, rule: Rule) -> bool:
        selections = selections_of(rule.expression, self._board)
        return not selections or any(selection.present().any() for selection in selections)


def _text(series: SeriesKey) -> str:
    name, labels = series
    own = ", ".join(f'{label}="{text}"' for label, text in labels if label not in INVENTORY_LABELS)
    return f"{name}{{{own}}}"
