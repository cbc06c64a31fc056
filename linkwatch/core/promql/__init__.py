"""The supported part of PromQL: instant vectors over the columns of a board (DESIGN §9)."""

from linkwatch.core.promql.evaluate import evaluate
from linkwatch.core.promql.parse import parse
from linkwatch.core.promql.selection import selected_series
from linkwatch.core.promql.syntax import Expression, PromqlError
from linkwatch.core.promql.vector import Vector

__all__ = ["Expression", "PromqlError", "Vector", "evaluate", "parse", "selected_series"]
