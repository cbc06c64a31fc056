"""Where SQLite and PostgreSQL differ: how an engine is made, and how a row is put or left alone."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import URL, Connection, Engine, Table, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError

from linkwatch.store.errors import StoreError

BUSY_TIMEOUT_S = 2.0
"""How long SQLite waits for another process's lock before it gives up."""

CONNECT_TIMEOUT_S = 5
SILENCE_TIMEOUT_MS = 5000
"""How long a PostgreSQL server may leave our packets unanswered before its connection is given up."""

_ALLOWED = "allowed: sqlite:///FILE, postgresql://USER:PASSWORD@HOST/DATABASE"


def _to_json(value: Any) -> str:
    """With json, writing 5,000 alerts would cost a quarter more."""
    return orjson.dumps(value).decode()


def parse_url(text: str) -> URL:
    """The URL of a store. Raises StoreError for anything but a SQLite file or PostgreSQL."""
    try:
        url = make_url(text)
    except ArgumentError:
        raise StoreError(f"store.url is not a database URL; {_ALLOWED}") from None
    match url.get_backend_name():
        case "sqlite" if url.database and url.database != ":memory:":
            return url.set(drivername="sqlite+pysqlite")
        case "sqlite":
            raise StoreError(f"a store in memory would lose everything; {_ALLOWED}")
        case "postgresql":
            return url.set(drivername="postgresql+psycopg")
        case other:
            raise StoreError(f"store.url: {other} is not supported; {_ALLOWED}")


def place(url: URL) -> str:
    """What to call the store in messages: the file, or host and database."""
    return str(url.database) if url.get_backend_name() == "sqlite" else f"{url.host}/{url.database}"


def open_writer(url: URL) -> Engine:
    """One connection that writes, for one thread."""
    return _open(url, connections=1, writes=True)


def open_reader(url: URL, connections: int) -> Engine:
    """Connections that only read; they see the last commit and never wait for the writer."""
    return _open(url, connections=connections, writes=False)


def upsert(connection: Connection, table: Table, rows: Sequence[dict[str, Any]]) -> None:
    """Insert rows, or overwrite those with the same primary key."""
    if rows:
        key = [column.name for column in table.primary_key]
        statement = _insert(connection)(table)
        new = {column.name: statement.excluded[column.name] for column in table.c if column.name not in key}
        connection.execute(statement.on_conflict_do_update(index_elements=key, set_=new), rows)


def insert_once(connection: Connection, table: Table, rows: Sequence[dict[str, Any]], key: str) -> None:
    """Insert rows; those whose `key` is there already are left as they are."""
    if rows:
        statement = _insert(connection)(table).on_conflict_do_nothing(index_elements=[key])
        connection.execute(statement, rows)


def _insert(connection: Connection) -> Any:
    return import_module(f"sqlalchemy.dialects.{connection.dialect.name}").insert  # the other stays unloaded


def _open(url: URL, *, connections: int, writes: bool) -> Engine:
    if url.get_backend_name() == "sqlite":
        return _open_sqlite(url, connections, writes)
    try:
        return create_engine(
            url,
            pool_size=connections,
            max_overflow=0,
            pool_pre_ping=True,
            hide_parameters=True,
            json_serializer=_to_json,
            connect_args={"connect_timeout": CONNECT_TIMEOUT_S, "tcp_user_timeout": SILENCE_TIMEOUT_MS},
        )
    except ModuleNotFoundError:
        raise StoreError("PostgreSQL needs its driver: pip install 'linkwatch[postgresql]'") from None


def _open_sqlite(url: URL, connections: int, writes: bool) -> Engine:
    folder = Path(str(url.database)).parent
    if not url.query and not folder.is_dir():
        raise StoreError(f"the store {url.database} cannot be opened: there is no folder {folder}")
    engine = create_engine(
        url,
        pool_size=connections,
        max_overflow=0,
        hide_parameters=True,
        json_serializer=_to_json,
        connect_args={"timeout": BUSY_TIMEOUT_S},
    )
    event.listen(engine, "connect", partial(_prepare_sqlite, writes=writes))
    event.listen(engine, "begin", partial(_begin_sqlite, writes=writes))
    return engine


def _prepare_sqlite(connection: Any, _record: object, *, writes: bool) -> None:
    """Settings of one connection. The driver's own transactions are off: they begin too late."""
    connection.isolation_level = None
    if writes:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
    else:
        connection.execute("PRAGMA query_only = ON")
    connection.execute("PRAGMA foreign_keys = ON")


def _begin_sqlite(connection: Connection, *, writes: bool) -> None:
    """A writer takes the lock at once: one that upgrades later can fail in the middle."""
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
