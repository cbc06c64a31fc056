"""`python -m bench [ROW…]`: the table, with a verdict on every figure; exit code 1 if one is missed."""

from __future__ import annotations

import argparse
import json
import sys
import time
import traceback

from bench.machine import describe_machine, install_command, peer_versions
from bench.row import MissingError, Pace, Row
from bench.rows import ROWS
from bench.table import Result, as_json, render


def main() -> int:
    options = _parse()
    rows = [row for row in ROWS if not options.rows or row.name in options.rows]
    pace = Pace(quick=options.quick)
    machine, peers = describe_machine(), peer_versions()
    if command := install_command():
        print(f"peers are missing; install them with: {command}", file=sys.stderr)
    results = [_measure(row, pace) for row in rows]
    if options.json:
        print(json.dumps(as_json(machine, peers, results), indent=2, ensure_ascii=False))
    else:
        print(render(machine, peers, results))
    return int(any(result.is_bad for result in results))


def _parse() -> argparse.Namespace:
    listed = "\n".join(f"  {row.name:<12} {row.title}" for row in ROWS)
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description=__doc__,
        epilog=f"rows:\n{listed}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("rows", nargs="*", metavar="ROW", help="only these rows")
    parser.add_argument("--quick", action="store_true", help="short runs: to see that it works")
    parser.add_argument("--json", action="store_true", help="for machines")
    options = parser.parse_args()
    unknown = set(options.rows) - {row.name for row in ROWS}
    if unknown:
        parser.error(f"no such row: {', '.join(sorted(unknown))}; rows: {', '.join(r.name for r in ROWS)}")
    return options


def _measure(row: Row, pace: Pace) -> Result:
    """One row; whatever goes wrong in it is told in its place, and the others are still measured."""
    result, began = Result(row), time.monotonic()
    print(f"{row.name} …", end="", file=sys.stderr, flush=True)
    try:
        row.check()
        for figure in row.measure(pace):
            result.figures.append(figure)
    except MissingError as missing:
        result.skipped = str(missing)
    except Exception as error:
        traceback.print_exc()
        result.failed = f"{type(error).__name__}: {error}"
    result.lasted_s = time.monotonic() - began
    print(f" {result.lasted_s:.0f} s", file=sys.stderr)
    return result


if __name__ == "__main__":
    sys.exit(main())
