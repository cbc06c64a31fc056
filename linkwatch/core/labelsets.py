"""Label sets, each once: a series names its labels by two numbers instead of carrying them.

The labels of a series are those of its target (the subject) and all others (the detail): every subject
stands in some fifty series, and tens of thousands of targets share a few dozen details.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from linkwatch.core.catalog import OWN_METRICS, TARGET_LABELS

Codes = NDArray[np.int32]
Rows = NDArray[np.intp]
Key = tuple[Any, ...]
"""A set: the tuple of its names, and the code of the text of each."""

_T = TypeVar("_T", bound=np.generic)

ABSENT_CODE = 0
"""The code of the empty text: a label that is empty is not there (as in Prometheus)."""

NO_LABELS = 0
"""The number of the empty set."""

FIRST_CAPACITY = 64


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


class LabelSets:
    """Sets of labels <-> numbers, from 0 (the empty set) on. A set is never forgotten."""

    def __init__(self, texts: Texts, names: Iterable[str] = ()) -> None:
        """`names`: labels in the order in which they are shown; others follow as they are first seen."""
        self._texts = texts
        self._names = dict.fromkeys(names)
        self._shapes: dict[tuple[str, ...], tuple[str, ...]] = {}
        self._numbers: dict[Key, int] = {}
        self._keys: list[Key] = []
        self._codes: dict[str, Codes] = {}
        self._by_code: dict[str, tuple[Rows, Codes]] = {}
        self.number({})

    def __len__(self) -> int:
        return len(self._keys)

    def number(self, labels: Mapping[str, str]) -> int:
        """The number of a set, given out on first sight; empty labels are not there."""
        if not labels.keys() <= self._names.keys():
            self._names.update(dict.fromkeys(labels))
        names, code = self._shape(labels), self._texts.code
        key = (names, *[code(labels[name]) for name in names])
        number = self._numbers.get(key)
        return self._add(key) if number is None else number

    def numbers(self, sets: Iterable[Mapping[str, str]]) -> Codes:
        """The number of each set."""
        return np.array([self.number(labels) for labels in sets], dtype=np.int32)

    def find(self, labels: Mapping[str, str]) -> int | None:
        """The number of a set if it was ever seen."""
        if not all(name in self._names for name, text in labels.items() if text):
            return None
        names, find = self._shape(labels), self._texts.find
        return self._numbers.get((names, *[find(labels[name]) for name in names]))

    def names(self, numbers: Codes) -> list[str]:
        """The labels that any of these sets has."""
        return [name for name in self._codes if self.codes(name)[numbers].any()]

    def codes(self, label: str) -> Codes:
        """The code of one label by number of the set; 0 where a set lacks the label."""
        codes = self._codes.get(label)
        if codes is None:
            return np.zeros(len(self), dtype=np.int32)
        if len(codes) < len(self):
            codes = self._codes[label] = enlarged(codes, len(self) * 3 // 2)
        return codes[: len(self)]

    def having(self, label: str, text: str) -> Rows:
        """The numbers of the sets that have this label, in order."""
        code = self._texts.find(text)
        if not code:
            return np.zeros(0, dtype=np.intp)
        order, codes = self._ordered(label)
        start, end = codes.searchsorted(np.array([code, code + 1], dtype=codes.dtype)).tolist()
        return order[start:end]

    def _ordered(self, label: str) -> tuple[Rows, Codes]:
        """The numbers of all sets by the code of a label, and these codes."""
        ordered = self._by_code.get(label)
        if ordered is None or len(ordered[0]) < len(self):
            codes = self.codes(label)
            order = np.argsort(codes, kind="stable")
            ordered = self._by_code[label] = order, codes[order]
        return ordered

    def labels(self, number: int) -> dict[str, str]:
        """The labels of one set, in the order in which they are shown."""
        names, *codes = self._keys[number]
        return dict(zip(names, map(self._texts.text, codes), strict=True))

    def _shape(self, labels: Mapping[str, str]) -> tuple[str, ...]:
        names = tuple([name for name in self._names if labels.get(name)])
        return self._shapes.setdefault(names, names)  # one object for all sets of these names

    def _add(self, key: Key) -> int:
        number = self._numbers[key] = len(self._keys)
        self._keys.append(key)
        for name, code in zip(key[0], key[1:], strict=True):
            self._codes.setdefault(name, np.zeros(FIRST_CAPACITY, dtype=np.int32))
            self.codes(name)[number] = code
        return number


class SeriesLabels:
    """The label sets of a board's series: `subjects` (target, site, kind, owner, emergency), `details`."""

    def __init__(self) -> None:
        self.texts = Texts()
        self.subjects = LabelSets(self.texts, TARGET_LABELS)
        self.details = LabelSets(self.texts, (name for metric in OWN_METRICS for name in metric.labels))

    def numbers(self, labels: Mapping[str, str]) -> tuple[int, int]:
        """Subject and detail of a label set, given out on first sight."""
        subject, detail = _split(labels)
        return self.subjects.number(subject), self.details.number(detail)

    def find(self, labels: Mapping[str, str]) -> tuple[int, int] | None:
        """Subject and detail of a label set, if both were ever seen."""
        subject, detail = map(LabelSets.find, (self.subjects, self.details), _split(labels))
        return None if subject is None or detail is None else (subject, detail)

    def labels(self, subject: int, detail: int) -> dict[str, str]:
        """The label set of a subject and a detail."""
        return self.subjects.labels(subject) | self.details.labels(detail)


def _split(labels: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    subject = {name: text for name, text in labels.items() if name in TARGET_LABELS}
    return subject, {name: text for name, text in labels.items() if name not in TARGET_LABELS}


def enlarged(array: NDArray[_T], capacity: int) -> NDArray[_T]:
    """The array with zeros after it, up to a length of `capacity`."""
    larger = np.zeros(capacity, dtype=array.dtype)
    larger[: len(array)] = array
    return larger
