"""`linkwatch run` as a process in a namespace, and a server that takes its pages."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import yaml

from tests.network import Namespace

LINKWATCH = str(Path(sys.executable).with_name("linkwatch"))
PORT, SINK_PORT = 18080, 18999
QUICK_RULES = """
groups:
  - name: quick
    rules:
      - alert: TargetDown
        expr: linkwatch_up == 0
        labels: {severity: critical}
        annotations: {summary: "{{ $labels.target }} is down"}
"""
"""A rule file without `for`; a test may add rules to its end."""


class Inbox:
    """Messages as they arrived: (monotonic seconds, last part of the path, text)."""

    def __init__(self) -> None:
        self.messages: list[tuple[float, str, str]] = []

    def subjects(self, word: str = "") -> list[str]:
        """First lines that have this word in them."""
        firsts = [text.splitlines()[0] for _, _, text in self.messages]
        return [subject for subject in firsts if word in subject]


@contextmanager
def inbox(namespace: Namespace, delay_s: float = 0.0) -> Iterator[Inbox]:
    """A sink for json:// inside the namespace; it answers after `delay_s`."""
    kept = Inbox()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            sent = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            kept.messages.append(
                (time.monotonic(), self.path.split("/")[-1], f"{sent['title']}\n{sent['message']}")
            )
            time.sleep(delay_s)
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            pass

    with namespace.entered():
        server = ThreadingHTTPServer(("127.0.0.1", SINK_PORT), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield kept
    server.shutdown()
    server.server_close()


def inventory(folder: Path, targets: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    """An inventory whose one duty contact hears of everything critical or warning at once."""
    return {
        "scope": ["10.50.0.0/16", "127.0.0.0/8"],
        "organizations": {"org": {"name": "Nhà mạng"}},
        "contacts": {
            "duty": {
                "name": "Trực",
                "organization": "org",
                "channels": {"chat": f"json://127.0.0.1:{SINK_PORT}/duty"},
            }
        },
        "escalations": [
            {"match": {"severity": "~critical|warning"}, "steps": [{"after": "0s", "notify": ["duty"]}]}
        ],
        "server": {"listen": f"127.0.0.1:{PORT}"},
        "store": {"url": f"sqlite:///{folder}/linkwatch.db"},
        "targets": [{"owner": "org", "kind": "host", **target} for target in targets],
        **more,
    }


class Watch:
    """One `linkwatch run`; it can be killed and started again on the same store."""

    def __init__(self, namespace: Namespace, folder: Path, document: dict[str, Any], *wrap: str) -> None:
        """`wrap`: words before the command."""
        self._namespace, self._folder, self._wrap = namespace, folder, wrap
        self.file = folder / "inventory.yml"
        self.file.write_text(yaml.dump(document, Dumper=yaml.CSafeDumper, allow_unicode=True))
        self._process: subprocess.Popen[str] | None = None
        self._key = self._cli("key", "create", "test", "--role", "admin", "--config", str(self.file)).strip()

    def start(self, within_s: float = 20.0) -> None:
        """Start it; returns when it has judged once."""
        self._process = self._open(*self._wrap, LINKWATCH, "run", str(self.file))
        wait_for(self.is_ready, within_s)

    @property
    def pid(self) -> int:
        """Of the process."""
        assert self._process is not None
        return self._process.pid

    def kill(self) -> None:
        """kill -9."""
        assert self._process is not None
        self._process.kill()
        self._process.communicate()

    def signal(self, number: signal.Signals) -> None:
        """Send a signal."""
        assert self._process is not None
        self._process.send_signal(number)

    def stop(self) -> str:
        """SIGTERM; returns what it wrote to standard error. Fails unless it ended well."""
        assert self._process is not None
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
        _, errors = self._process.communicate(timeout=15)
        assert self._process.returncode in (0, -signal.SIGKILL), errors
        return errors

    def is_ready(self) -> bool:
        """Whether it answers and is healthy."""
        assert self._process is not None
        assert self._process.poll() is None, self._process.communicate()[1]
        try:
            self.get("/readyz")
        except OSError:
            return False
        return True

    def get(self, path: str, method: str = "GET", body: dict[str, str] | None = None) -> str:
        """The body of an answer."""
        data = None if method == "GET" else json.dumps(body or {}).encode()
        headers = {"Authorization": f"Bearer {self._key}", "Content-Type": "application/json"}
        request = urllib.request.Request(f"http://127.0.0.1:{PORT}{path}", data, headers, method=method)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with self._namespace.entered(), opener.open(request, timeout=5) as answer:
            text: str = answer.read().decode()
        return text

    def incidents(self, limit: int = 100) -> list[dict[str, Any]]:
        """All incidents, newest first."""
        found: list[dict[str, Any]] = json.loads(self.get(f"/api/v1/incidents?limit={limit}"))["items"]
        return found

    def metric(self, name: str, **labels: str) -> float | None:
        """One value of /metrics."""
        for line in self.get("/metrics").splitlines():
            series, _, value = line.rpartition(" ")
            if series.split("{")[0] == name and all(f'{k}="{v}"' in series for k, v in labels.items()):
                return float(value)
        return None

    def _cli(self, *arguments: str) -> str:
        done = subprocess.run([LINKWATCH, *arguments], check=True, capture_output=True, text=True)
        return done.stdout

    def _open(self, *words: str) -> subprocess.Popen[str]:
        command = self._namespace.command(*words)
        environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
        return subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=environment
        )


@contextmanager
def watching(namespace: Namespace, folder: Path, document: dict[str, Any], *wrap: str) -> Iterator[Watch]:
    """A running `linkwatch run`; `wrap`: words before the command."""
    watch = Watch(namespace, folder, document, *wrap)
    watch.start()
    try:
        yield watch
    finally:
        watch.stop()


def wait_for(condition: Callable[[], object], within_s: float = 10.0) -> None:
    """Real time passes in live tests: look often, give up late."""
    until = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < until, "did not happen in time"
        time.sleep(0.05)
