"""`linkwatch key create|list|revoke`: who may use the API."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import click

from linkwatch.cli.amounts import Amount
from linkwatch.cli.configuration import read_config
from linkwatch.cli.failures import MEASURED_BAD, NOT_ALLOWED, WRONG_INPUT, fail
from linkwatch.config.machine import default_config
from linkwatch.config.problems import suggest
from linkwatch.config.settings import DEFAULT_STORE, Config
from linkwatch.store.errors import StoreError
from linkwatch.store.keys import Key, Role
from linkwatch.store.store import Store

T = TypeVar("T")
DAY_S = 86_400.0
LONGEST_DAYS = 36_500.0
CONFIG = click.option(
    "--config",
    "file",
    type=click.Path(exists=True, path_type=Path),
    help="The inventory (default: the store of `linkwatch run` without one, in this folder).",
)


@click.group("key", short_help="Create, list and revoke API keys.")
def command() -> None:
    """API keys: a key is shown once, when it is made; only a hash of it is stored."""


@command.command("create")
@click.argument("name")
@click.option("--role", type=click.Choice([role.value for role in Role]), default="viewer", show_default=True)
@click.option("--organization", help="For partners: the organization whose targets the key may see.")
@click.option("--days", type=Amount(0.01, LONGEST_DAYS), help="How long it is good (default: until revoked).")
@CONFIG
def create(name: str, role: str, organization: str | None, days: float | None, file: Path | None) -> None:
    """Make a key called NAME and show it, this once."""
    _check_bounds(name, role, organization)
    config = _config(file)
    known = config.inventory.organizations
    if organization is not None and organization not in known:
        fail(f"there is no organization {organization!r}{suggest(organization, known)}", WRONG_INPUT)
    now = time.time()
    expires_at = now + days * DAY_S if days else None

    async def make(store: Store) -> tuple[str, Key]:
        return await store.create_key(
            name=name, role=Role(role), organization=organization, now=now, expires_at=expires_at
        )

    token, _ = _with_store(config, make)
    click.echo(token)
    click.echo("Keep it: it is not shown again. Use it as `Authorization: Bearer <key>`.", err=True)


def _check_bounds(name: str, role: str, organization: str | None) -> None:
    if not (name.strip() and name.isprintable()):
        fail("NAME must say whose key it is, in letters that can be printed", WRONG_INPUT)
    if role == Role.PARTNER and organization is None:
        fail("a partner key needs --organization", WRONG_INPUT)
    if role != Role.PARTNER and organization is not None:
        fail(f"--organization bounds partners only; a {role} sees everything", WRONG_INPUT)


@command.command("list")
@CONFIG
def show(file: Path | None) -> None:
    """List all keys, by their first letters."""
    for key in _with_store(_config(file), Store.keys):
        scope = f" for {key.organization}" if key.organization else ""
        click.echo(f"{key.prefix}…  {key.role.value}{scope}  {key.name}  {_state(key)}")


@command.command("revoke")
@click.argument("prefix")
@CONFIG
def revoke(prefix: str, file: Path | None) -> None:
    """End the key that begins with PREFIX, as `key list` shows it."""
    if not _with_store(_config(file), lambda store: store.revoke_key(prefix.rstrip("…"), time.time())):
        fail(f"no usable key begins with {prefix!r}", MEASURED_BAD)
    click.echo(f"{prefix} is revoked")


def _state(key: Key) -> str:
    if key.revoked_at is not None:
        return f"revoked {_date(key.revoked_at)}"
    if key.expires_at is not None:
        return f"{'good' if key.usable(time.time()) else 'expired'} until {_date(key.expires_at)}"
    return f"last used {_date(key.last_used_at)}" if key.last_used_at else "never used"


def _date(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M UTC")


def _config(file: Path | None) -> Config:
    """What `linkwatch run` works with. Without a file nothing says where that runs: a store that is not
    there is not made, for nobody would ever ask it."""
    if file is not None:
        return read_config(file)
    if not Path(DEFAULT_STORE).is_file():
        fail(f"there is no {DEFAULT_STORE} here; name the inventory with --config FILE", WRONG_INPUT)
    return default_config()


def _with_store(config: Config, work: Callable[[Store], Awaitable[T]]) -> T:
    async def run() -> T:
        store = await Store.open(config.store_url, instance=config.instance)
        try:
            return await work(store)
        finally:
            await store.close()

    try:
        return asyncio.run(run())
    except StoreError as error:
        fail(f"linkwatch: {error}", NOT_ALLOWED)
