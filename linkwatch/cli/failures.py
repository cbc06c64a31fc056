"""What went wrong, as people are told it: one message, an exit code, never a traceback."""

from __future__ import annotations

import errno
import sys
from typing import NoReturn

import click

MEASURED_BAD = 1
WRONG_INPUT = 2
NOT_ALLOWED = 3
INTERRUPTED = 130
"""What a shell calls a command that Ctrl+C ended."""


def fail(message: str, code: int) -> NoReturn:
    """Say what is wrong on standard error and end with `code`."""
    click.echo(message, err=True)
    sys.exit(code)


def explain(error: OSError) -> str:
    """What the machine refused, without numbers that only programmers know."""
    text = error.strerror or str(error)
    if error.errno == errno.EADDRINUSE:
        text += "; end the program that listens there, or choose another address with server.listen"
    return f"{error.filename}: {text}" if error.filename else text
