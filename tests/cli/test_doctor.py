"""The doctor finds the cause, and prints the command that mends it."""

from __future__ import annotations

import json
import os
import shutil
import socket
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from linkwatch.cli.failures import MEASURED_BAD
from tests.cli.conftest import Call, run

PREMISES = ("inventory", "port", "store file", "disk", "store", "names", "scope")
LOOPBACK = "127.0.0.0/8, '::1/128'"
needs_setpriv = pytest.mark.skipif(
    os.geteuid() != 0 or shutil.which("setpriv") is None,
    reason="needs root and setpriv (apt-get install util-linux)",
)


def write(folder: Path, port: int = 0, address: str = "localhost", scope: str = LOOPBACK) -> Path:
    file = folder / "inventory.yml"
    file.write_text(
        f"scope: [{scope}]\n"
        f"targets: [{{id: a, kind: host, address: {address}}}]\n"
        f'server: {{listen: "127.0.0.1:{port}"}}\n'
    )
    return file


def findings(call: Call, file: Path) -> dict[str, dict[str, Any]]:
    result = call("doctor", "--json", file)
    return {one["name"]: one for one in json.loads(result.stdout)}


def test_the_port_for_traps_is_looked_at_where_traps_are_wanted(call: Call, tmp_path: Path) -> None:
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as holder:
        holder.bind(("127.0.0.1", 0))
        port = holder.getsockname()[1]
        file = write(tmp_path)
        server = f'server: {{listen: "127.0.0.1:0", traps: {{listen: "127.0.0.1:{port}"}}}}'
        file.write_text(file.read_text().replace('server: {listen: "127.0.0.1:0"}', server))
        found = findings(call, file)["trap port"]
        assert not found["good"]
        assert f"cannot receive traps on 127.0.0.1 port {port}: address already in use" in str(found)
    found = findings(call, file)["trap port"]
    assert found["good"]
    assert "engine ID is 0x80004fb804" in str(found)


@contextmanager
def answering(status: int) -> Iterator[int]:
    """A server whose every answer has this status and no body; its port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield server.server_port
        server.shutdown()


def test_good_premises_are_good_and_nothing_is_made(call: Call, tmp_path: Path) -> None:
    found = findings(call, write(tmp_path))
    assert [name for name in PREMISES if not found[name]["good"]] == []
    assert [name for name in PREMISES if found[name]["mend"]] == []
    assert [file.name for file in tmp_path.iterdir()] == ["inventory.yml"]


def test_the_holder_of_the_port_is_named(call: Call, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        found = findings(call, write(tmp_path, port))["port"]
    name = Path("/proc/self/comm").read_text().strip()
    assert found["text"] == f"127.0.0.1 port {port} is held by {name} (process {os.getpid()})"
    assert found["mend"].startswith(f"sudo kill {os.getpid()} ")


def test_a_service_that_runs_there_is_asked_how_it_is(call: Call, tmp_path: Path) -> None:
    with answering(200) as port:
        assert findings(call, write(tmp_path, port))["service"]["good"]
    with answering(503) as port:
        found = findings(call, write(tmp_path, port))["service"]
    assert "is not well" in found["text"]
    assert "systemctl restart linkwatch" in found["mend"]


def test_names_that_lead_nowhere_or_outside_are_named(call: Call, tmp_path: Path) -> None:
    lost = findings(call, write(tmp_path, address="no.such.invalid"))
    assert "no.such.invalid do not resolve: not measured, hence unknown" in lost["names"]["text"]
    assert lost["names"]["mend"].startswith("getent ahosts no.such.invalid")
    outside = findings(call, write(tmp_path, scope="10.0.0.0/8"))
    assert "localhost lead outside the scope" in outside["scope"]["text"]
    assert outside["names"]["good"]


def test_a_damaged_store_is_found_before_it_matters(call: Call, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "linkwatch.db")) as connection, connection:
        connection.execute("CREATE TABLE t (x TEXT)")
        connection.executemany("INSERT INTO t VALUES (?)", [("y" * 500,)] * 200)
    assert findings(call, write(tmp_path))["store"]["good"]
    with (tmp_path / "linkwatch.db").open("r+b") as file:
        file.seek(8192)
        file.write(os.urandom(20_000))
    found = findings(call, write(tmp_path))["store"]
    assert "is damaged" in found["text"]
    assert found["mend"].startswith(f"mv {tmp_path}/linkwatch.db {tmp_path}/linkwatch.db.damaged")


def test_a_database_server_that_is_away_is_told_without_its_password(call: Call, tmp_path: Path) -> None:
    pytest.importorskip("psycopg", reason="needs psycopg: pip install 'linkwatch[postgresql]'")
    file = write(tmp_path)
    file.write_text(file.read_text() + 'store: {url: "postgresql://u:hunter22@127.0.0.1:1/x"}\n')
    found = findings(call, file)["store"]
    assert "127.0.0.1/x failed" in found["text"]
    assert "hunter22" not in json.dumps(found)


def test_a_broken_inventory_is_told_with_its_first_mistake(call: Call, tmp_path: Path) -> None:
    file = write(tmp_path, address="'a b'")
    found = findings(call, file)
    assert "inventory.yml:2: targets[a].address" in found["inventory"]["text"]
    assert found["inventory"]["mend"] == f"linkwatch check {file}"
    assert "port" not in found


@needs_setpriv
def test_a_folder_that_may_not_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    os.chown(tmp_path / "store", 65534, -1)
    file = write(tmp_path)
    file.write_text(file.read_text() + 'store: {url: "sqlite:///store/linkwatch.db"}\n')
    rights = ("setpriv", "--bounding-set=-all,+net_raw", "--inh-caps=-all")
    done = run("doctor", file, wrap=rights)
    assert done.returncode == MEASURED_BAD
    assert f"{tmp_path}/store may not be written by user 0" in done.stdout
    assert f"mend: sudo chown -R 0 {tmp_path}/store" in done.stdout


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to mount a read-only file system")
def test_a_read_only_disk_is_told_apart_from_a_missing_right(tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    file = write(tmp_path)
    file.write_text(file.read_text() + 'store: {url: "sqlite:///store/linkwatch.db"}\n')
    mount = f'mount -t tmpfs -o ro tmpfs {tmp_path}/store && exec "$@"'
    done = run("doctor", file, wrap=("unshare", "--mount", "sh", "-c", mount, "sh"))
    assert f"{tmp_path}/store lies on a file system that is read-only" in done.stdout
    assert "mend: sudo mount -o remount,rw $(findmnt" in done.stdout


@pytest.mark.skipif(shutil.which("prlimit") is None, reason="needs prlimit: apt-get install util-linux")
def test_too_few_files_are_told_with_both_commands(tmp_path: Path) -> None:
    done = run("doctor", write(tmp_path), wrap=("prlimit", "--nofile=256:256"))
    assert "only 256 files may be open at once, 4,096 are wanted" in done.stdout
    assert "mend: ulimit -n 4096; under systemd: LimitNOFILE=4096" in done.stdout
