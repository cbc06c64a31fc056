"""`linkwatch ping`: many hosts at once, with the engine that the service measures with."""

from __future__ import annotations

import json
import socket
import sys
from collections.abc import Iterable
from ipaddress import ip_address
from typing import Any

import click

from linkwatch.cli.amounts import Duration
from linkwatch.cli.failures import MEASURED_BAD, NOT_ALLOWED, WRONG_INPUT, fail
from probes.icmp import MarkPermissionError, ProbePermissionError, Settings, ping_many
from probes.sample import IPAddress

COLUMNS = ("sent", "received", "loss", "min", "mean", "p50", "p95", "p99", "max")
LONGEST_SHOWN = 80


@click.command("ping", short_help="Ping many hosts at once.")
@click.argument("hosts", nargs=-1)
@click.option("--count", type=click.IntRange(min=1), default=5, show_default=True, help="Pings to each host.")
@click.option("--interval", type=Duration(), default="1s", show_default=True, help="Between two of them.")
@click.option("--timeout", type=Duration(), default="3s", show_default=True, help="Then a ping is lost.")
@click.option("--size", type=int, default=56, show_default=True, help="Bytes of payload.")
@click.option("--dont-fragment", is_flag=True, help="Refuse what is too big, rather than cut it into pieces.")
@click.option("--dscp", default="", help="Priority to ask for: ef, af41, cs5 … or 0 to 63.")
@click.option("--family", default="any", help="ipv4 or ipv6: only addresses of that kind.")
@click.option("--source", default="", help="Address of this machine to ping from.")
@click.option("--interface", default="", help="Interface to ping through, wherever the routes lead.")
@click.option("--mark", type=int, default=0, help="Firewall mark, for policy routing; needs CAP_NET_ADMIN.")
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
    **sending: Any,
) -> None:
    """Ping HOSTS (names or addresses) side by side.

    Exit code: 0 every host answered, 1 some did not, 2 wrong usage, 3 ICMP is not allowed here.
    """
    names = [*hosts, *_read_hosts(file or ())]
    if not names:
        fail("no host given; name some, or use --file", WRONG_INPUT)
    try:
        settings = Settings(count=count, interval_s=interval, timeout_s=timeout, **sending)
        addresses = {name: _resolve(name, settings) for name in dict.fromkeys(names)}
        result = _run(addresses, settings, show_progress=not (as_json or quiet))
    except ProbePermissionError as refusal:
        fail(f"linkwatch ping: {refusal}", NOT_ALLOWED)
    except MarkPermissionError as refusal:
        fail(f"linkwatch ping: {refusal.strerror}", NOT_ALLOWED)
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


def _resolve(name: str, settings: Settings) -> IPAddress:
    found = _addresses(name)
    fit = [address for address in found if settings.takes(address)]
    if not fit:
        fail(f"{name[:LONGEST_SHOWN]!r}: there is no IPv{settings.version} address", WRONG_INPUT)
    return fit[0]


def _addresses(name: str) -> list[IPAddress]:
    try:
        return [ip_address(name)]
    except ValueError:
        pass
    try:
        entries = socket.getaddrinfo(name, None, type=socket.SOCK_DGRAM)
        return [ip_address(entry[4][0]) for entry in entries]
    except (OSError, UnicodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "not a name"
        fail(f"{name[:LONGEST_SHOWN]!r}: the name does not resolve ({why})", WRONG_INPUT)


def _run(addresses: dict[str, IPAddress], settings: Settings, *, show_progress: bool) -> dict[str, Any]:
    count = settings.count
    how = (count, settings.interval_s, settings.timeout_s, settings.size)
    if not (show_progress and sys.stderr.isatty()):
        return ping_many(addresses, *how, egress=settings.egress)
    with click.progressbar(length=len(addresses) * count, label="ping", file=sys.stderr) as bar:

        def advance(ended: int, _expected: int) -> None:
            bar.update(ended - bar.pos)

        return ping_many(addresses, *how, on_progress=advance, egress=settings.egress)


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
