"""What rules may know of a target that nobody has measured: what kind its probes are."""

from __future__ import annotations

from ipaddress import ip_network

from linkwatch.core.board import Board
from linkwatch.core.inventory import Inventory, Kind, ProbeSpec, Scope, Target
from linkwatch.core.topology import UpstreamGraph
from linkwatch.flow.given import PROBES, publish_given
from probes import registry


def spec(name: str, kind: str, **settings: object) -> ProbeSpec:
    return ProbeSpec(name, kind, 30.0, 5.0, registry.settings_of(kind)(**settings))


def published(*specs: ProbeSpec) -> list[tuple[str, str, str]]:
    target = Target("portal", "portal", Kind.PORTAL, "127.0.0.1", probes=specs)
    inventory = Inventory(Scope((ip_network("127.0.0.0/8"),)), {"portal": target})
    board = Board()
    graph = UpstreamGraph(inventory.targets)
    for _ in range(2):  # a reload says everything anew
        publish_given(board, inventory, graph, board.labels.subjects.numbers([target.labels()]))
    column = board.column(PROBES)
    assert column.present.all()
    rows = [column.labels(row) for row in range(len(column))]
    assert all(row["target"] == "portal" for row in rows)
    return [(row["probe"], row["type"], row.get("verify", "")) for row in rows]


def test_a_probe_is_told_by_its_type_whatever_its_name_is() -> None:
    assert published(spec("portal-v6", "http"), spec("old", "http", verify=False), spec("dns", "ntp")) == [
        ("portal-v6", "http", "true"),
        ("old", "http", "false"),
        ("dns", "ntp", ""),
    ]


def test_pings_are_called_as_their_other_series_are() -> None:
    first, second = spec("main", "icmp"), spec("big", "icmp", sizes=(56, 1400))
    assert [name for name, kind, _ in published(first, second) if kind == "icmp"] == [
        "icmp",
        *second.settings.names("big"),
    ]
