"""What can be wrong with a database is said in words that help, and never with a traceback of SQL."""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import create_engine

from linkwatch.core.records import Changes, Event
from linkwatch.flow.ledger import Ledger
from linkwatch.store import dialect, incidents
from linkwatch.store.errors import StoreError
from linkwatch.store.store import Store
from linkwatch.store.tables import metadata
from tests.store.samples import incident, notification, page


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "linkwatch.db"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 400 kB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if os.geteuid() != 0 or not shutil.which("mount"):
        pytest.skip("needs root to mount a small disk")
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", folder], check=False)
    if mounted.returncode != 0:
        pytest.skip("this machine does not let root mount a tmpfs")
    yield folder
    subprocess.run(["umount", folder], check=True)


async def opened(path: Path, query: str = "") -> Store:
    return await Store.open(f"sqlite:///{path}{query}", instance="a")


def overwrite(path: Path, content: bytes, start: int = 0) -> None:
    with path.open("r+b" if path.exists() else "wb") as file:
        file.seek(start)
        file.write(content)


async def test_migrations_make_the_tables_that_the_code_uses(url: str) -> None:
    await (await Store.open(url, instance="a")).close()
    engine = create_engine(dialect.parse_url(url))
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    engine.dispose()


async def test_a_store_of_a_newer_version_is_left_alone(path: Path) -> None:
    await (await opened(path)).close()
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(StoreError, match="written by a newer LinkWatch"):
        await opened(path)


async def test_a_locked_store_says_so(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dialect, "BUSY_TIMEOUT_S", 0.05)
    store = await opened(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="locked by another process"):
            await store.commit(page(1))
        assert not store.healthy
        assert await store.incidents() == ()  # reading never waits for a writer
        other.execute("ROLLBACK")
    await store.commit(page(1))
    assert store.healthy
    await store.close()


async def test_reads_go_on_while_a_commit_waits(path: Path) -> None:
    store = await opened(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        commit = asyncio.create_task(store.commit(page(1)))
        assert (await store.load()).next_incident_id == 1
        assert not commit.done()
        other.execute("ROLLBACK")
        await commit
    await store.close()


async def test_nobody_waits_for_a_write_that_hangs_but_it_is_done(path: Path) -> None:
    store = await opened(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="does not answer"):
            await store._write(partial(incidents.put, changed=[incident(1)]), deadline_s=0.05)
        assert not store.healthy
        other.execute("ROLLBACK")
    await store.commit(page(2))
    assert [it.id for it in await store.incidents()] == [2, 1]
    await store.close()


async def test_a_file_that_is_no_database_is_called_damaged(path: Path) -> None:
    overwrite(path, b"not a database, " * 1000)
    with pytest.raises(StoreError, match="damaged"):
        await opened(path)


async def test_a_damaged_page_is_called_damaged(path: Path) -> None:
    store = await opened(path)
    await store.commit(Changes(notifications=tuple(notification(f"key {i}") for i in range(500))))
    await store.close()
    overwrite(path, os.urandom(20_000), start=4096)
    with pytest.raises(StoreError, match="damaged"):
        await opened(path)


async def test_a_read_only_store_says_so(path: Path) -> None:
    await (await opened(path)).close()
    store = await Store.open(f"sqlite:///file:{path}?mode=ro&uri=true", instance="a")
    with pytest.raises(StoreError, match="read-only"):
        await store.commit(page(1))
    await store.close()


async def test_a_full_disk_is_named_and_outlived(small_disk: Path) -> None:
    store = await opened(small_disk / "linkwatch.db")
    await store.commit(page(1))
    filler = small_disk / "filler"
    with pytest.raises(OSError, match="No space left"):
        filler.write_bytes(bytes(400_000))
    with pytest.raises(StoreError, match="the disk is full"):
        await store.commit(page(2, body="x" * 100_000))
    assert not store.healthy
    assert [it.id for it in await store.incidents()] == [1]
    filler.unlink()
    await store.commit(page(2))
    assert store.healthy
    await store.close()


async def test_a_folder_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"there is no folder .*/missing"):
        await opened(tmp_path / "missing" / "linkwatch.db")


async def test_a_folder_in_place_of_the_file_cannot_be_opened(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot be opened"):
        await opened(tmp_path)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("linkwatch.db", "not a database URL"),
        ("mysql://lw:hidden-word@h/db", "mysql is not supported"),
        ("sqlite://", "in memory would lose everything"),
        ("sqlite:///:memory:", "in memory would lose everything"),
    ],
)
async def test_an_impossible_url_gets_a_list_of_possible_ones(url: str, said: str) -> None:
    with pytest.raises(StoreError, match=f"{said}.*allowed: sqlite:///FILE") as caught:
        await Store.open(url, instance="a")
    assert "hidden-word" not in str(caught.value)


async def test_a_server_that_does_not_answer_is_named_without_the_password() -> None:
    pytest.importorskip("psycopg", reason="needs psycopg: pip install 'linkwatch[postgresql]'")
    with pytest.raises(StoreError, match=r"127\.0\.0\.1/lw failed") as caught:
        await Store.open("postgresql://lw:hidden-word@127.0.0.1:1/lw", instance="a")
    assert "hidden-word" not in str(caught.value)


async def test_a_decision_whose_commit_hangs_is_handed_in_once(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else each try would add its events to the timeline, all at once when the disk is back."""
    monkeypatch.setattr(Store._write, "__defaults__", (0.05,))  # five seconds, but sooner
    monkeypatch.setattr("linkwatch.flow.ledger.PATIENCE_S", 0.02)
    monkeypatch.setattr("linkwatch.flow.ledger.PATIENCE_BROKEN_S", 0.02)
    store = await opened(path)
    ledger = Ledger(store.commit)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert not await ledger.put(Changes(incidents=(incident(1),), events=(Event(1, 0.0, "opened"),)))
        for _ in range(20):
            assert not await ledger.put(Changes())
        other.execute("ROLLBACK")
    async with asyncio.timeout(5):
        while not await ledger.put(Changes()):
            pass
    assert [event.kind for event in await store.timeline(1)] == ["opened"]
    await store.close()
