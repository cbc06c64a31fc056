"""`linkwatch doctor`: what stands in the way, and the command that mends it."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import click

from linkwatch.cli.failures import MEASURED_BAD
from linkwatch.cli.finding import Finding
from linkwatch.cli.machine import examine_machine


@click.command("doctor", short_help="Find what is wrong with this machine and how to mend it.")
@click.argument("file", required=False, type=click.Path(exists=True, path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
def command(file: Path | None, as_json: bool) -> None:
    """Look at rights, buffers, files, clock and tools of this machine.

    With the inventory FILE also at what it needs here: its port and who holds it, whether the service that
    runs there is well, the store, the disk below it, names that do not resolve or lead outside the scope, and
    whether the inner endpoints of meeting servers (`inside` of a jitsi probe) let us in.
    Nothing is changed, and nothing but these endpoints is asked. Exit code: 0 all good, 1 something is not.
    """
    found = list(_examine(file))
    if as_json:
        click.echo(json.dumps([asdict(finding) for finding in found], indent=2, ensure_ascii=False))
    else:
        for finding in found:
            _print(finding)
    sys.exit(0 if all(finding.good for finding in found) else MEASURED_BAD)


def _examine(file: Path | None) -> Iterator[Finding]:
    if file is None:
        yield from examine_machine()
        return
    from linkwatch.cli.meetings import examine_meetings
    from linkwatch.cli.premises import examine_premises, files_wanted, read_inventory

    config, finding = read_inventory(file)
    yield from examine_machine(files_wanted(config) if config else 0)
    yield finding
    if config:
        yield from examine_premises(config)
        yield from examine_meetings(config.inventory)


def _print(finding: Finding) -> None:
    mark = click.style("good", fg="green") if finding.good else click.style("BAD ", fg="red", bold=True)
    click.echo(f"{mark}  {finding.name:<10} {finding.text}")
    if finding.mend:
        click.echo(f"      {'':<10} mend: {finding.mend}")
