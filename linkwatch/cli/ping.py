"""`linkwatch ping`: many hosts at once, with the engine that the service measures with."""

from __future__ import annotations

import json
import socket
import sys
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any

import click

from linkwatch.cli.amounts import Duration
from linkwatch.cli.failures import MEASURED_BAD, NOT_ALLOWED, WRONG_INPUT, fail
from probes.icmp import ProbePermissionError, ping_many

COLUMNS = ("sent", "received", "loss", "min", "mean", "p50", "p95", "p99", "max")
LONGEST_SHOWN = 80


@click.command("ping", short_help="Ping many hosts at once.")
@click.argument("hosts", nargs=-1)
@click.option("--count", type=click.IntRange(min=1), default=5, show_default=True, help="Pings to each host.")
@click.option("--interval", type=Duration(), default="1s", show_default=True, help="Between two of them.")
@click.option("--timeout", type=Duration(), default="3s", show_default=True, help="Then a ping is lost.")
@click.option(
    "--file",
    type=click.File("r", encoding="utf-8"),
    help="Read hosts from a file, one a line (- is standard input).",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON: `total`, and `targets` one by one.")
@click.option("--quiet", is_flag=True, help="Only the total.")
def command(
    hosts: tuple[str, ...],
    count: int,
    interval: float,
    timeout: float,
    file: Any,
    as_json: bool,
    quiet: bool,
) -> None:
    """Ping HOSTS (names or addresses) side by side.

    Exit code: 0 every host answered, 1 some did not, 2 wrong usage, 3 ICMP is not allowed here.
    """
    names = [*hosts, *_read_hosts(file or ())]
    if not names:
        fail("no host given; name some, or use --file", WRONG_INPUT)
    addresses = {name: _resolve(name) for name in dict.fromkeys(names)}
    try:
        result = _run(addresses, count, interval, timeout, show_progress=not (as_json or quiet))
    except ProbePermissionError as refusal:
        fail(f"linkwatch ping: {refusal}", NOT_ALLOWED)
    except ValueError as error:
        fail(f"linkwatch ping: {error}", WRONG_INPUT)
    _print(result, as_json=as_json, quiet=quiet)
    sys.exit(0 if all(host["received"] for host in result["targets"]) else MEASURED_BAD)


def _read_hosts(lines: Iterable[str]) -> list[str]:
    try:
        words = [line.split("#")[0].strip() for line in lines]
    except UnicodeDecodeError:
        fail("linkwatch ping: the file of hosts is not UTF-8 text", WRONG_INPUT)
    return [word for word in words if word]


def _resolve(name: str) -> IPv4Address | IPv6Address:
    try:
        return ip_address(name)
    except ValueError:
        pass
    try:
        return ip_address(socket.getaddrinfo(name, None, type=socket.SOCK_DGRAM)[0][4][0])
    except (OSError, UnicodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "not a name"
        fail(f"{name[:LONGEST_SHOWN]!r}: the name does not resolve ({why})", WRONG_INPUT)


def _run(
    addresses: dict[str, IPv4Address | IPv6Address],
    count: int,
    interval_s: float,
    timeout_s: float,
    *,
    show_progress: bool,
) -> dict[str, Any]:
    if not (show_progress and sys.stderr.isatty()):
        return ping_many(addresses, count, interval_s, timeout_s)
    with click.progressbar(length=len(addresses) * count, label="ping", file=sys.stderr) as bar:

        def advance(ended: int, _expected: int) -> None:
            bar.update(ended - bar.pos)

        return ping_many(addresses, count, interval_s, timeout_s, on_progress=advance)


def _print(result: dict[str, Any], *, as_json: bool, quiet: bool) -> None:
    if as_json:
        click.echo(json.dumps({"total": result["total"]} if quiet else result, indent=2))
        return
    shown = [] if quiet else result["targets"]
    width = max((len(host["target"]) for host in shown), default=5)
    click.echo(" ".join([" " * width, *(f"{column:>9}" for column in COLUMNS)]))
    for host in shown:
        click.echo(_row(host["target"].ljust(width), host) + _remark(host))
    click.echo(_row("total".ljust(width), result["total"]))


def _row(name: str, figures: dict[str, Any]) -> str:
    loss = figures["loss_ratio"]
    cells = [str(figures["sent"]), str(figures["received"]), "-" if loss is None else f"{loss:.1%}"]
    times = [figures[f"{column}_s"] for column in COLUMNS[3:]]
    cells += ["-" if time_s is None else f"{time_s * 1e3:.3f} ms" for time_s in times]
    return " ".join([name, *(f"{cell:>9}" for cell in cells)])


def _remark(host: dict[str, Any]) -> str:
    return f"  {host['error']}" if "error" in host else ""
