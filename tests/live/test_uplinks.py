"""One target through two carriers, by two sizes and both families: each way is watched on its own."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from linkwatch.flow.replyttls import LOOK_EVERY_S
from tests.live.watch import inventory, wait_for, watching
from tests.probes.icmp.uplinks import THERE, Uplinks, uplinks

pytestmark = pytest.mark.live

WAYS = [
    {"type": "icmp", "interval": "0.2s"},
    {"type": "icmp", "name": "vnpt", "interface": "up-a", "interval": "0.2s"},
    {"type": "icmp", "name": "viettel", "interface": "up-b", "dscp": "ef", "interval": "0.2s"},
    {"type": "icmp", "name": "mtu", "sizes": [56, 1472], "dont_fragment": True, "interval": "0.2s"},
]


@pytest.fixture
def net() -> Iterator[Uplinks]:
    with uplinks() as made:
        yield made


def world(folder: Path, *ways: dict[str, Any]) -> dict[str, Any]:
    targets = [
        {"id": "there", "address": THERE[4], "probes": [*WAYS, *ways]},
        {"id": "there-6", "address": THERE[6], "probes": WAYS[:3]},
    ]
    return inventory(folder, targets, scope=["10.98.0.0/16", "fd98::/16", "127.0.0.0/8"])


def test_each_way_to_a_target_is_watched_on_its_own(net: Uplinks, tmp_path: Path) -> None:
    with watching(net["here"], tmp_path, world(tmp_path)) as watch:

        def works(target: str, probe: str) -> float | None:
            return watch.metric("linkwatch_probe_success", target=target, probe=probe)

        for target in ("there", "there-6"):
            for probe in ("vnpt", "viettel"):
                wait_for(lambda target=target, probe=probe: works(target, probe) == 1, 20)
        wait_for(lambda: works("there", "mtu-56") == works("there", "mtu-1472") == 1, 20)
        assert watch.metric("linkwatch_icmp_reply_ttl", target="there") == 63
        rtt = {"target": "there", "probe": "viettel", "window": "1m", "stat": "p50"}
        wait_for(lambda: 0 < (watch.metric("linkwatch_ping_rtt_seconds", **rtt) or 0) < 1)

        net.cut("carrier-b")
        wait_for(lambda: works("there", "viettel") == works("there-6", "viettel") == 0, 20)
        assert works("there", "vnpt") == works("there-6", "vnpt") == 1
        assert watch.metric("linkwatch_up", target="there") == 1
        net.mend("carrier-b")
        wait_for(lambda: works("there", "viettel") == 1, 20)

        net.narrow("down-a", 1300)
        wait_for(lambda: works("there", "mtu-1472") == 0, 20)
        failed = {"target": "there", "probe": "mtu-1472", "reason": "too-big"}
        assert (watch.metric("linkwatch_probe_failures_total", **failed) or 0) >= 1
        assert works("there", "mtu-56") == watch.metric("linkwatch_up", target="there") == 1


def test_a_reload_adds_what_needs_no_right_and_names_what_does(net: Uplinks, tmp_path: Path) -> None:
    """Every right is given up by then; the ways that were open go on."""
    net.run("here", "sysctl", "-qw", "net.ipv4.ping_group_range=0 2147483647")
    document = world(tmp_path)
    with watching(net["here"], tmp_path, document) as watch:
        wait_for(lambda: watch.metric("linkwatch_probe_success", target="there", probe="vnpt") == 1, 20)
        sent = watch.metric("linkwatch_ping_sent_total", target="there-6", probe="viettel")
        marked = {"type": "icmp", "name": "marked", "mark": 7, "interval": "0.2s"}
        from_b = {"type": "icmp", "name": "from-b", "source": "10.98.2.1", "interval": "0.2s"}
        document = world(tmp_path, marked, {**from_b, "interface": "up-b"})
        watch.file.write_text(yaml.safe_dump(document))
        watch.get("/api/v1/reload", "POST")
        wait_for(lambda: watch.metric("linkwatch_probe_success", target="there", probe="from-b") == 1, 20)
        wait_for(lambda: watch.metric("linkwatch_probe_success", target="there", probe="marked") == 0, 20)
        failed = {"target": "there", "probe": "marked", "reason": "permission"}
        assert (watch.metric("linkwatch_probe_failures_total", **failed) or 0) >= 1
        assert watch.metric("linkwatch_up", target="there") == 1
        later = watch.metric("linkwatch_ping_sent_total", target="there-6", probe="viettel")
        assert (later or 0) >= (sent or 0) > 0
        errors = watch.stop()
    assert "with mark 7 cannot be sent: mark 7 needs the right CAP_NET_ADMIN" in errors
    assert "Traceback" not in errors


def test_a_way_whose_socket_may_not_be_opened_any_more_is_told_and_the_rest_goes_on(
    net: Uplinks, tmp_path: Path
) -> None:
    net.run("here", "sysctl", "-qw", "net.ipv4.ping_group_range=1 0")  # nobody
    with watching(net["here"], tmp_path, world(tmp_path)) as watch:
        wait_for(lambda: watch.metric("linkwatch_probe_success", target="there", probe="vnpt") == 1, 20)
        new = {"type": "icmp", "name": "new", "dscp": "cs5", "interval": "0.2s"}
        watch.file.write_text(yaml.safe_dump(world(tmp_path, new)))
        watch.get("/api/v1/reload", "POST")
        wait_for(lambda: watch.metric("linkwatch_probe_success", target="there", probe="new") == 0, 20)
        failed = {"target": "there", "probe": "new", "reason": "permission"}
        assert (watch.metric("linkwatch_probe_failures_total", **failed) or 0) >= 1
        sent = watch.metric("linkwatch_ping_received_total", target="there", probe="viettel") or 0
        more = {"target": "there", "probe": "viettel"}
        wait_for(lambda: (watch.metric("linkwatch_ping_received_total", **more) or 0) > sent, 20)
        errors = watch.stop()
    assert "not allowed to open ICMP sockets" in errors
    assert "if LinkWatch had the right when it started: start it again" in errors


def test_another_ttl_of_replies_is_an_event_of_the_target(net: Uplinks, tmp_path: Path) -> None:
    with watching(net["here"], tmp_path, world(tmp_path)) as watch:

        def events() -> dict[str, dict[str, str]]:
            told = json.loads(watch.get("/api/v1/targets/there"))["events"]
            return {event["detail"]["probe"]: event["detail"] for event in told}

        wait_for(lambda: watch.metric("linkwatch_probe_success", target="there", probe="viettel") == 1, 20)
        wait_for(lambda: watch.metric("linkwatch_ping_reply_ttl", target="there", probe="viettel") == 63, 20)
        time.sleep(2 * LOOK_EVERY_S)  # what it was must have been seen
        assert not events()
        net.run("there", "sysctl", "-qw", "net.ipv4.ip_default_ttl=200")
        wait_for(lambda: {"icmp", "vnpt", "viettel"} <= events().keys(), 20)
        assert events()["viettel"] == {"probe": "viettel", "was": "63", "now": "199"}
