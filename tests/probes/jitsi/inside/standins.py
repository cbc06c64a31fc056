"""Servers that answer as JVB (a29d97d) and Jicofo (7ebb13d) do: the same paths, statuses, keys and names."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from threading import Thread
from typing import Any, TypeVar

from aiohttp import web
from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics

from tests.probes.http.pages import serve

R, T = TypeVar("R"), TypeVar("T")

# VideobridgeStatisticsShim.kt
STATS: Mapping[str, Any] = {
    "incoming_loss": 0.002,
    "outgoing_loss": 0.01,
    "overall_loss": 0.006,
    "endpoints_with_high_outgoing_loss": 1,
    "tcc_unmatched_feedback": 0,
    "local_active_endpoints": 28,
    "bit_rate_download": 12000,
    "bit_rate_upload": 48000,
    "packet_rate_download": 2500,
    "packet_rate_upload": 9000,
    "rtt_aggregate": 42.5,
    "num_eps_oversending": 0,
    "octo_conferences": 1,
    "inactive_conferences": 0,
    "p2p_conferences": 0,
    "endpoints": 35,
    "participants": 35,
    "receive_only_endpoints": 4,
    "inactive_endpoints": 0,
    "octo_endpoints": 5,
    "endpoints_sending_audio": 6,
    "endpoints_sending_video": 20,
    "largest_conference": 25,
    "endpoints_with_suspended_sources": 0,
    "total_conferences_created": 120,
    "total_conferences_completed": 117,
    "total_conference_seconds": 400000,
    "total_participants": 2100,
    "total_visitors": 0,
    "stress_level": 0.3,
    "conferences": 3,
    "visitors": 0,
    "local_endpoints": 30,
    "total_bytes_received": 10**12,
    "endpoints_ice_failed": 4,
    "dtls_failed_endpoints": 0,
    "total_bytes_sent": 4 * 10**12,
    "total_ice_failed": 7,
    "total_ice_succeeded": 2093,
    "total_ice_succeeded_relayed": 12,
    "average_participant_stress": 0.01,
    "threads": 90,
    "graceful_shutdown": False,
    "shutting_down": False,
    "drain": False,
    "current_timestamp": "2026-08-19 07:00:00.000",
    "muc_clients_configured": 1,
    "muc_clients_connected": 1,
    "mucs_configured": 1,
    "mucs_joined": 1,
    "healthy": True,
    "endpoints_disconnected": 3,
    "endpoints_reconnected": 2,
    "version": "2.3-235-ga29d97d1",
}

# VideobridgeMetrics.kt, VideobridgePeriodicMetrics.kt, XmppConnection.kt: name -> key above and factor.
JVB_GAUGES = {
    "stress": ("stress_level", 1),
    "local_endpoints": ("local_endpoints", 1),
    "current_endpoints": ("endpoints", 1),
    "conferences": ("conferences", 1),
    "incoming_loss_fraction": ("incoming_loss", 1),
    "outgoing_loss_fraction": ("outgoing_loss", 1),
    "endpoints_with_high_outgoing_loss": ("endpoints_with_high_outgoing_loss", 1),
    "average_rtt": ("rtt_aggregate", 1),
    "incoming_bitrate": ("bit_rate_download", 1000),
    "outgoing_bitrate": ("bit_rate_upload", 1000),
    "healthy": ("healthy", 1),
    "drain_mode": ("drain", 1),
    "graceful_shutdown": ("graceful_shutdown", 1),
    "shutting_down": ("shutting_down", 1),
    "muc_clients_configured": ("muc_clients_configured", 1),
    "muc_clients_connected": ("muc_clients_connected", 1),
    "mucs_connected": ("mucs_configured", 1),  # its own name for those that are configured
    "mucs_joined": ("mucs_joined", 1),
}
JVB_COUNTERS = {"ice_failed": "total_ice_failed", "ice_succeeded": "total_ice_succeeded"}

# JicofoServices.kt, FocusManager.kt
JICOFO_STATS: Mapping[str, Any] = {
    "total_participants": 2100,
    "total_conferences_created": 120,
    "conferences": 3,
    "conferences_with_visitors": 0,
    "bridge_failures": {"participants_moved": 0, "bridges_removed": 0},
    "participant_notifications": {"ice_failed": 4, "request_restart": 1},
    "largest_conference": 25,
    "participants": 60,
    "visitors": 0,
    "endpoint_pairs": 900,
    "jibri": {
        "total_sip_call_failures": 0,
        "total_live_streaming_failures": 0,
        "total_recording_failures": 0,
        "live_streaming_active": 0,
        "recording_active": 1,
        "sip_call_active": 0,
    },
    "bridge_selector": {
        "bridge_count": 2,
        "operational_bridge_count": 2,
        "in_shutdown_bridge_count": 0,
        "lost_bridges": 1,
        "bridge_version_count": 1,
    },
    "jibri_detector": {"count": 2, "available": 1},
    "sip_jibri_detector": {"count": 0, "available": 0},
    "threads": 80,
    "version": "1.0-1120",
}

JICOFO_GAUGES = {
    "bridge_selector_bridge_count": ("bridge_selector", "bridge_count"),
    "bridge_selector_bridge_count_operational": ("bridge_selector", "operational_bridge_count"),
    "bridge_selector_bridge_count_in_shutdown": ("bridge_selector", "in_shutdown_bridge_count"),
    "jibri_instances": ("jibri_detector", "count"),
    "jibri_instances_available": ("jibri_detector", "available"),
    "jibri_recording_active": ("jibri", "recording_active"),
    "jibri_live_streaming_active": ("jibri", "live_streaming_active"),
    "conferences": ("conferences",),
    "participants_current": ("participants",),
}


@dataclass
class StandIn(ABC):
    """Change the fields while it runs. `has_health`: whether the page is there; `held` holds it back."""

    stats: dict[str, Any] = field(default_factory=dict)
    health: tuple[int, str] = (200, "")
    has_health: bool = True
    has_stats: bool = True
    has_metrics: bool = True
    held: asyncio.Event | None = None
    asked: list[str] = field(default_factory=list)

    stats_path = "/colibri/stats"

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[str]:
        routes = {
            "/about/health": self._health,
            "/about/version": self._version,
            "/metrics": self._metrics,
            self.stats_path: self._stats,
            "/{rest:.*}": self._anything,
        }
        async with serve(routes) as url:
            yield url

    @abstractmethod
    def registry(self) -> CollectorRegistry:
        """What `/metrics` shows."""

    async def _health(self, request: web.Request) -> web.Response:
        self.asked.append(f"{request.method} {request.path}")
        if self.held is not None:
            await self.held.wait()
        if not self.has_health:
            raise web.HTTPNotFound
        return web.Response(status=self.health[0], text=self.health[1], content_type="application/json")

    async def _stats(self, request: web.Request) -> web.Response:
        self.asked.append(f"{request.method} {request.path}")
        if not self.has_stats:
            raise web.HTTPNotFound
        return web.json_response(self.stats)

    async def _version(self, request: web.Request) -> web.Response:
        self.asked.append(f"{request.method} {request.path}")
        return web.json_response({"name": "JVB", "version": self.stats["version"], "os": "Linux"})

    async def _metrics(self, request: web.Request) -> web.Response:
        """As MetricsContainer.getMetrics: the first type of Accept that it knows, without its parameters."""
        self.asked.append(f"{request.method} {request.path}")
        if not self.has_metrics:
            raise web.HTTPNotFound
        kind = request.headers["Accept"].split(",")[0].split(";")[0]
        make = generate_latest if kind == "text/plain" else generate_openmetrics
        headers = {"Content-Type": "text/plain; version=0.0.4; charset=utf-8"}
        return web.Response(body=make(self.registry()), headers=headers)

    async def _anything(self, request: web.Request) -> web.Response:
        self.asked.append(f"{request.method} {request.path}")
        raise web.HTTPNotFound


@dataclass
class Jvb(StandIn):
    stats: dict[str, Any] = field(default_factory=lambda: dict(STATS))

    def registry(self) -> CollectorRegistry:
        registry = CollectorRegistry()
        for name, (key, factor) in JVB_GAUGES.items():
            Gauge(f"jitsi_jvb_{name}", name, registry=registry).set(self.stats[key] * factor)
        for name, key in JVB_COUNTERS.items():
            Counter(f"jitsi_jvb_{name}", name, registry=registry).inc(self.stats[key])
        return registry


@dataclass
class Jicofo(StandIn):
    """`selector` stands over the numbers of bridge_selector."""

    stats: dict[str, Any] = field(default_factory=lambda: dict(JICOFO_STATS))
    health: tuple[int, str] = (200, "OK")

    stats_path = "/stats"

    def selects(self, **numbers: int) -> None:
        self.stats["bridge_selector"] = {**self.stats["bridge_selector"], **numbers}

    def registry(self) -> CollectorRegistry:
        registry = CollectorRegistry()
        for name, path in JICOFO_GAUGES.items():
            value: Any = self.stats
            for step in path:
                value = value[step]
            Gauge(f"jitsi_jicofo_{name}", name, registry=registry).set(value)
        lost = self.stats["bridge_selector"]["lost_bridges"]
        Counter("jitsi_jicofo_bridge_selector_lost_bridges", "lost", registry=registry).inc(lost)
        return registry


@contextmanager
def served(stand_in: StandIn) -> Iterator[str]:
    """Served by a loop of its own in a thread, for callers that have none."""
    with serving(stand_in.serving) as url:
        yield url


@contextmanager
def serving(enter: Callable[[], AbstractAsyncContextManager[T]]) -> Iterator[T]:
    """What `enter` begins, kept up by a loop of its own in a thread."""
    loop = asyncio.new_event_loop()
    thread = Thread(target=loop.run_forever, daemon=True)
    thread.start()

    def run(job: Coroutine[Any, Any, R]) -> R:
        return asyncio.run_coroutine_threadsafe(job, loop).result(30)

    async def begin() -> tuple[AsyncExitStack, T]:
        stack = AsyncExitStack()
        return stack, await stack.enter_async_context(enter())

    stack, begun = run(begin())
    try:
        yield begun
    finally:
        run(stack.aclose())
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
