"""Most starts find the tables as they should be, and then do not pay for the machinery that changes them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from sqlalchemy import create_engine, text

from linkwatch.store import dialect
from linkwatch.store.store import Store
from linkwatch.store.tables import REVISION

OPEN_AND_TELL = """
import asyncio, sys
from linkwatch.store.store import Store
asyncio.run(asyncio.wait_for(Store.open(sys.argv[1], instance="a"), 30))
print("alembic" in sys.modules)
"""


async def test_the_migrations_end_at_the_revision_that_the_tables_name(url: str) -> None:
    await (await Store.open(url, instance="a")).close()
    engine = create_engine(dialect.parse_url(url))
    with engine.connect() as connection:
        assert list(connection.scalars(text("SELECT version_num FROM alembic_version"))) == [REVISION]
    engine.dispose()


def test_alembic_is_loaded_only_where_tables_are_missing(tmp_path: Path) -> None:
    command = [sys.executable, "-c", OPEN_AND_TELL, f"sqlite:///{tmp_path}/linkwatch.db"]
    told = [subprocess.run(command, capture_output=True, text=True, check=True).stdout for _ in range(2)]
    assert told == ["True\n", "False\n"]
