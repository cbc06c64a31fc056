"""A wire with a known delay between two TUN interfaces: file descriptors NEAR FAR, one-way MILLISECONDS.

Carries --count addresses from --first on.
"""

from __future__ import annotations

import argparse
import asyncio
import random
from ipaddress import IPv4Address

from bench.subjects import run_until_told
from linkwatch.demo.wire import Path, Wire

JITTER_S = 0.001


async def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("near", type=int)
    parser.add_argument("far", type=int)
    parser.add_argument("delay_ms", type=float)
    parser.add_argument("--first", type=IPv4Address, required=True)
    parser.add_argument("--count", type=int, required=True)
    options = parser.parse_args()
    path = Path(options.delay_ms / 1e3, JITTER_S)
    paths = {str(options.first + i): path for i in range(options.count)}
    wire = Wire(options.near, options.far, paths, random.Random(1))
    wire.open(asyncio.get_running_loop())
    await asyncio.to_thread(run_until_told)


if __name__ == "__main__":
    asyncio.run(main())
