"""Label sets, each once: a series names its labels by two numbers instead of carrying them.

The labels of a series are those of its target (the subject) and all others (the detail): every subject
stands in some fifty series, and tens of thousands of targets share a few dozen details.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from linkwatch.core.catalog import OWN_METRICS, TARGET_LABELS

Codes = NDArray[np.int32]
Key = tuple[int, ...]
"""A set as the number of its row of names, and the codes of their texts."""

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
        self._shapes: dict[tuple[str, ...], int] = {}
        self._numbers: dict[Key, int] = {}
        self._codes: dict[str, Codes] = {}
        self.number({})

    def __len__(self) -> int:
        return len(self._numbers)

    def number(self, labels: Mapping[str, str]) -> int:
        """The number of a set, given out on first sight; empty labels are not there."""
        if not labels.keys() <= self._names.keys():
            self._names.update(dict.fromkeys(labels))
        names = self._shape(labels)
        code = self._texts.code
        key = (self._shapes.setdefault(names, len(self._shapes)), *[code(labels[name]) for name in names])
        number = self._numbers.get(key)
        return self._add(names, key) if number is None else number

    def numbers(self, sets: Iterable[Mapping[str, str]]) -> Codes:
        """The number of each set."""
        return np.array([self.number(labels) for labels in sets], dtype=np.int32)

    def find(self, labels: Mapping[str, str]) -> int | None:
        """The number of a set if it was ever seen."""
        names = self._shape(labels)
        shape, codes = self._shapes.get(names), [self._texts.find(labels[name]) for name in names]
        is_known = all(name in self._names for name, text in labels.items() if text)
        if shape is None or None in codes or not is_known:
            return None
        return self._numbers.get((shape, *cast(list[int], codes)))

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

    def labels(self, number: int) -> dict[str, str]:
        """The labels of one set, in the order in which they are shown."""
        codes = ((name, int(self.codes(name)[number])) for name in self._names)
        return {name: self._texts.text(code) for name, code in codes if code != ABSENT_CODE}

    def since(self, number: int) -> Iterator[dict[str, str]]:
        """The labels of each set from that number on, in the order in which they are shown."""
        shapes = list(self._shapes)
        for shape, *codes in islice(self._numbers, number, None):
            yield dict(zip(shapes[shape], map(self._texts.text, codes), strict=True))

    def _shape(self, labels: Mapping[str, str]) -> tuple[str, ...]:
        return tuple([name for name in self._names if labels.get(name)])

    def _add(self, names: Iterable[str], key: Key) -> int:
        number = self._numbers[key] = len(self._numbers)
        for name, code in zip(names, key[1:], strict=True):
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
