"""What went wrong, as people are told it: one message, an exit code, never a traceback."""

from __future__ import annotations

import sys
from typing import NoReturn

import click

MEASURED_BAD = 1
WRONG_INPUT = 2
NOT_ALLOWED = 3


def fail(message: str, code: int) -> NoReturn:
    """Say what is wrong on standard error and end with `code`."""
    click.echo(message, err=True)
    sys.exit(code)
