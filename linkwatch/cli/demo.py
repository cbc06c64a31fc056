"""`linkwatch demo`: a simulated province, with real packets, faults that come and go, and an inbox."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from linkwatch.cli.amounts import Amount
from linkwatch.cli.failures import MEASURED_BAD, fail
from linkwatch.demo.stage import PORTS_TRIED, Stage, WorldProcess, free_listener, set_up

if TYPE_CHECKING:
    from socket import socket

    from linkwatch.app import Running

WIDTH = 26
LAST_FIRST_PORT = 65_535 - PORTS_TRIED


@click.command("demo", short_help="Watch a simulated province on this machine, with real packets.")
@click.option(
    "--port",
    type=click.IntRange(1, LAST_FIRST_PORT),
    default=8080,
    show_default=True,
    help="First port tried for the wall page and API.",
)
@click.option("--seconds", type=Amount(min=1.0), help="End by itself after so long.")
def command(port: int, seconds: float | None) -> None:
    """Watch a simulated province of 27 districts on this machine.

    Real ICMP, SNMP and HTTP, in a network namespace of its own where the machine allows it, else on
    loopback addresses. Faults come and go; pages go to a local inbox; the carrier's duty officer
    answers. Nothing is kept, nothing leaves this machine. Ctrl+C ends it.
    """
    wall, inbox = free_listener(port), free_listener(port + 1)
    stage = set_up()  # before anything else is imported: it needs a process without threads
    if stage.why_loopback:
        click.echo(f"no wire that can be cut: {stage.why_loopback}; only servers will break", err=True)
    from linkwatch.cli.run import run_until_stopped

    logging.basicConfig(level=logging.ERROR)
    with tempfile.TemporaryDirectory(prefix="linkwatch-demo-") as folder, contextlib.ExitStack() as stack:
        world = WorldProcess(stage)
        stack.callback(world.close)
        run_until_stopped(_play(stage, world, Path(folder), wall, inbox, seconds))


async def _play(
    stage: Stage, world: WorldProcess, folder: Path, wall: socket, inbox: socket, seconds: float | None
) -> None:
    from linkwatch.app import serve
    from linkwatch.cli.configuration import read_config, read_rules

    try:
        await world.ready()
    except (RuntimeError, TimeoutError) as error:
        fail(f"linkwatch demo: {error}", MEASURED_BAD)
    config = read_config(_write_inventory(stage, folder, wall, inbox))
    show = _Show(stage, world, wall, inbox)
    read = (config, read_rules(config.rule_files))
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds), asyncio.TaskGroup() as group:
            await serve(lambda: read, listener=wall, on_started=partial(show.begin, group))


def _write_inventory(stage: Stage, folder: Path, wall: socket, inbox: socket) -> Path:
    from linkwatch.demo.inventory import inventory_yaml

    file = folder / "thanh-hoa.yml"
    text = inventory_yaml(
        stage.province,
        inbox=_address(inbox),
        listen=_address(wall),
        store_url=f"sqlite:///{folder}/linkwatch.db",
    )
    file.write_text(text, encoding="utf-8")
    return file


def _address(listener: socket) -> str:
    host, port = listener.getsockname()
    return f"{host}:{port}"


class _Show:
    """The inbox, the officers and the story, from the moment LinkWatch runs."""

    def __init__(self, stage: Stage, world: WorldProcess, wall: socket, inbox: socket) -> None:
        self._stage, self._world, self._wall, self._inbox = stage, world, wall, inbox
        self._started = time.monotonic()

    def begin(self, group: asyncio.TaskGroup, running: Running) -> None:
        """Open the curtain; if a part of the show fails, the group ends the demo."""
        group.create_task(self._play_all(running), name="show")

    async def _play_all(self, running: Running) -> None:
        await self._greet(running)
        async with asyncio.TaskGroup() as group:
            group.create_task(self._open_inbox(running), name="inbox")
            group.create_task(self._tell(), name="story")

    async def _greet(self, running: Running) -> None:
        from linkwatch.store.keys import Role

        count = len(running.services.inventory().targets)
        where = "a network namespace of its own" if self._stage.own_network else "loopback addresses"
        click.secho(
            f"LinkWatch: {count} targets in 27 districts of Thanh Hóa, simulated in {where}", bold=True
        )
        click.echo(f"  wall page   http://{_address(self._wall)}/")
        click.echo(f"  metrics     http://{_address(self._wall)}/metrics")
        click.echo(f"  duty inbox  http://{_address(self._inbox)}/")
        token, _ = await running.services.store.create_key(
            name="demo", role=Role.OPERATOR, now=running.services.now()
        )
        url = f"http://{_address(self._wall)}/api/v1/summary"
        click.echo(f"  status API  curl -H 'Authorization: Bearer {token}' {url}")
        click.echo("  the first fault comes in 5 seconds; Ctrl+C ends the demo\n")

    async def _open_inbox(self, running: Running) -> None:
        from aiohttp import web

        from linkwatch.demo.inbox import Inbox
        from linkwatch.demo.story import Officers

        officers = Officers(running.services, self._say)
        runner = web.AppRunner(Inbox(officers.read).app(), access_log=None)
        await runner.setup()
        try:
            await web.SockSite(runner, self._inbox).start()
            if self._stage.own_network:  # apprise sends from inside the demo's own network
                await web.TCPSite(runner, *self._inbox.getsockname()).start()
            await asyncio.Event().wait()
        finally:
            await runner.cleanup()

    async def _tell(self) -> None:
        from linkwatch.demo.story import faults, tell

        await tell(faults(self._stage.province), self._world.command, self._say)

    def _say(self, kind: str, text: str) -> None:
        elapsed_s = time.monotonic() - self._started
        click.echo(f"{elapsed_s:6.1f} s  {click.style(kind.ljust(WIDTH), bold=True)}{text}")
