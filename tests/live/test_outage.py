"""The main job in real time: an outage is paged, acknowledged and resolved; what lies behind it is quiet."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from tests.live.watch import QUICK_RULES, inbox, inventory, wait_for, watching
from tests.network import Namespace

pytestmark = pytest.mark.live

RULES = (
    QUICK_RULES
    + """\
      - alert: LinkwatchIsolated
        expr: linkwatch_isolated == 1
        labels: {severity: critical}
        annotations: {summary: "isolated"}
"""
)


def target(name: str, host: int, **more: Any) -> dict[str, Any]:
    return {"id": name, "address": f"10.50.1.{host}", **more}


def quick(folder: Path, targets: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    (folder / "quick.yml").write_text(RULES)
    return inventory(folder, targets, rules=["quick.yml"], **more)


def test_an_outage_is_paged_acknowledged_and_resolved(namespace: Namespace, tmp_path: Path) -> None:
    document = quick(tmp_path, [target("link", 1), target("other", 2)])
    with inbox(namespace) as pages, watching(namespace, tmp_path, document) as watch:
        wait_for(lambda: watch.metric("linkwatch_up", target="link") == 1)
        namespace.cut("10.50.1.1")
        wait_for(lambda: pages.subjects("link"))
        (incident,) = watch.incidents()
        assert (incident["state"], incident["root"], incident["targets"]) == ("open", "link", ["link"])
        watch.get(f"/api/v1/incidents/{incident['id']}/ack", "POST", {"note": "on it"})
        wait_for(lambda: len(pages.messages) == 2)
        namespace.mend()
        wait_for(lambda: watch.incidents()[0]["state"] == "resolved")
        wait_for(lambda: len(pages.messages) == 3)
        kinds = [event["kind"] for event in watch.incidents()[0]["timeline"]]
        assert kinds[0] == "opened"
        assert "acknowledged" in kinds
        assert "resolved" in kinds


def test_a_child_paged_before_its_upstream_died_is_resolved_once_at_the_end(
    namespace: Namespace, tmp_path: Path
) -> None:
    targets = [target("link", 1), target("camera", 2, via=["link"])]
    with inbox(namespace) as pages, watching(namespace, tmp_path, quick(tmp_path, targets)) as watch:
        wait_for(lambda: watch.metric("linkwatch_up", target="camera") == 1)
        namespace.cut("10.50.1.2")
        wait_for(lambda: pages.subjects("camera"))
        namespace.cut("10.50.1.1")
        wait_for(lambda: pages.subjects("link"))
        assert {i["root"]: i["covered_by"] for i in watch.incidents()} == {"link": None, "camera": "link"}
        namespace.mend()
        namespace.cut("10.50.1.2")  # the upstream heals, the child does not
        wait_for(lambda: {i["root"]: i["state"] for i in watch.incidents()}["link"] == "resolved")
        wait_for(lambda: {i["root"]: i["covered_by"] for i in watch.incidents()}["camera"] is None, 20)
        namespace.mend()
        wait_for(lambda: all(i["state"] == "resolved" for i in watch.incidents()))
        wait_for(lambda: len(pages.messages) == 4)
    assert len(pages.subjects("camera")) == 2, pages.subjects()
    assert len(pages.subjects("link")) == 2, pages.subjects()


def test_our_own_uplink_gone_is_said_once_and_a_paged_child_resolves_once_after(
    namespace: Namespace, tmp_path: Path
) -> None:
    targets = [target("camera", 2), target("anchor-1", 11), target("anchor-2", 12), target("other", 13)]
    document = quick(tmp_path, targets, anchors=["anchor-1", "anchor-2"])
    with inbox(namespace) as pages, watching(namespace, tmp_path, document) as watch:
        wait_for(lambda: watch.metric("linkwatch_up", target="camera") == 1)
        namespace.cut("10.50.1.2")
        wait_for(lambda: pages.subjects("camera"))
        namespace.cut("10.50.1.0/24")
        wait_for(lambda: watch.metric("linkwatch_isolated") == 1)
        wait_for(lambda: pages.subjects("isolated"))
        wait_for(lambda: watch.metric("linkwatch_up", target="other") is None)  # unknown, not down
        namespace.mend()
        wait_for(lambda: watch.metric("linkwatch_isolated") == 0)
        wait_for(lambda: all(i["state"] == "resolved" for i in watch.incidents()), 30)
        wait_for(lambda: len(pages.messages) == 4)
    assert len(pages.subjects("camera")) == 2, pages.subjects()
    assert len(pages.subjects("isolated")) == 1, pages.subjects()
    assert not pages.subjects("anchor"), pages.subjects()
    assert not pages.subjects("other"), pages.subjects()


def test_five_hundred_children_of_a_dead_upstream_are_quiet_with_the_shipped_rules(
    namespace: Namespace, tmp_path: Path
) -> None:
    children = [
        {"id": f"camera-{i}", "address": f"10.50.{2 + i // 250}.{1 + i % 250}", "via": ["link"]}
        for i in range(500)
    ]
    document = inventory(tmp_path, [target("link", 1, emergency=True), *children])
    with inbox(namespace) as pages, watching(namespace, tmp_path, document) as watch:
        wait_for(lambda: watch.metric("linkwatch_up", target="camera-499") == 1)
        time.sleep(5)
        namespace.cut("10.50.0.0/16")
        wait_for(lambda: pages.subjects("link"), 15)
        time.sleep(35)  # longer than the `for` of the children
        namespace.mend()
        wait_for(lambda: watch.incidents()[0]["state"] == "resolved", 60)
        time.sleep(10)  # what settles now must stay quiet
        assert len(watch.incidents()) == 1
        assert len(watch.incidents()[0]["impact"]) == 500
    assert len(pages.messages) == 2, pages.subjects()
