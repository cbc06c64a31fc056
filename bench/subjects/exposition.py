"""A board of 270,000 series at http://127.0.0.1:PORT/metrics, by our exposition or by prometheus_client.

`exposition ours|peer`: says `ready PORT`. Ours tells at /lag the worst lag of its event loop since last
asked, seconds.
"""

from __future__ import annotations

import asyncio
import gc
import itertools
import sys
import time
from collections.abc import Iterator

import numpy as np
from aiohttp import web
from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from bench.subjects import run_until_told
from linkwatch.core.board import Board, Column
from linkwatch.core.catalog import TARGET_LABELS, Catalog
from linkwatch.web.exposition import Exposition
from linkwatch.web.scrape import EXPOSITION, metrics

TARGETS = 10_000
WINDOWS = ("10s", "1m", "5m")
STATS = ("mean", "p50", "p95", "p99", "max")
TICK_S = 0.005


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
    board, random = Board(), np.random.default_rng(1)
    subjects = board.labels.subjects.numbers(target_labels())
    for name, extras in families().items():
        column = board.column(name)
        for extra in extras:
            rows = column.extend(subjects, board.labels.details.number(extra))
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


class LoopLag:
    """How late the event loop was at worst."""

    def __init__(self) -> None:
        self.worst_s = 0.0

    async def watch(self) -> None:
        while True:
            expected = time.monotonic() + TICK_S
            await asyncio.sleep(TICK_S)
            self.worst_s = max(self.worst_s, time.monotonic() - expected)

    async def tell(self, _request: web.Request) -> web.Response:
        text, self.worst_s = str(self.worst_s), 0.0
        return web.Response(text=text)


async def serve_ours(board: Board) -> None:
    """Through the handler that the service uses."""
    app = web.Application()
    app[EXPOSITION] = Exposition(board, Catalog(), CollectorRegistry())
    app.router.add_get("/metrics", metrics)
    lag = LoopLag()
    app.router.add_get("/lag", lag.tell)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    watching = asyncio.create_task(lag.watch())
    await asyncio.to_thread(run_until_told, f"ready {runner.addresses[0][1]}")
    watching.cancel()
    await runner.cleanup()


def serve_peer(board: Board) -> None:
    """Through prometheus_client's own server."""
    registry = CollectorRegistry()
    registry.register(BoardCollector(board))
    server, _ = start_http_server(0, "127.0.0.1", registry)
    run_until_told(f"ready {server.server_port}")
    server.shutdown()


if __name__ == "__main__":
    filled = fill_board()
    gc.freeze()  # as the service does once it has started
    if sys.argv[1] == "ours":
        asyncio.run(serve_ours(filled))
    else:
        serve_peer(filled)
