"""`linkwatch probe`: one probe, once, as JSON."""

from __future__ import annotations

import sys

import click

from probes.__main__ import main


@click.command(
    "probe",
    short_help="Run one probe once and print its sample.",
    add_help_option=False,
    context_settings={"ignore_unknown_options": True},
)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def command(arguments: tuple[str, ...]) -> None:
    """Run the probe KIND once against TARGET and print its sample as JSON; KIND --help shows its options."""
    sys.exit(main(arguments, program="linkwatch probe"))
