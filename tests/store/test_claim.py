"""Two services of one name on one store would take over each other's messages."""

from __future__ import annotations

import pytest
from sqlalchemy import make_url

from linkwatch.store.claim import claim
from linkwatch.store.errors import StoreError
from tests.store.conftest import OpenStore


async def test_a_second_service_of_the_same_name_is_refused_until_the_first_ends(
    open_store: OpenStore,
) -> None:
    first, second = await open_store("a"), await open_store("a")
    await first.claim()
    with pytest.raises(StoreError, match="another LinkWatch named 'a'"):
        await second.claim()
    await first.close()
    await second.claim()


async def test_another_name_and_a_tool_may_use_the_same_store(open_store: OpenStore) -> None:
    first, other, tool = await open_store("a"), await open_store("b"), await open_store("a")
    await first.claim()
    await other.claim()
    assert await tool.keys() == ()


def test_a_database_that_cannot_be_reached_is_told_in_words() -> None:
    pytest.importorskip("psycopg", reason="needs psycopg")
    url = make_url("postgresql+psycopg://nobody:secret@127.0.0.1:1/none")
    with pytest.raises(StoreError, match=r"the store .*127\.0\.0\.1") as refusal:
        claim(url, "a")
    assert "secret" not in str(refusal.value)
