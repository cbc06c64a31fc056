"""Prometheus, blackbox_exporter and Alertmanager, every interval at one second, paging a webhook."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import yaml

from bench.process import running
from bench.tools import ALERTMANAGER, BLACKBOX, PROMETHEUS
from tests.network import Namespace

TOOLS = (PROMETHEUS, BLACKBOX, ALERTMANAGER)
PROMETHEUS_AT, BLACKBOX_AT, ALERTMANAGER_AT = "127.0.0.1:19190", "127.0.0.1:19115", "127.0.0.1:19193"
WEBHOOK_PORT = 18998


@dataclass(slots=True)
class Stack:
    """The processes, and the alerts that arrived: (monotonic seconds, address)."""

    pids: list[int] = field(default_factory=list)
    pages: list[tuple[float, str]] = field(default_factory=list)


@contextmanager
def stack(inside: Namespace, folder: Path, targets: Sequence[str]) -> Iterator[Stack]:
    """The three, watching these addresses; ended with the block."""
    made = Stack()
    write_config(folder, targets)
    commands = (
        (BLACKBOX, f"--config.file={folder}/blackbox.yml", f"--web.listen-address={BLACKBOX_AT}"),
        (
            ALERTMANAGER,
            f"--config.file={folder}/alertmanager.yml",
            f"--storage.path={folder}/alerts",
            f"--web.listen-address={ALERTMANAGER_AT}",
            "--cluster.listen-address=",
        ),
        (
            PROMETHEUS,
            f"--config.file={folder}/prometheus.yml",
            f"--storage.tsdb.path={folder}/data",
            f"--web.listen-address={PROMETHEUS_AT}",
        ),
    )
    with webhook(inside, made), ExitStack() as processes:
        for tool, *words in commands:
            command = inside.command(tool.name, *words)
            made.pids.append(processes.enter_context(running(command, folder / f"{tool.name}.log")).pid)
        yield made


@contextmanager
def webhook(inside: Namespace, into: Stack) -> Iterator[None]:
    """Takes Alertmanager's messages."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            at, sent = time.monotonic(), json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            firing = [alert for alert in sent["alerts"] if alert["status"] == "firing"]
            into.pages.extend((at, alert["labels"]["instance"]) for alert in firing)
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            pass

    with inside.entered():
        server = ThreadingHTTPServer(("127.0.0.1", WEBHOOK_PORT), Handler)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()


def write_config(folder: Path, targets: Sequence[str]) -> None:
    """Everything at one second, nothing grouped, no `for`: the quickest that the three can be set to."""
    rule = {"alert": "TargetDown", "expr": "probe_success == 0"}
    relabel = [
        {"source_labels": ["__address__"], "target_label": "__param_target"},
        {"source_labels": ["__param_target"], "target_label": "instance"},
        {"target_label": "__address__", "replacement": BLACKBOX_AT},
    ]
    job = {
        "job_name": "icmp",
        "metrics_path": "/probe",
        "params": {"module": ["icmp"]},
        "static_configs": [{"targets": list(targets)}],
        "relabel_configs": relabel,
    }
    files: dict[str, dict[str, Any]] = {
        "blackbox": {
            "modules": {"icmp": {"prober": "icmp", "timeout": "1s", "icmp": {"preferred_ip_protocol": "ip4"}}}
        },
        "rules": {"groups": [{"name": "bench", "interval": "1s", "rules": [rule]}]},
        "prometheus": {
            "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
            "rule_files": [f"{folder}/rules.yml"],
            "alerting": {"alertmanagers": [{"static_configs": [{"targets": [ALERTMANAGER_AT]}]}]},
            "scrape_configs": [job],
        },
        "alertmanager": {
            "route": {"receiver": "sink", "group_by": ["..."], "group_wait": "0s", "group_interval": "1s"},
            "receivers": [
                {
                    "name": "sink",
                    "webhook_configs": [{"url": f"http://127.0.0.1:{WEBHOOK_PORT}/", "send_resolved": False}],
                }
            ],
        },
    }
    for name, content in files.items():
        (folder / f"{name}.yml").write_text(yaml.safe_dump(content))
