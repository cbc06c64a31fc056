"""The doctor at the doors of meeting servers: what is open, what is closed, what opens it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from linkwatch.cli.finding import Finding
from linkwatch.cli.meetings import examine_meetings
from linkwatch.config.load import load
from linkwatch.core.inventory import ProbeSpec
from probes.jitsi import Settings
from probes.jitsi.inside import Inside
from tests.cli.conftest import Call
from tests.probes.daemons import free_ports
from tests.probes.jitsi.inside.looking import place
from tests.probes.jitsi.inside.peers import prometheus
from tests.probes.jitsi.inside.standins import Jicofo, Jvb, served


def examine(folder: Path, *inside: Inside) -> list[Finding]:
    file = folder / "inventory.yml"
    file.write_text("scope: [127.0.0.0/8]\ntargets: [{id: meet, kind: host, address: 127.0.0.1}]\n")
    inventory = load(file).inventory
    probe = ProbeSpec("jitsi", "jitsi", 60.0, 10.0, Settings(inside=inside))
    target = replace(inventory.targets["meet"], probes=(probe,))
    return list(examine_meetings(replace(inventory, targets={"meet": target})))


def test_the_doctor_reads_the_inventory_and_goes_to_the_doors(call: Call, tmp_path: Path) -> None:
    file = tmp_path / "inventory.yml"
    with served(Jvb()) as bridge:
        file.write_text(
            "scope: [127.0.0.0/8]\n"
            "targets:\n"
            "  - id: meet\n"
            "    kind: meeting-server\n"
            "    address: 127.0.0.1\n"
            f"    probes: [{{type: jitsi, inside: [{{bridges: ['{bridge}']}}]}}]\n"
            'server: {listen: "127.0.0.1:0"}\n'
        )
        found = json.loads(call("doctor", "--json", file).stdout)
    [door] = [one for one in found if one["name"] == "jitsi"]
    assert door["good"]
    assert door["text"] == f"meet: bridge {place(bridge)} tells /colibri/stats, /about/health"


def test_no_meeting_server_no_word(tmp_path: Path) -> None:
    assert examine(tmp_path) == []


def test_open_ways_are_told_with_what_they_tell(tmp_path: Path) -> None:
    ill = Jvb(health=(500, "Failed to bind single-port"))  # its way is open all the same
    with served(ill) as bridge, served(Jicofo(has_health=False)) as jicofo:
        found = examine(tmp_path, Inside(bridges=(bridge,), jicofo=jicofo))
    assert found == [
        Finding("jitsi", True, f"meet: bridge {place(bridge)} tells /colibri/stats, /about/health"),
        Finding("jitsi", True, f"meet: Jicofo {place(jicofo)} tells /stats"),
    ]


def test_statistics_that_are_off_are_told_with_the_setting(tmp_path: Path) -> None:
    with served(Jvb(has_stats=False)) as bridge:
        [found] = examine(tmp_path, Inside(bridges=(bridge,)))
    assert found.good
    assert found.text.endswith(
        "tells /metrics, /about/health; free seats are not told without /colibri/stats"
    )
    assert "videobridge.apis.rest.enabled = true in /etc/jitsi/videobridge/jvb.conf" in found.mend


@pytest.mark.parametrize(
    ("inside", "text", "mend"),
    [
        ({"bridges": ("{closed}",)}, "meet: bridge {at}: /colibri/stats: ", "systemctl status jitsi-video"),
        ({"jicofo": "{closed}"}, "meet: Jicofo {at}: /stats: ", "systemctl status jicofo"),
        ({"prosody": "{closed}"}, "meet: Prosody {at}: /metrics: ", "systemctl status prosody"),
        ({"jicofo": "{closed}"}, "Connection refused", "deploy/jitsi/README.md opens a way in"),
        ({"jicofo": "{jvb}"}, "there is neither /stats nor /metrics", "http://127.0.0.1:8888/stats"),
        ({"bridges": ("http://10.9.9.9:8080",)}, "10.9.9.9 is outside the scope", "to `scope`"),
        ({"bridges": ("http://no.such.invalid",)}, "no.such.invalid: ", "mend DNS"),
        (
            {"bridges": ("https://{at}",), "ca_file": "/nowhere/ca.pem"},
            "ca_file /nowhere/ca.pem: No such file or directory",
            "ls -l the file",
        ),
    ],
)
def test_closed_ways_are_told_with_what_opens_them(
    tmp_path: Path, inside: dict[str, Any], text: str, mend: str
) -> None:
    [port] = free_ports(1)
    with served(Jvb(has_metrics=False, has_health=False)) as jvb:
        words = {"closed": f"http://127.0.0.1:{port}", "jvb": jvb, "at": f"127.0.0.1:{port}"}
        [found] = examine(tmp_path, Inside(**{key: filled(each, words) for key, each in inside.items()}))
    assert not found.good
    assert text.format(**words) in found.text
    assert mend in found.mend


def filled(value: Any, words: dict[str, str]) -> Any:
    if isinstance(value, tuple):
        return tuple(each.format(**words) for each in value)
    return value.format(**words)


def test_what_refuses_our_certificate_or_address_is_told_with_the_snippet(tmp_path: Path) -> None:
    refused = Jvb(has_stats=False, has_metrics=False, health=(403, ""))
    with served(refused) as bridge:
        [found] = examine(tmp_path, Inside(bridges=(bridge,)))
    assert "this machine's address is not on its list" in found.text
    assert "`allow` this machine in deploy/jitsi/inside.conf" in found.mend


def test_a_prometheus_that_tells_nothing_is_told(tmp_path: Path) -> None:
    with prometheus(tmp_path, {}) as url:
        way = Inside(prometheus=url, prometheus_bridges='job="jvb"')
        [found] = examine(tmp_path, way)
    assert not found.good
    assert found.text.endswith('no sample of job="jvb" within the last 60 s')
    assert "scrape_interval" in found.mend
