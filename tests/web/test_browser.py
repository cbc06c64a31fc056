"""The wall in a real browser: it refreshes itself, and says so when it no longer can."""

from __future__ import annotations

import asyncio
import shutil
from asyncio.subprocess import DEVNULL, PIPE

import pytest

from linkwatch.core.records import Changes
from linkwatch.store.errors import StoreError
from tests.web.world import incident

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


async def dom_after(url, folder, seconds):
    """The page as it stands after some seconds of the browser's time."""
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("needs chromium: apt-get install chromium")
    budget = f"--virtual-time-budget={seconds * 1000}"
    arguments = (*FLAGS, f"--user-data-dir={folder}", budget, "--dump-dom", url)
    browser = await asyncio.create_subprocess_exec(chromium, *arguments, stdout=PIPE, stderr=DEVNULL)
    out, _ = await browser.communicate()
    return out.decode()


@pytest.mark.peer("chromium")
async def test_the_wall_shows_what_is_new_and_what_it_cannot_reach(
    client, world, tmp_path, monkeypatch, caplog
):
    """First answer: quiet. Second: an incident. From then on the server cannot answer."""
    read, asked = world.store.incidents, 0

    async def incidents(**options):
        nonlocal asked
        asked += 1
        if asked == 2:
            await world.store.commit(Changes(incidents=(incident(17, "link-ham-rong"),)))
        if asked > 2:
            raise StoreError("gone")
        return await read(**options)

    monkeypatch.setattr(world.store, "incidents", incidents)
    dom = await dom_after(str(client.make_url("/")), tmp_path / "browser", 9)
    assert asked >= 3
    assert "link-ham-rong không trả lời" in dom
    assert "Không có sự cố" not in dom
    assert '<body class="lost">' in dom
    assert 'role="alert" hidden' not in dom
    assert 'id="age" class="bad"' in dom
