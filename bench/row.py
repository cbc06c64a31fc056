"""A row of the table: what is measured, what it must reach, and what it came to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from bench.tools import Tool


class MissingError(Exception):
    """Something without which a row cannot be measured; the text says how to get it."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How long to measure: in full, or just long enough to see that the row works."""

    quick: bool = False

    def pick(self, full: int, quick: int) -> int:
        """Seconds, targets or times."""
        return quick if self.quick else full


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured figure. `peer` was measured in the same run, in the same unit.

    `at_most` and `at_least` bound the ratio ours / peer if `peer_name` is set, else the figure itself.
    """

    what: str
    ours: float
    unit: str = ""
    at_most: float | None = None
    at_least: float | None = None
    peer: float | None = None
    peer_name: str = ""
    note: str = ""

    @property
    def ratio(self) -> float | None:
        """Ours / peer."""
        return self.ours / self.peer if self.peer else None

    @property
    def passed(self) -> bool | None:
        """Whether it reaches what it must; None if nothing is asked, or its peer is not there."""
        value = self.ratio if self.peer_name else self.ours
        if value is None or (self.at_most is None and self.at_least is None):
            return None
        low = self.at_least is None or value >= self.at_least
        return low and (self.at_most is None or value <= self.at_most)


Measure = Callable[[Pace], Iterator[Figure]]


@dataclass(frozen=True, slots=True)
class Row:
    """`needs`: without these tools nothing is measured; `peers`: without these no comparison is made."""

    name: str
    title: str
    measure: Measure
    needs: tuple[Tool, ...] = ()
    peers: tuple[Tool, ...] = ()

    def check(self) -> None:
        """Raises MissingError, naming everything that is missing."""
        missing = [tool for tool in self.needs if not tool.found]
        if missing:
            packages = " ".join(sorted({tool.package for tool in missing}))
            names = ", ".join(tool.name for tool in missing)
            raise MissingError(f"needs {names}" + (f": apt-get install {packages}" if packages else ""))
