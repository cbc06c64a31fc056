"""API keys are found by themselves only, and only while they are good."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from linkwatch.store.errors import StoreError
from linkwatch.store.keys import TOKEN_PREFIX, Role, new_token
from linkwatch.store.store import Store


async def test_a_key_is_found_by_its_token(store: Store) -> None:
    token, key = await store.create_key(name="VNPT", role=Role.PARTNER, organization="vnpt", now=1.0)
    assert token.startswith("lw_")
    assert len(token) >= 3 + 22  # at least 128 bits
    assert await store.find_key(token, now=2.0) == key
    assert await store.find_key(token + "x", now=2.0) is None
    assert await store.find_key(f"lw_{key.prefix}", now=2.0) is None
    assert await store.find_key("", now=2.0) is None
    assert await store.find_key("lw_\udcff", now=2.0) is None
    assert await store.find_key("lw_\0", now=2.0) is None


async def test_expired_and_revoked_keys_are_no_keys(store: Store) -> None:
    short, _ = await store.create_key(name="a", role=Role.VIEWER, now=0.0, expires_at=10.0)
    ended, key = await store.create_key(name="b", role=Role.ADMIN, now=1.0)
    assert await store.find_key(short, now=9.9)
    assert await store.find_key(short, now=10.0) is None
    assert await store.revoke_key(key.prefix, now=5.0)
    assert not await store.revoke_key(key.prefix, now=6.0)
    assert await store.find_key(ended, now=5.0) is None
    assert [(it.name, it.revoked_at) for it in await store.keys()] == [("a", None), ("b", 5.0)]


async def test_use_is_noted_once_a_minute(store: Store) -> None:
    token, key = await store.create_key(name="a", role=Role.VIEWER, now=0.0)
    for now in (100.0, 130.0, 161.0):
        key = await store.find_key(token, now) or key
        await store.touch_key(key, now)
        (kept,) = await store.keys()
        assert kept.last_used_at == (161.0 if now == 161.0 else 100.0)


async def test_a_partner_key_needs_an_organization(store: Store) -> None:
    with pytest.raises(StoreError, match="organization"):
        await store.create_key(name="x", role=Role.PARTNER, now=0.0)
    assert store.healthy


async def test_the_token_is_nowhere_in_the_database(tmp_path: Path) -> None:
    store = await Store.open(f"sqlite:///{tmp_path}/linkwatch.db", instance="a")
    token, key = await store.create_key(name="a", role=Role.VIEWER, now=0.0)
    await store.close()
    with sqlite3.connect(tmp_path / "linkwatch.db") as connection:
        dump = "\n".join(connection.iterdump())
    connection.close()
    assert token.removeprefix("lw_")[8:] not in dump
    assert token not in repr(key)


def test_a_key_is_letters_and_digits_so_that_none_is_taken_for_an_option() -> None:
    assert all(new_token().removeprefix(TOKEN_PREFIX).isalnum() for _ in range(200))
