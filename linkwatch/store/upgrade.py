"""Runs the migrations that a database has not seen, through alembic."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from linkwatch.store.errors import StoreError

_SCRIPTS = Path(__file__).parent / "migrations"


def upgrade(connection: Connection, place: str) -> None:
    """Run what is missing. Raises StoreError if a newer LinkWatch has been here."""
    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    present = set(MigrationContext.configure(connection).get_current_heads())
    if not present <= known:
        raise StoreError(f"the store {place} was written by a newer LinkWatch; use that version or a backup")
    command.upgrade(config, "head")
