"""Blocking work in threads, seen from asyncio: what was handed in is done, awaited or not."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

_T = TypeVar("_T")


class Threads:
    """A few threads that take jobs in order. With one thread, jobs never overlap."""

    def __init__(self, name: str, count: int = 1) -> None:
        self._pool = ThreadPoolExecutor(max_workers=count, thread_name_prefix=name)

    async def run(self, job: Callable[[], _T]) -> _T:
        """The job's result. Cancelling the wait does not stop the job."""
        return await asyncio.shield(asyncio.wrap_future(self._pool.submit(job)))

    async def close(self) -> None:
        """Finish what was handed in."""
        await asyncio.to_thread(self._pool.shutdown)
