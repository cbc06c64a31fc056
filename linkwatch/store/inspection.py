"""Is a store whole? Read only: a store that is not there is not made, and one that is, not changed."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from linkwatch.store.dialect import open_reader, parse_url, place
from linkwatch.store.errors import StoreError, explain


def database_file(url: str) -> Path | None:
    """The file of a SQLite store; None for a database server."""
    parsed = parse_url(url)
    is_file = parsed.get_backend_name() == "sqlite" and not parsed.query
    return Path(str(parsed.database)) if is_file else None


def inspect_store(url: str) -> str | None:
    """What is wrong with the store, in words for people; None if nothing is, or if it is yet to be made."""
    file = database_file(url)
    if file is not None:
        return _inspect_file(file) if file.exists() else None
    try:
        engine = open_reader(parse_url(url), 1)
        try:
            with engine.connect() as connection:
                connection.execute(text("SELECT 1"))
        finally:
            engine.dispose()
    except SQLAlchemyError as error:
        return str(explain(error, place(parse_url(url))))
    except StoreError as error:
        return str(error)
    return None


def _inspect_file(file: Path) -> str | None:
    try:
        with closing(sqlite3.connect(f"file:{quote(str(file))}?mode=ro", uri=True)) as connection:
            (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.Error as error:
        return str(explain(error, str(file)))
    return None if verdict == "ok" else f"the store {file} is damaged: {verdict.splitlines()[0]}"
