"""Real servers on 127.0.0.1: Prosody with its metrics, a Prometheus that scrapes what it is told."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import yaml

from tests.probes.daemons import free_ports, listening, need

_PROSODY = """
run_as_root = true
interfaces = {{ "127.0.0.1" }}
c2s_ports = {{ {c2s} }}
s2s_ports = {{}}
http_ports = {{ {http} }}
http_interfaces = {{ "127.0.0.1" }}
https_ports = {{}}
modules_enabled = {{ "saslauth", "bosh", {modules} }}
modules_disabled = {{ "s2s" }}
plugin_paths = {{ "{folder}" }}
statistics = {statistics}
statistics_interval = "manual"
data_path = "{folder}"
certificates = "{folder}"
log = {{ error = "{folder}/prosody.log" }}
{more}
VirtualHost "meet.test"
  authentication = "anonymous"
Component "conference.meet.test" "muc"
"""

HEALTH = """
module:set_global();
module:depends "http";
module:provides("http", {{ route = {{
  GET = function() return {{ status_code = {status}; body = "{body}" }}; end;
}} }});
"""
"""Answers as mod_http_health of docker-jitsi-meet does; that is not part of Prosody."""


@contextmanager
def prosody(
    folder: Path,
    *,
    metrics: bool = True,
    health: tuple[int, str] | None = None,
    statistics: str = '"internal"',
    more: str = "",
) -> Iterator[str]:
    """Its HTTP address; `more`: further global settings."""
    program = need("prosody", "prosody")
    c2s, http = free_ports(2)
    modules = (['"http_openmetrics"'] if metrics else []) + (['"http_health"'] if health else [])
    if health:
        (folder / "mod_http_health.lua").write_text(HEALTH.format(status=health[0], body=health[1]))
    config = folder / "prosody.cfg.lua"
    given = {"modules": ", ".join(modules), "statistics": statistics, "more": more, "folder": folder}
    config.write_text(_PROSODY.format(c2s=c2s, http=http, **given))
    with listening([program, "-F", "--config", str(config)], [c2s, http]):
        yield f"http://127.0.0.1:{http}"


@contextmanager
def prometheus(folder: Path, jobs: Mapping[str, list[str]]) -> Iterator[str]:
    """A Prometheus that scrapes each job's addresses every second."""
    program = need("prometheus", "prometheus")
    [port] = free_ports(1)
    scrapes = [
        {"job_name": job, "static_configs": [{"targets": addresses}]} for job, addresses in jobs.items()
    ]
    times = {"scrape_interval": "1s", "scrape_timeout": "1s"}
    config = folder / "prometheus.yml"
    config.write_text(yaml.safe_dump({"global": times, "scrape_configs": scrapes}))
    words = [program, f"--config.file={config}", f"--storage.tsdb.path={folder}/data"]
    url = f"http://127.0.0.1:{port}"
    with listening([*words, f"--web.listen-address=127.0.0.1:{port}"], [port]):
        _wait_until_ready(url)
        yield url


def _wait_until_ready(url: str) -> None:
    """It listens, and answers 503, before its store is open."""
    for _ in range(300):
        try:
            urlopen(f"{url}/-/ready", timeout=5).close()
        except HTTPError as error:
            error.close()
            time.sleep(0.1)
        else:
            return
    raise RuntimeError("Prometheus did not get ready")


def up_of(url: str) -> dict[str, str]:
    """`up` by instance, as Prometheus has it now."""
    with urlopen(f"{url}/api/v1/query?query=up", timeout=5) as answer:
        found = json.load(answer)["data"]["result"]
    return {each["metric"]["instance"]: each["value"][1] for each in found}
