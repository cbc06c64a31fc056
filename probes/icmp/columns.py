"""Arrays that grow: one entry per row, kept when rows are added."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.intp]
Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]
Integers = NDArray[np.int64]
Words = NDArray[np.uint64]
_T = TypeVar("_T", bound=np.generic)


def grown(column: NDArray[_T], size: int, fill: float = 0) -> NDArray[_T]:
    """`column` with its first axis lengthened to `size`, new entries set to `fill`."""
    longer = np.full((size, *column.shape[1:]), fill, dtype=column.dtype)
    longer[: len(column)] = column
    return longer
