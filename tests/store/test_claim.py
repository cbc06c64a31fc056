"""Two services of one name on one store would take over each other's messages."""

from __future__ import annotations

import pytest

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
