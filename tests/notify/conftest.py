from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.notify.sink import Sink, running_sink


@pytest.fixture
async def sink() -> AsyncIterator[Sink]:
    async with running_sink() as sink:
        yield sink
