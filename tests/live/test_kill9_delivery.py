"""A page that was committed survives `kill -9`: none is lost, at most one per kill comes twice, marked."""

from __future__ import annotations

import asyncio
import multiprocessing
import random
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from pathlib import Path

import pytest

from tests.live import paging
from tests.notify.sink import Sink, running_sink

KILLS = 25
MARK = "(gửi lại) "


@pytest.mark.live
async def test_no_page_is_lost_and_repeats_are_few_and_marked(tmp_path: Path) -> None:
    url, moments = f"sqlite:///{tmp_path}/linkwatch.db", random.Random(7)
    committed: list[int] = []
    async with running_sink() as sink:
        for _ in range(KILLS):
            before = len(repeats(sink))
            committed += await asyncio.to_thread(live_and_die, url, sink.url("late"), moments.uniform(0, 0.2))
            assert len(repeats(sink)) - before <= 1
        committed += await asyncio.to_thread(live_out, url, sink.url("late"))
    arrived = {text.removeprefix(MARK) for text in sink.texts}
    assert len(committed) > KILLS
    assert {f"sự cố {incident}" for incident in committed} <= arrived
    print(f"{KILLS} kills, {len(committed)} pages, lost 0, repeated {len(repeats(sink))}")
    assert 0 < len(repeats(sink)) <= KILLS
    assert all(text.startswith(MARK) for text in repeats(sink))


def repeats(sink: Sink) -> list[str]:
    """What arrived again, as it was said then."""
    seen: set[str] = set()
    again = []
    for text in sink.texts:
        page = text.removeprefix(MARK)
        again += [text] if page in seen else []
        seen.add(page)
    return again


def live_and_die(url: str, address: str, life_s: float) -> list[int]:
    """Let the process page for a while, kill it with SIGKILL; what it had committed by then."""
    process, pipe = start(paging.page_until_killed, url, address)
    assert pipe.poll(20), "the process never came to its first page"
    process.join(life_s)
    assert process.exitcode is None, "the process ended by itself"
    process.kill()
    process.join()
    return drain(pipe)


def live_out(url: str, address: str) -> list[int]:
    """Run the process until everything is delivered."""
    process, pipe = start(paging.finish, url, address)
    process.join(30)
    assert process.exitcode == 0
    return drain(pipe)


def start(target: object, url: str, address: str) -> tuple[ForkServerProcess, Connection]:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([paging.__name__])
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=target, args=(url, address, theirs), daemon=True)  # type: ignore[arg-type]
    process.start()
    theirs.close()
    return process, ours


def drain(pipe: Connection) -> list[int]:
    with pipe:
        received = []
        try:
            while True:
                received.append(pipe.recv())
        except EOFError:
            return received
