"""Prometheus's part beside blackbox_exporter: `asking FILE` asks for every URL in it each `EVERY_S` seconds.

They are spread evenly, and connections are kept, as Prometheus does. When told to end it prints how many
probes succeeded and failed.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import Counter
from itertools import count
from pathlib import Path

import aiohttp

from bench.subjects import run_until_told

EVERY_S = 10.0
SUCCESS = "probe_success 1"


async def main(urls: list[str]) -> None:
    told = asyncio.create_task(asyncio.to_thread(run_until_told))
    counts: Counter[bool] = Counter()
    connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=300)
    async with aiohttp.ClientSession(connector=connector, auto_decompress=False) as session:
        began_s, running = time.monotonic(), set()
        for turn in count():
            if told.done():
                break
            await asyncio.sleep(began_s + turn * EVERY_S / len(urls) - time.monotonic())
            task = asyncio.create_task(ask(session, urls[turn % len(urls)], counts))
            running.add(task)
            task.add_done_callback(running.discard)
        await asyncio.gather(*running)
    print(json.dumps({"good": counts[True], "failed": counts[False]}))


async def ask(session: aiohttp.ClientSession, url: str, counts: Counter[bool]) -> None:
    async with session.get(url, headers={"Accept-Encoding": "identity"}) as answer:
        counts[SUCCESS in (await answer.text()).splitlines()] += 1


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]).read_text().split()))
