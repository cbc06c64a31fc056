"""`linkwatch rules check|test`."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from linkwatch.cli.configuration import read_rules
from linkwatch.cli.failures import MEASURED_BAD, WRONG_INPUT
from linkwatch.config.rulecheck import check_rules
from linkwatch.config.ruletestfile import run_test_file
from linkwatch.core.catalog import Catalog
from linkwatch.flow.measure import probe_metrics

FILES = click.argument(
    "files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path)
)


@click.group("rules", short_help="Check and test alerting rules.")
def command() -> None:
    """Check and test alerting rules in Prometheus's own formats."""


@command.command("check")
@FILES
def check(files: tuple[Path, ...]) -> None:
    """Check rule FILES. Warnings do not change the exit code: 0 good, 2 not."""
    rules = read_rules(files)
    for warning in check_rules(rules, Catalog(probe_metrics())):
        click.echo(f"warning: {warning}")
    click.echo(f"{len(rules)} rules in {len(files)} files are good")


@command.command("test")
@FILES
def test(files: tuple[Path, ...]) -> None:
    """Run unit-test FILES in promtool's format. Exit code: 0 all passed, 1 some failed, 2 not a test file."""
    reports = [run_test_file(file) for file in files]
    for report in reports:
        click.echo(report)
    if any(report.errors for report in reports):
        sys.exit(WRONG_INPUT)
    sys.exit(0 if all(report.ok for report in reports) else MEASURED_BAD)
