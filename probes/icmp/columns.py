"""Arrays that grow: one entry per row, kept when rows are added."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.intp]
Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]
Integers = NDArray[np.int64]
Words = NDArray[np.uint64]
Numbers = NDArray[np.uint32]
_T = TypeVar("_T", bound=np.generic)


@dataclass(frozen=True, slots=True)
class Addresses:
    """Addresses as two 64-bit words each, an IPv4 address in the lower. Two columns, not one of pairs: numpy
    is five times as fast over them."""

    high: Words
    low: Words

    def __len__(self) -> int:
        return len(self.low)

    def take(self, places: Rows) -> Addresses:
        """Those at these places."""
        return Addresses(self.high[places], self.low[places])

    def number(self, place: int) -> int:
        """One of them as a number."""
        return (int(self.high[place]) << 64) | int(self.low[place])


def grown(column: NDArray[_T], size: int, fill: float = 0) -> NDArray[_T]:
    """`column` with its first axis lengthened to `size`, new entries set to `fill`."""
    longer = np.full((size, *column.shape[1:]), fill, dtype=column.dtype)
    longer[: len(column)] = column
    return longer
