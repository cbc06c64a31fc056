"""Brings a database to the tables of this version, in one transaction."""

from __future__ import annotations

from sqlalchemy import Connection, inspect, text

from linkwatch.store.tables import REVISION


def migrate(connection: Connection, place: str) -> None:
    """Run what is missing. Raises StoreError if a newer LinkWatch has been here."""
    if _revisions(connection) != [REVISION]:
        from linkwatch.store.upgrade import upgrade  # alembic: 11 MB and 0.1 s that most starts do not need

        upgrade(connection, place)


def _revisions(connection: Connection) -> list[str]:
    if not inspect(connection).has_table("alembic_version"):
        return []
    return list(connection.scalars(text("SELECT version_num FROM alembic_version")))
