"""`linkwatch check`: all errors of an inventory file at once."""

from __future__ import annotations

from pathlib import Path

import click

from linkwatch.cli.configuration import read_config, read_rules
from linkwatch.config.summary import describe, find_warnings


@click.command("check", short_help="Check an inventory file and say everything that is wrong with it.")
@click.argument("file", type=click.Path(exists=True, path_type=Path))
def command(file: Path) -> None:
    """Check the inventory FILE (or folder of files) and its rules.

    Prints every error as `file:line: path: what is wrong, what is allowed`. Exit code 0: good; 2: not.
    """
    config = read_config(file)
    rules = read_rules(config.rule_files)
    click.echo(describe(config))
    click.echo(f"rules: {len(rules)}")
    for warning in find_warnings(config):
        click.echo(f"warning: {warning}")
