"""What pinger and windows report of some addresses: `quality COUNT INTERVAL_S ADDRESS…`.

Pings each COUNT times and prints, by address, what then stands on the board: `loss_ratio`, `rtt_s` (mean) and
`jitter_s`. Nothing is confirmed, so that every packet on the wire is one that the windows know of.
"""

from __future__ import annotations

import asyncio
import json
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from ipaddress import ip_address

import numpy as np

from bench.subjects import run_until_told
from linkwatch.core.board import Board
from linkwatch.core.coverage import Coverage
from linkwatch.core.inventory import Kind, Target
from linkwatch.flow.echoes import EchoRecord, EchoTarget
from probes.icmp import Pinger, PingTarget

WINDOW = "5m"
METRICS: dict[str, tuple[str, dict[str, str]]] = {
    "loss_ratio": ("linkwatch_icmp_loss_ratio", {}),
    "rtt_s": ("linkwatch_icmp_rtt_seconds", {"stat": "mean"}),
    "jitter_s": ("linkwatch_icmp_jitter_seconds", {}),
}
DRAIN_S = 0.5


class Watch:
    """A pinger and the record of what it finds."""

    def __init__(self, addresses: Sequence[str], count: int, interval_s: float) -> None:
        self.left = count * len(addresses)
        self._board = Board()
        self._record = EchoRecord(self._board)
        self._targets = [Target(address, address, Kind.LINK, "") for address in addresses]
        self._coverage = Coverage({target.id: target for target in self._targets}, ())
        self.pinger = Pinger(count=count)
        self.pinger.replace([PingTarget(name, ip_address(name), interval_s) for name in addresses])
        self.pinger.set_confirmations(np.zeros(len(addresses), dtype=np.uint8))
        self._record.replace([self._place(place, interval_s) for place in range(len(addresses))])

    def _place(self, place: int, interval_s: float) -> EchoTarget:
        target = self._targets[place]
        subject = self._board.labels.subjects.number(target.labels())
        return EchoTarget(target, place, self.pinger.rows[target.id], interval_s, subject)

    def take(self) -> None:
        """Record what has ended."""
        results = self.pinger.drain()
        self.left -= len(results.row)
        self._record.take(results, self._coverage, time.time(), time.monotonic())

    async def report(self) -> Mapping[str, Mapping[str, float]]:
        """Address -> figures of the window."""
        async for _ in self._record.publish_windows([WINDOW]):
            pass
        return {
            target.id: {name: self._value(target, *place) for name, place in METRICS.items()}
            for target in self._targets
        }

    def _value(self, target: Target, metric: str, more: Mapping[str, str]) -> float:
        column = self._board.column(metric)
        row = column.find({**target.labels(), "window": WINDOW, **more})
        assert row is not None
        return float(column.values[row])


def main() -> None:
    count, interval_s, *addresses = sys.argv[1:]
    watch = Watch(addresses, int(count), float(interval_s))
    watch.pinger.start()
    told = threading.Thread(target=run_until_told)
    told.start()
    while watch.left > 0:
        time.sleep(DRAIN_S)
        watch.take()
    watch.pinger.close()
    told.join()
    print(json.dumps(asyncio.run(watch.report())))


if __name__ == "__main__":
    main()
