"""Reading what the user wrote, for every command that needs it: errors are printed, never raised."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from linkwatch.cli.failures import WRONG_INPUT, fail
from linkwatch.config.load import load
from linkwatch.config.problems import ConfigErrors
from linkwatch.config.rulefile import RuleFileErrors, load_rules
from linkwatch.config.settings import Config
from linkwatch.core.rules import Rule


def read_config(path: Path) -> Config:
    """The checked configuration, or every error on standard error and exit code 2."""
    try:
        return load(path)
    except ConfigErrors as errors:
        fail(str(errors), WRONG_INPUT)


def read_rules(paths: Sequence[Path]) -> tuple[Rule, ...]:
    """The checked rules, or every error on standard error and exit code 2."""
    try:
        return load_rules(paths)
    except RuleFileErrors as errors:
        fail(str(errors), WRONG_INPUT)
