"""`linkwatch trace`: the path to a host, all hops at once."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

import click

from linkwatch.cli.amounts import Duration
from linkwatch.cli.failures import MEASURED_BAD, NOT_ALLOWED, WRONG_INPUT, fail
from probes.failure import ProbeError
from probes.path import (
    PathMtu,
    Settings,
    Trace,
    TracePermissionError,
    Tracer,
    address_of,
    as_json,
    explain_end,
    explain_mtu,
    measure,
)
from probes.sample import Target

DEADLINE_S = 60.0


@click.command("trace", short_help="Find the path to a host.")
@click.argument("host")
@click.option(
    "--method",
    type=click.Choice(["icmp", "udp", "tcp"]),
    default="icmp",
    show_default=True,
    help="What is sent.",
)
@click.option("--port", type=int, default=0, help="Port of the host; left out: udp 33434, tcp 80.")
@click.option("-4", "ip", flag_value="4", help="Only over IPv4.")
@click.option("-6", "ip", flag_value="6", help="Only over IPv6.")
@click.option("--flow", type=int, default=0, show_default=True, help="0 to 255: another may go another way.")
@click.option("--max-hops", type=int, default=30, show_default=True, help="How far to look.")
@click.option("--queries", type=int, default=3, show_default=True, help="Packets to each hop.")
@click.option(
    "--timeout", "hop_timeout_s", type=Duration(), default="1s", show_default=True, help="Of a silent hop."
)
@click.option("--mtu", is_flag=True, help="Find out how big a packet gets through, too.")
@click.option("--json", "is_json", is_flag=True, help="Print JSON.")
def command(host: str, ip: str | None, is_json: bool, **given: Any) -> None:
    """Find the path to HOST (a name or an address): every router that answers, all asked at once.

    All packets are of one flow, so that they take one way, the same every time.

    Exit code: 0 the host answered, 1 it did not, 2 wrong usage, 3 raw sockets are not allowed here.
    """
    try:
        settings = Settings(ip=ip or "any", **given)
    except ValueError as error:
        fail(f"linkwatch trace: {error}", WRONG_INPUT)
    trace, mtu = _run(host, settings)
    _print_json(host, settings, trace, mtu) if is_json else _print(host, settings, trace, mtu)
    sys.exit(0 if trace.reached else MEASURED_BAD)


def _run(host: str, settings: Settings) -> tuple[Trace, PathMtu | None]:
    try:
        return asyncio.run(_trace(host, settings))
    except TracePermissionError as refusal:
        fail(f"linkwatch trace: {refusal}", NOT_ALLOWED)
    except ProbeError as failure:
        fail(f"linkwatch trace: {failure.detail}", WRONG_INPUT)
    except OSError as error:
        fail(f"linkwatch trace: {host}: {error.strerror or error}", MEASURED_BAD)


async def _trace(host: str, settings: Settings) -> tuple[Trace, PathMtu | None]:
    address = await address_of(Target(host, host), settings.ip)
    tracer = Tracer()
    try:
        return await measure(tracer, address, settings, DEADLINE_S)
    finally:
        tracer.close()


def _print(host: str, settings: Settings, trace: Trace, mtu: PathMtu | None) -> None:
    click.echo(f"{host} ({trace.destination}) by {settings.method}, {settings.max_hops} hops at most")
    width = max((len(str(hop)) for hop in trace.hops), default=0)
    for number, hop in enumerate(trace.hops, start=1):
        times = "  ".join("*" if rtt_s is None else f"{rtt_s * 1e3:.3f} ms" for rtt_s in hop.rtt_s)
        click.echo(f"{number:>3}  {hop!s:<{width}}  {times if hop.addresses else ''}".rstrip())
    if not trace.reached:
        click.echo(explain_end(trace))
    if settings.mtu:
        click.echo(f"path MTU: {mtu.size} bytes ({explain_mtu(mtu)})" if mtu else "path MTU: not known")


def _print_json(host: str, settings: Settings, trace: Trace, mtu: PathMtu | None) -> None:
    shown = {"host": host, "method": settings.method, "flow": settings.flow, **as_json(trace)}
    if mtu is not None:
        reporter = str(mtu.reporter) if mtu.reporter else None
        shown["mtu"] = {"bytes": mtu.size, "reporter": reporter, "silent": mtu.silent}
    click.echo(json.dumps(shown, indent=2))
