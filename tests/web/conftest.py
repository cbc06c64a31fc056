from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp.test_utils import TestClient, TestServer

from linkwatch.config.settings import ServerSettings
from linkwatch.store.keys import Role
from linkwatch.web.door import Door
from linkwatch.web.server import build_app
from tests.web.world import World, open_world

# Before Python 3.12 pytest-asyncio asks for the current loop, which makes one that nobody closes.
asyncio.set_event_loop(None)

Headers = Mapping[str, str]
Key = Callable[..., Awaitable[Headers]]


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with its tables, made once and copied for each test."""

    async def make() -> None:
        await (await open_world(folder)).store.close()

    folder = tmp_path_factory.mktemp("empty")
    asyncio.run(make())
    return folder


@pytest.fixture
async def world(tmp_path: Path, empty_store: Path) -> AsyncIterator[World]:
    shutil.copytree(empty_store, tmp_path, dirs_exist_ok=True)
    opened = await open_world(tmp_path)
    yield opened
    await opened.store.close()


@pytest.fixture
def settings() -> ServerSettings:
    return ServerSettings()


@pytest.fixture
async def client(world: World, settings: ServerSettings) -> AsyncIterator[TestClient[Any, Any]]:
    """A client on a real socket of this machine; keeps no cookies that a test does not give it."""
    server = TestServer(build_app(world.services(), settings, Door()))
    async with TestClient(server, cookie_jar=aiohttp.DummyCookieJar()) as connected:
        yield connected


@pytest.fixture
def key(world: World) -> Key:
    """Makes a key of a role; gives the header that carries it."""

    async def make(role: str, organization: str | None = None) -> Headers:
        token, _ = await world.store.create_key(
            name=f"khóa {role}", role=Role(role), now=world.now, organization=organization
        )
        return {"Authorization": f"Bearer {token}"}

    return make


@pytest.fixture
async def viewer(key: Key) -> Headers:
    return await key("viewer")


@pytest.fixture
async def vnpt(key: Key) -> Headers:
    return await key("partner", "vnpt")
