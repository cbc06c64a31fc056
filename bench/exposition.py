"""How long a scrape of 270,000 series takes, beside prometheus_client; run: python bench/exposition.py

Prints seconds, series a second, the longest time the event loop was held, and what it took in memory.
"""

from __future__ import annotations

import asyncio
import itertools
import sys
import time
import tracemalloc
from collections.abc import Callable, Iterator

import numpy as np
from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import Collector

from linkwatch.core.board import Board, Column
from linkwatch.core.catalog import TARGET_LABELS, Catalog
from linkwatch.web.exposition import Exposition

TARGETS = 10_000
WINDOWS = ("10s", "1m", "5m")
STATS = ("mean", "p50", "p95", "p99", "max")


def families() -> dict[str, list[dict[str, str]]]:
    """27 series a target: the names are the catalogue's."""
    windows = [{"window": window} for window in WINDOWS]
    stats = [{"window": window, "stat": stat} for window, stat in itertools.product(WINDOWS, STATS)]
    return {
        "linkwatch_up": [{}],
        "linkwatch_icmp_sent_total": [{}],
        "linkwatch_icmp_received_total": [{}],
        "linkwatch_icmp_loss_ratio": windows,
        "linkwatch_icmp_jitter_seconds": windows,
        "linkwatch_call_quality_mos": windows,
        "linkwatch_icmp_rtt_seconds": stats,
    }


def target_labels() -> list[dict[str, str]]:
    """Labels of a province's worth of targets."""
    return [
        {
            "target": f"link-{i:05d}",
            "site": f"site-{i // 4:04d}",
            "kind": "link",
            "owner": f"carrier-{i % 5}",
            "emergency": "true" if i % 10 == 0 else "false",
        }
        for i in range(TARGETS)
    ]


def fill_board() -> Board:
    """All families with random values; counters whole."""
    board, random, targets = Board(), np.random.default_rng(1), target_labels()
    for name, extras in families().items():
        column = board.column(name)
        for extra in extras:
            labels = {label: [target[label] for target in targets] for label in TARGET_LABELS}
            labels |= {label: [text] * TARGETS for label, text in extra.items()}
            rows = column.extend(labels, TARGETS)
            values = random.random(TARGETS)
            values = np.floor(values * 1e6) if name.endswith("_total") else values
            column.fill(rows, values, np.ones(TARGETS, dtype=np.bool_), 1.0)
    return board


class BoardCollector(Collector):
    """The same series through prometheus_client, with the labels of every series ready at hand."""

    def __init__(self, board: Board) -> None:
        self._families = [(column, *self._labels(column)) for column in board]

    def collect(self) -> Iterator[GaugeMetricFamily]:
        for column, names, labels in self._families:
            family = GaugeMetricFamily(column.name, column.name, labels=names)
            for texts, value in zip(labels, column.values.tolist(), strict=True):
                family.add_metric(texts, value)
            yield family

    @staticmethod
    def _labels(column: Column) -> tuple[list[str], list[list[str]]]:
        names = [*TARGET_LABELS, *(name for name in column.label_names if name not in TARGET_LABELS)]
        rows = (column.labels(row) for row in range(len(column)))
        return names, [[labels[name] for name in names] for labels in rows]


async def scrape(exposition: Exposition) -> tuple[int, float]:
    """Bytes written, and the longest time between two yields to the loop."""
    size, longest_s, before = 0, 0.0, time.perf_counter()
    async for block in exposition.blocks():
        size += len(block)
        longest_s = max(longest_s, time.perf_counter() - before)
        await asyncio.sleep(0)
        before = time.perf_counter()
    return size, longest_s


def traced_peak_mb(action: Callable[[], object]) -> float:
    """Peak of memory that Python allocated beyond what there was before."""
    tracemalloc.start()
    action()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak / 1e6


def main() -> None:
    board = fill_board()
    series = sum(len(column) for column in board)
    registry = CollectorRegistry()
    exposition = Exposition(board, Catalog(), registry)
    peer = CollectorRegistry()
    peer.register(BoardCollector(board))
    first_peak_mb = traced_peak_mb(lambda: asyncio.run(scrape(exposition)))
    peak_mb = traced_peak_mb(lambda: asyncio.run(scrape(exposition)))
    times_s, held_s, size = [], [], 0
    for _ in range(5):
        start = time.perf_counter()
        size, longest_s = asyncio.run(scrape(exposition))
        times_s.append(time.perf_counter() - start)
        held_s.append(longest_s)
    start = time.perf_counter()
    peer_text = generate_latest(peer)
    peer_s = time.perf_counter() - start
    own_s = sorted(times_s)[len(times_s) // 2]
    print(f"series {series}, {size / 1e6:.1f} MB (prometheus_client {len(peer_text) / 1e6:.1f} MB)")
    print(f"linkwatch         {own_s:.3f} s  {series / own_s:,.0f}/s")
    print(f"  longest hold of the loop {max(held_s) * 1e3:.1f} ms")
    print(
        f"  peak memory {peak_mb:.1f} MB; first scrape, which makes the label texts: {first_peak_mb:.1f} MB"
    )
    print(f"prometheus_client {peer_s:.3f} s  {series / peer_s:,.0f}/s")
    print(f"ratio {peer_s / own_s:.1f}")
    sys.exit(0 if peer_s / own_s >= 10 and max(held_s) < 0.06 else 1)


if __name__ == "__main__":
    main()
