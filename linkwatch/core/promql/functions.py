"""Functions over instant vectors, as Prometheus defines them (promql/functions.go)."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from linkwatch.core.board import Floats
from linkwatch.core.promql.vector import Vector

Mathematics = Callable[..., Floats]


def _round(values: Floats, to_nearest: float = 1.0) -> Floats:
    inverse = np.divide(1.0, to_nearest)
    return np.asarray(np.floor(values * inverse + 0.5) / inverse)


def _max(values: Floats, low: float) -> Floats:
    """Go's math.Max: Inf wins even over NaN."""
    infinite = (values == np.inf) | (low == np.inf)
    return np.where(infinite, np.inf, np.maximum(values, low))


def _min(values: Floats, high: float) -> Floats:
    infinite = (values == -np.inf) | (high == -np.inf)
    return np.where(infinite, -np.inf, np.minimum(values, high))


def _clamp(values: Floats, low: float, high: float) -> Floats:
    return _max(_min(values, high), low)


MATHEMATICS: Mapping[str, Mathematics] = {
    "abs": np.abs,
    "ceil": np.ceil,
    "clamp": _clamp,
    "clamp_max": _min,
    "clamp_min": _max,
    "floor": np.floor,
    "round": _round,
    "sgn": np.sign,
}
"""Element by element: a vector and numbers -> a vector without metric name."""

NAMES = frozenset(MATHEMATICS) | {"absent", "scalar", "time", "vector"}


def apply(name: str, vector: Vector, *numbers: float) -> Vector:
    """Apply one of MATHEMATICS."""
    present = vector.present
    if name == "clamp" and numbers[1] < numbers[0]:
        present = np.zeros_like(present)
    values = MATHEMATICS[name](vector.values, *numbers)
    return Vector(vector.frame, values, present).without_name()


def scalar(vector: Vector) -> float:
    """The value of a vector of exactly one series, else NaN."""
    rows = vector.rows
    return float(vector.values[rows[0]]) if len(rows) == 1 else float("nan")
