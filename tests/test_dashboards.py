"""The shipped Grafana boards: valid queries, known metrics, the provisioned data source, no overlaps."""

from __future__ import annotations

import json
import re
from itertools import combinations
from typing import Any

import pytest
import yaml

from linkwatch.config.shipped import dashboards_dir
from linkwatch.core.catalog import Catalog
from probes import registry
from tests.promql_selectors import unknown_to

BOARDS = sorted(dashboards_dir().glob("*.json"))
PROVISIONING = dashboards_dir().parent / "provisioning"
COLUMNS = 24
GRAFANA_VALUES = {"$__rate_interval": "1m", "$__range": "1h"}
BY_BOARD = pytest.mark.parametrize(
    "board", [json.loads(file.read_text()) for file in BOARDS], ids=lambda b: b["uid"]
)


def _panels(board: dict[str, Any]) -> list[dict[str, Any]]:
    return [inner for panel in board["panels"] for inner in (panel, *panel.get("panels", ()))]


def _queries(board: dict[str, Any]) -> list[str]:
    """Every expression, with Grafana's variables filled in."""
    names = {f"${variable['name']}": ".*" for variable in board["templating"]["list"]} | GRAFANA_VALUES
    found = [target["expr"] for panel in _panels(board) for target in panel.get("targets", ())]
    for name in sorted(names, key=len, reverse=True):
        found = [expr.replace(name, names[name]) for expr in found]
    return found


@BY_BOARD
def test_every_query_parses_and_asks_only_for_what_the_catalogue_has(board: dict[str, Any]) -> None:
    queries = _queries(board)
    assert queries
    assert all("$" not in expr for expr in queries)
    catalog = Catalog(registry.metrics())
    assert [problem for expr in queries for problem in unknown_to(catalog, expr)] == []


@BY_BOARD
def test_every_variable_asks_for_labels_of_a_known_metric(board: dict[str, Any]) -> None:
    catalog = Catalog(registry.metrics())
    for variable in board["templating"]["list"]:
        metric, label = re.fullmatch(
            r"label_values\((\w+)(?:{.*})?, (\w+)\)", variable["query"]["query"]
        ).groups()
        known = catalog.find(metric)
        assert known is not None
        assert label in known.labels


@BY_BOARD
def test_everything_reads_from_the_provisioned_data_source(board: dict[str, Any]) -> None:
    source = yaml.safe_load((PROVISIONING / "datasources" / "prometheus.yml").read_text())["datasources"][0]
    expected = {"type": source["type"], "uid": source["uid"]}
    panels = [panel for panel in _panels(board) if panel["type"] != "row"]
    users = [
        *panels,
        *(target for panel in panels for target in panel["targets"]),
        *board["templating"]["list"],
    ]
    assert all(user["datasource"] == expected for user in users)


@BY_BOARD
def test_panels_have_ids_of_their_own_and_titles_in_both_languages(board: dict[str, Any]) -> None:
    panels = _panels(board)
    assert len({panel["id"] for panel in panels}) == len(panels)
    same_in_both = {"LinkWatch"}
    assert [p["title"] for p in panels if " / " not in p["title"] and p["title"] not in same_in_both] == []


@BY_BOARD
def test_panels_lie_on_the_grid_without_overlapping(board: dict[str, Any]) -> None:
    places = [(panel["title"], panel["gridPos"]) for panel in _panels(board)]
    assert all(place["x"] >= 0 and place["x"] + place["w"] <= COLUMNS for _, place in places)
    assert [(one, other) for (one, a), (other, b) in combinations(places, 2) if _overlap(a, b)] == []


@BY_BOARD
def test_a_panel_without_data_says_so_instead_of_looking_well(board: dict[str, Any]) -> None:
    panels = [panel for panel in _panels(board) if panel["type"] != "row"]
    assert [p["title"] for p in panels if not p["fieldConfig"]["defaults"].get("noValue")] == []
    assert [expr for expr in _queries(board) if "vector(" in expr] == []


def test_grafana_finds_the_boards_where_they_are_mounted() -> None:
    provider = yaml.safe_load((PROVISIONING / "dashboards" / "linkwatch.yml").read_text())["providers"][0]
    compose = yaml.safe_load((dashboards_dir().parents[1] / "docker-compose.yml").read_text())
    mounts = dict(volume.split(":")[:2] for volume in compose["services"]["grafana"]["volumes"])
    assert mounts["./grafana/dashboards"] == provider["options"]["path"]
    assert mounts["./grafana/provisioning"] == "/etc/grafana/provisioning"


def _overlap(a: dict[str, int], b: dict[str, int]) -> bool:
    apart = a["x"] + a["w"] <= b["x"] or b["x"] + b["w"] <= a["x"]
    stacked = a["y"] + a["h"] <= b["y"] or b["y"] + b["h"] <= a["y"]
    return not (apart or stacked)
