"""`linkwatch run`: the service."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
from collections.abc import Coroutine
from functools import partial
from pathlib import Path
from typing import Any

import click

from linkwatch.app import Running, serve
from linkwatch.cli.failures import MEASURED_BAD, NOT_ALLOWED, WRONG_INPUT, fail
from linkwatch.config.load import load
from linkwatch.config.machine import default_config
from linkwatch.config.problems import ConfigErrors
from linkwatch.config.rulefile import load_rules
from linkwatch.config.settings import Config
from linkwatch.core.rules import Rule
from linkwatch.flow.privileges import Account, become, drop_capabilities, find_account
from linkwatch.service import StuckError
from linkwatch.store.errors import StoreError

log = logging.getLogger(__name__)

LOG_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


@click.command("run", short_help="Watch what an inventory file names (without one: this machine).")
@click.argument("file", required=False, type=click.Path(exists=True, path_type=Path))
@click.option("--user", help="Started as root: become this user when the sockets are open.")
@click.option("--verbose", is_flag=True, help="Log more.")
def command(file: Path | None, user: str | None, verbose: bool) -> None:
    """Watch what the inventory FILE (or folder of files) names, until stopped.

    Without FILE: this machine, its default gateway and its resolvers. Ends with exit code 0 on SIGTERM
    and SIGINT; 1 when a vital part stopped; 2 for a wrong configuration; 3 when this machine does not
    allow it. SIGHUP reads FILE again; a FILE with a mistake changes nothing, and the log says why.

    Whatever rights it starts with: once the sockets for ICMP and the port are open it gives all of them
    up, and with --user becomes that user. FILE, the files it names and the store are read and written
    after that.
    """
    logging.basicConfig(level=logging.INFO if verbose else logging.WARNING, format=LOG_FORMAT)
    account = _account(user) if user else None
    run_until_stopped(serve(lambda: _read(file), drop=partial(_drop, account), on_started=_begin))


def _account(user: str) -> Account:
    try:
        return find_account(user)
    except KeyError:
        fail(f"linkwatch run: there is no user {user!r}; make one: sudo useradd --system {user}", WRONG_INPUT)


def _drop(account: Account | None, *keep: int) -> None:
    if account is not None:
        become(account)
    drop_capabilities(*keep)


def _read(file: Path | None) -> tuple[Config, tuple[Rule, ...]]:
    config = load(file) if file else default_config()
    return config, load_rules(config.rule_files)


def run_until_stopped(service: Coroutine[Any, Any, None]) -> None:
    """Run the service until SIGINT or SIGTERM; failures become one message and an exit code."""
    try:
        asyncio.run(_until_signal(service))
    except (BaseExceptionGroup, ConfigErrors, StuckError, StoreError, OSError) as error:
        match cause := _first(error):
            case ConfigErrors():
                fail(str(cause), WRONG_INPUT)
            case StuckError():
                fail(f"linkwatch: {cause}", MEASURED_BAD)
            case StoreError():
                fail(f"linkwatch: {cause}", NOT_ALLOWED)
            case OSError():
                raise cause from None  # told like that of any other command
        raise


def _first(error: BaseException) -> BaseException:
    """The failure that ended a group of tasks; the others only followed."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


async def _until_signal(service: Coroutine[Any, Any, None]) -> None:
    loop, task = asyncio.get_running_loop(), asyncio.ensure_future(service)
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, task.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await task


def _begin(running: Running) -> None:
    """Say where everything is, and listen to SIGHUP from now on."""
    _announce(running.config)
    reloads: set[asyncio.Task[None]] = set()

    def reload() -> None:
        task = asyncio.create_task(_reload(running), name="reload")
        reloads.add(task)
        task.add_done_callback(reloads.discard)

    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, reload)


async def _reload(running: Running) -> None:
    try:
        await running.services.reload()
    except ConfigErrors as errors:
        log.error("not reloaded, nothing has changed:\n%s", errors)


def _announce(config: Config) -> None:
    scheme = "https" if config.server.tls else "http"
    where = f"{scheme}://{config.server.host}:{config.server.port}/"
    click.echo(f"linkwatch: watching {len(config.inventory.targets)} targets; wall page and API at {where}")
