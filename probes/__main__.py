"""`python -m probes KIND TARGET [options]` measures once and prints the sample as JSON.

Exit codes: 0 the probe succeeded, 1 it failed, 2 bad usage, 3 this machine does not allow it.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Sequence

from probes import oneshot, registry
from probes.sample import Reason, Target

_CODES = "exit codes: 0 the probe succeeded, 1 it failed, 2 bad usage, 3 this machine does not allow it"


def main(arguments: Sequence[str], program: str = "python -m probes") -> int:
    """Run one probe; returns the exit code, or ends the process with 2 on bad usage."""
    kind = _kind_parser(program).parse_args(arguments[:1]).kind
    parser = _probe_parser(program, kind)
    chosen = vars(parser.parse_args(arguments[1:]))
    host, deadline, _ = chosen.pop("target"), chosen.pop("deadline"), chosen.pop("json")
    given = {name: value for name, value in chosen.items() if value is not None}
    try:
        settings = oneshot.settings_from_options(kind, given)
        deadline_s = oneshot.deadline_for(settings, deadline)
    except ValueError as error:
        parser.error(str(error))
    sample, more = asyncio.run(registry.inspect(kind, Target(host, host), settings, deadline_s))
    sys.stdout.write(oneshot.sample_to_json(sample, more) + "\n")
    if sample.ok:
        return 0
    return 3 if sample.reason is Reason.PERMISSION else 1


def _kind_parser(program: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=program,
        usage="%(prog)s KIND TARGET [options]",
        description="Measure one thing once and print the sample as JSON.",
        epilog=f"'{program} KIND --help' shows the options of a kind; {_CODES}",
    )
    parser.add_argument("kind", choices=registry.kinds(), metavar="KIND", help=", ".join(registry.kinds()))
    return parser


def _probe_parser(program: str, kind: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=f"{program} {kind}", epilog=_CODES, allow_abbrev=False)
    try:
        parser.description = registry.load(kind).__doc__
        options = oneshot.options_of(kind)
    except registry.UnknownProbe as error:
        parser.error(str(error))
    parser.add_argument("target", metavar="TARGET", help="name or address (HOST, HOST:PORT or URL)")
    parser.add_argument(
        "--deadline",
        metavar="VALUE",
        help=f"give up after this long (default: {oneshot.DEFAULT_DEADLINE_S:g}s, or as long as it needs)",
    )
    parser.add_argument("--json", action="store_true", help="print JSON, as it does anyway")
    for option in options:
        default = f" (default: {option.default})" if option.default else ""
        parser.add_argument(
            option.flag,
            dest=option.field,
            metavar="VALUE",
            action="append" if option.repeatable else "store",
            help=(option.help + default).replace("%", "%%"),
        )
    return parser


def run() -> int:
    """Read the command line; ctrl-C is no error worth a traceback."""
    try:
        return main(sys.argv[1:])
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(run())
