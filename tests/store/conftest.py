"""Every store test runs over SQLite and over a real PostgreSQL, if the machine has one."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import create_engine, text

from linkwatch.store.store import Store

OpenStore = Callable[..., Awaitable[Store]]


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """The address of a PostgreSQL server of this session's own, without a database name."""
    pytest.importorskip("psycopg", reason="needs psycopg: pip install 'linkwatch[postgresql]'")
    initdb = max(Path("/usr/lib/postgresql").glob("*/bin/initdb"), default=None)
    if initdb is None:
        pytest.skip("needs PostgreSQL: apt-get install postgresql")
    folder, port = Path(tempfile.mkdtemp(prefix="lw-pg-")), _free_port()
    server = ["-D", f"{folder}/data", "-w", "-l", f"{folder}/log"]
    options = f"-p {port} -c listen_addresses=127.0.0.1 -k {folder} -c fsync=off"
    try:
        _as_postgres(folder, initdb, "-D", f"{folder}/data", "-A", "trust", "-U", "postgres", "--no-sync")
        _as_postgres(folder, initdb.with_name("pg_ctl"), *server, "-o", options, "start")
        yield f"postgresql://postgres@127.0.0.1:{port}"
        _as_postgres(folder, initdb.with_name("pg_ctl"), *server, "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty store."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/linkwatch.db"
    server, name = request.getfixturevalue("postgresql"), f"lw_{uuid4().hex[:12]}"
    engine = create_engine(
        f"{server}/postgres".replace("://", "+psycopg://", 1), isolation_level="AUTOCOMMIT"
    )
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    engine.dispose()
    return f"{server}/{name}"


@pytest.fixture
async def open_store(url: str) -> AsyncIterator[OpenStore]:
    """Opens the store of this test, as often as wanted, and closes all in the end."""
    stores: list[Store] = []

    async def open_one(instance: str = "a") -> Store:
        stores.append(await Store.open(url, instance=instance))
        return stores[-1]

    yield open_one
    for store in stores:
        await store.close()


@pytest.fixture
async def store(open_store: OpenStore) -> Store:
    return await open_store()


def _as_postgres(folder: Path, *command: object) -> None:
    """PostgreSQL refuses root; its folder must belong to whoever runs it."""
    user = {"user": "postgres", "group": "postgres"} if os.geteuid() == 0 else {}
    if user:
        shutil.chown(folder, "postgres", "postgres")
    subprocess.run([str(part) for part in command], check=True, capture_output=True, cwd=folder, **user)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
