"""Amounts as command-line options: durations with a unit, and numbers that are numbers."""

from __future__ import annotations

import math
from typing import Any

import click

from probes.oneshot import parse_duration


class Duration(click.ParamType[float]):
    """Seconds, written `1s`, `200ms` or as a bare number."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Seconds."""
        try:
            return value if isinstance(value, float) else parse_duration(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


class Amount(click.FloatRange):
    """A number in a range; NaN, which no range refuses, is none."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """The number."""
        number: float = super().convert(value, param, ctx)
        if math.isnan(number):
            self.fail(f"{value!r} is not a number", param, ctx)
        return number
