"""The command line. Commands are imported when they are called, so that help stays instant."""

from __future__ import annotations

import errno
import os
import sys
from importlib import import_module
from importlib.metadata import version
from typing import Any

import click

from linkwatch.cli.failures import INTERRUPTED, NOT_ALLOWED, explain, fail

COMMANDS = {
    "run": ("linkwatch.cli.run", "Watch what an inventory file names (without one: this machine)."),
    "check": ("linkwatch.cli.check", "Check an inventory file and say everything that is wrong with it."),
    "demo": ("linkwatch.cli.demo", "Watch a simulated province on this machine, with real packets."),
    "ping": ("linkwatch.cli.ping", "Ping many hosts at once."),
    "probe": ("linkwatch.cli.probe", "Run one probe once and print its sample."),
    "trace": ("linkwatch.cli.trace", "Find the path to a host, all hops at once."),
    "rules": ("linkwatch.cli.rules", "Check and test alerting rules."),
    "notify": ("linkwatch.cli.notify", "Send a test message to a contact."),
    "key": ("linkwatch.cli.key", "Create, list and revoke API keys."),
    "doctor": ("linkwatch.cli.doctor", "Find what is wrong with this machine and how to mend it."),
}
"""Command -> module (whose `command` it is) and one line of help."""


class LazyGroup(click.Group):
    """A group that knows its commands by name and imports one only when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names of all commands, in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name."""
        if cmd_name not in COMMANDS:
            return None
        command = import_module(COMMANDS[cmd_name][0]).command
        if not isinstance(command, click.Command):
            raise TypeError(f"{COMMANDS[cmd_name][0]}.command is not a command")
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; what the machine refuses becomes one message, whichever command it stops."""
        # Before numpy comes: its linear algebra, which nobody uses, would start threads that keep rights.
        os.environ["OPENBLAS_NUM_THREADS"] = "1"
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            sys.exit(INTERRUPTED)
        except OSError as error:
            if error.errno == errno.EPIPE:
                raise  # nobody reads any more (`| head`): click ends silently
            fail(f"linkwatch: {explain(error)}", NOT_ALLOWED)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands from the table, without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


@click.command(
    cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.version_option(version("linkwatch"), message="linkwatch %(version)s")
def main(**_: Any) -> None:
    """LinkWatch watches what an emergency response runs on, and pages until somebody answers.

    Exit codes: 0 good, 1 something that was measured or tested failed, 2 wrong usage or configuration,
    3 this machine does not allow it (the message says what mends it), 130 ended by Ctrl+C.
    """
