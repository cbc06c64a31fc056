"""One running service to a store: two of one name would take over each other's messages and page twice."""

from __future__ import annotations

import fcntl
import zlib
from collections.abc import Callable
from functools import partial

from sqlalchemy import URL, Connection, text
from sqlalchemy.exc import SQLAlchemyError

from linkwatch.store.dialect import open_writer, place
from linkwatch.store.errors import StoreError, explain

Release = Callable[[], None]


def claim(url: URL, instance: str) -> Release:
    """Hold the store for this process, until released or until the process ends, however it ends.

    Raises StoreError if another one of that name holds it.
    """
    return _lock_file(url, instance) if url.get_backend_name() == "sqlite" else _lock_session(url, instance)


def _lock_file(url: URL, instance: str) -> Release:
    try:
        held = open(f"{url.database}.{instance}.lock", "wb")  # noqa: SIM115 - held until released
    except OSError as error:
        raise StoreError(f"the store {place(url)} cannot be locked: {error.strerror}") from error
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        held.close()
        raise _taken(url, instance) from None
    return held.close


def _lock_session(url: URL, instance: str) -> Release:
    engine = open_writer(url)
    try:
        # A lock of the session: no transaction may stay open for as long as it is held.
        connection = engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        if _try_advisory_lock(connection, instance):
            return partial(_unlock_session, connection)
        connection.close()
    except SQLAlchemyError as error:
        raise explain(error, place(url)) from error
    engine.dispose()
    raise _taken(url, instance)


def _try_advisory_lock(connection: Connection, instance: str) -> bool:
    number = zlib.crc32(instance.encode())
    return bool(connection.scalar(text("SELECT pg_try_advisory_lock(:number)"), {"number": number}))


def _unlock_session(connection: Connection) -> None:
    connection.close()
    connection.engine.dispose()


def _taken(url: URL, instance: str) -> StoreError:
    return StoreError(
        f"another LinkWatch named {instance!r} works with the store {place(url)}; "
        "end it, or give this one another instance: in its file"
    )
