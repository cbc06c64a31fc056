"""The summary and the targets over the API."""

from __future__ import annotations

from dataclasses import replace

import pytest

from linkwatch.core.inventory import Circuit
from linkwatch.core.records import Changes, TargetEvent
from linkwatch.web.services import Health
from tests.web.asking import get, items
from tests.web.world import NOW, alert, incident, reachability


async def test_the_summary_speaks_statuspage_and_names_causes(client, world, viewer):
    world.reachability = reachability(
        world.inventory, down=("link-ham-rong",), covered={"router-ham-rong": "link-ham-rong"}
    )
    found = alert("PacketLoss", "portal", "warning")
    world.alerts[found.id] = found
    answer = await get(client, "/api/v1/summary", viewer)
    statuses = {part["id"]: (part["status"], part["cause"]) for part in answer["components"]}
    assert answer["status"] == "major_outage"
    assert statuses == {
        "link-ham-rong": ("major_outage", {"kind": "down", "reference": None}),
        "router-ham-rong": ("major_outage", {"kind": "upstream", "reference": "link-ham-rong"}),
        "link-muong-lat": ("operational", {"kind": "none", "reference": None}),
        "camera-muong-lat": ("operational", {"kind": "none", "reference": None}),
        "portal": ("degraded_performance", {"kind": "alert", "reference": "PacketLoss"}),
    }
    assert answer["counts"]["operational"] == 2
    assert answer["data_age_s"] == 0.4


async def test_isolated_and_stale_are_said(client, world, viewer):
    world.reachability = reachability(world.inventory, isolated=True)
    world.health = Health(ok=False, reasons=("the store cannot be written",), data_age_s=9.0)
    answer = await get(client, "/api/v1/summary", viewer)
    assert (answer["status"], answer["isolated"], answer["stale"], answer["healthy"]) == (
        "unknown",
        True,
        True,
        False,
    )


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", {"camera-muong-lat", "link-ham-rong", "link-muong-lat", "portal", "router-ham-rong"}),
        ("?kind=link", {"link-ham-rong", "link-muong-lat"}),
        ("?owner=vnpt&site=muong-lat", {"camera-muong-lat"}),
        ("?status=major_outage", {"link-ham-rong"}),
        ("?limit=2", {"camera-muong-lat", "link-ham-rong", "link-muong-lat", "portal", "router-ham-rong"}),
        ("?owner=nobody", set()),
    ],
)
async def test_targets_are_filtered_and_come_in_pages_by_id(client, world, viewer, query, expected):
    world.reachability = reachability(world.inventory, down=("link-ham-rong",))
    found = [target["id"] for target in await items(client, f"/api/v1/targets{query}", viewer)]
    assert found == sorted(expected)


async def test_a_target_has_the_events_that_its_device_told_of(client, world, viewer):
    said = TargetEvent("link-ham-rong", NOW, "link-down", {"interface": "ge-0/0/3"})
    world.events = {"link-ham-rong": (said,)}
    answer = await get(client, "/api/v1/targets/link-ham-rong", viewer)
    assert answer["events"] == [
        {"at": "2021-05-04T08:30:00.000Z", "kind": "link-down", "detail": {"interface": "ge-0/0/3"}}
    ]
    assert (await get(client, "/api/v1/targets/portal", viewer))["events"] == []


async def test_a_target_has_its_values_objectives_and_incidents(client, world, viewer):
    target = replace(world.inventory.targets["link-ham-rong"], circuit=Circuit("38TH0123", 1e8))
    world.inventory = replace(world.inventory, targets={**world.inventory.targets, target.id: target})
    column = world.board.column("linkwatch_icmp_loss_ratio")
    column.set({**target.labels(), "window": "1m"}, 0.25, NOW)
    column.set({**target.labels(), "window": "5m"}, float("nan"), NOW)
    await world.store.commit(Changes(incidents=(incident(17, "link-ham-rong"), incident(18, "portal"))))
    answer = await get(client, "/api/v1/targets/link-ham-rong", viewer)
    assert answer["values"] == [
        {
            "metric": "linkwatch_icmp_loss_ratio",
            "labels": {"window": window},
            "value": value,
            "measured_at": "2021-05-04T08:30:00.000Z",
        }
        for window, value in (("1m", 0.25), ("5m", None))
    ]
    assert answer["objectives"]["loss_ratio"] == 0.01
    assert answer["circuit"] == {"id": "38TH0123", "bandwidth_bps": 1e8}
    assert answer["open_incidents"] == [17]
