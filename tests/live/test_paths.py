"""A link is cut behind a router: the first page already says after which one the way ends."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest

from linkwatch.core.inventory import Scope
from linkwatch.flow.paths import GENTLE_S, Paths, View, shared_tracer
from tests.core.incident_world import province, target
from tests.live.watch import inbox, inventory, wait_for, watching
from tests.routed import DESTINATION, RoutedNetwork, routed_network

pytestmark = pytest.mark.live

HASTE = 1000.0
"""How much faster time goes than it does."""


def test_the_page_says_after_which_router_the_way_ends(tmp_path: Path) -> None:
    hospital = {"id": "hospital", "address": DESTINATION[4], "emergency": True}
    document = inventory(tmp_path, [hospital], scope=["10.99.0.0/16", "127.0.0.0/8"])
    with routed_network() as network:
        source, last = network.node("source"), network.address("r3", "r4")
        with inbox(source) as pages, watching(source, tmp_path, document) as watch:
            wait_for(lambda: watch.metric("linkwatch_up", target="hospital") == 1)
            time.sleep(2.0)  # for a good path
            network.drop("r4", f"ip daddr {DESTINATION[4]}")
            wait_for(lambda: pages.messages)
            text = pages.messages[0][2]
            assert f"đường đi dừng sau {last} (chặng 4), trước đây tiếp đến {DESTINATION[4]}" in text
            (event,) = [e for e in watch.incidents()[0]["timeline"] if e["kind"] == "path-ends"]
            assert event["detail"] == {"last": last, "hop": "4", "following": DESTINATION[4]}


def test_a_way_that_changes_is_told_of_a_target_that_is_well() -> None:
    scope = Scope((ip_network("10.99.0.0/16"),))
    view = View(
        replace(province([target("hospital")]), scope=scope),
        {"hospital": ip_address(DESTINATION[4])},
        frozenset(),
    )
    told: list[tuple[str, tuple[str, ...]]] = []

    async def note(name: str, changed: tuple[str, ...]) -> None:
        told.append((name, changed))

    async def run(network: RoutedNetwork) -> None:
        paths = Paths(lambda *_: None, note, monotonic=lambda: time.monotonic() * HASTE)
        with shared_tracer() as tracer:
            tracing = asyncio.create_task(paths.run(tracer, lambda: view))
            for gateway in ("10.99.1.2", "10.99.2.2"):
                network.ip("r1", "route", "replace", f"{DESTINATION[4]}/32", "via", gateway)
                await asyncio.sleep(2.5 * GENTLE_S / HASTE)
            tracing.cancel()
            await asyncio.gather(tracing, return_exceptions=True)

    with routed_network() as network, network.entered():
        network.ip("r1", "route", "add", f"{DESTINATION[4]}/32", "via", "10.99.1.2")
        asyncio.run(run(network))
    changed = ("hop 2: 10.99.1.2 -> 10.99.2.2", "hop 3: 10.99.3.2 -> 10.99.4.2")
    assert told == [("hospital", changed)]


def test_a_path_is_measured_by_a_service_that_gave_up_its_rights(tmp_path: Path) -> None:
    probe = {"type": "path", "interval": "2s", "timeout": "2s", "mtu": "yes"}
    hospital = {"id": "hospital", "address": DESTINATION[4], "probes": [{"type": "icmp"}, probe]}
    document = inventory(tmp_path, [hospital], scope=["10.99.0.0/16", "127.0.0.0/8"])
    with routed_network() as network:
        source = network.node("source")
        network.ip("r1", "route", "add", f"{DESTINATION[4]}/32", "via", "10.99.1.2")
        with watching(source, tmp_path, document) as watch:
            wait_for(lambda: watch.metric("linkwatch_path_changed", target="hospital", probe="path") == 0)
            assert watch.metric("linkwatch_path_hops", target="hospital", probe="path") == 5
            assert watch.metric("linkwatch_path_mtu_bytes", target="hospital") == 1500
            network.ip("r1", "route", "replace", f"{DESTINATION[4]}/32", "via", "10.99.2.2")
            wait_for(lambda: watch.metric("linkwatch_path_changes_total", target="hospital") == 1)
