"""Polls one device again and again: `snmp HOST:PORT`; prints how often, and the values of the last poll."""

from __future__ import annotations

import asyncio
import json
import sys

from bench.subjects import run_until_told
from probes import registry
from probes.sample import Target
from probes.snmp import Settings

DEADLINE_S = 5.0
SESSIONS = 100
"""As many devices, in turn: one alone would keep thousands of polls in its windows, where there are tens."""


async def main(host: str) -> None:
    sessions = [registry.open_session("snmp", Target(f"{i}", host), Settings()) for i in range(SESSIONS)]
    sample = [await session.probe(DEADLINE_S) for session in sessions][-1]  # finds the interfaces
    told = asyncio.create_task(asyncio.to_thread(run_until_told))
    polls = 0
    while not told.done():
        sample = await sessions[polls % SESSIONS].probe(DEADLINE_S)
        if not sample.ok or sample.detail:
            raise RuntimeError(f"a poll failed: {sample.detail}")
        polls += 1
    for session in sessions:
        await session.close()
    print(json.dumps({"polls": polls, "values": len(sample.values)}))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
