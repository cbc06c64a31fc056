"""Why the store could not do it, in words that say what to do. No SQL, no parameters, no password."""

from __future__ import annotations

import os
import pwd
import sqlite3

from sqlalchemy.exc import DBAPIError, SQLAlchemyError

_SQLITE_CAUSES = {
    sqlite3.SQLITE_BUSY: "is locked by another process; end that process or wait until it is done",
    sqlite3.SQLITE_LOCKED: "is locked by another process; end that process or wait until it is done",
    sqlite3.SQLITE_FULL: "cannot grow: the disk is full; free some space",
    sqlite3.SQLITE_READONLY: "is read-only; let {user} write the file and its folder",
    sqlite3.SQLITE_CANTOPEN: "cannot be opened; check that its folder exists and may be written by {user}",
    sqlite3.SQLITE_PERM: "cannot be opened: permission denied",
    sqlite3.SQLITE_CORRUPT: "is damaged; restore it from a backup or move it away to start with an empty one",
    sqlite3.SQLITE_NOTADB: "is damaged or not a database; restore it from a backup or move it away",
    sqlite3.SQLITE_IOERR: "cannot be read or written: the disk reports an error",
}


class StoreError(Exception):
    """The store could not do what was asked; nothing of it was done. The text holds no secret."""


def explain(error: SQLAlchemyError | sqlite3.Error, place: str) -> StoreError:
    """`error` as a StoreError about the database at `place` (shown as it is)."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    code = getattr(cause, "sqlite_errorcode", None)
    known = _SQLITE_CAUSES.get(code & 0xFF) if isinstance(code, int) else None
    text = known.format(user=_user()) if known else _first_line(cause)
    return StoreError(f"the store {place} {text}")


def _user() -> str:
    """Who runs LinkWatch: once privileges are given up, even root is a user among others."""
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return str(os.geteuid())


def _first_line(cause: BaseException | None) -> str:
    """The driver's own words; psycopg names host, port and user, never the password."""
    lines = str(cause).strip().splitlines()
    return f"failed: {lines[0] if lines else type(cause).__name__}"
