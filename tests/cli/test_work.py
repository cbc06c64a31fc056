"""What the commands do when all is well."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest

from linkwatch.cli.failures import MEASURED_BAD
from tests.cli.conftest import Call

ROOT = Path(__file__).parents[2]
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root (raw sockets)")
RULES = sorted((ROOT / "alert_rules").glob("*.yml"))


@contextmanager
def sink(status: int) -> Iterator[tuple[str, list[dict[str, str]]]]:
    """A local server that takes messages: its address, and what arrived."""
    received = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            received.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield f"127.0.0.1:{server.server_port}", received
        server.shutdown()


def test_a_good_inventory_is_summed_up(call: Call) -> None:
    result = call("check", ROOT / "examples" / "thanh-hoa.yml")
    assert result.exit_code == 0
    assert "targets: 93" in result.stdout
    assert "warning" not in result.output
    assert result.stderr == ""


def test_warnings_do_not_make_an_inventory_bad(call: Call, inventory: Path) -> None:
    result = call("check", inventory)
    assert result.exit_code == 0
    assert "warning: contact mute has no channel" in result.stdout


def test_every_mistake_of_an_inventory_is_told_at_once(call: Call, inventory: Path) -> None:
    inventory.write_text("targets:\n  - {id: a, kind: hots, address: 127.0.0.1}\n  - {id: b, kind: host}\n")
    result = call("check", inventory)
    assert result.exit_code == 2
    assert [line.split(": ")[0] for line in result.stderr.splitlines()] == [
        f"{inventory}:2",
        f"{inventory}:3",
    ]


def test_the_shipped_rules_are_good_and_their_tests_pass(call: Call) -> None:
    assert f"rules in {len(RULES)} files are good" in call("rules", "check", *RULES).stdout
    result = call("rules", "test", ROOT / "alert_rules" / "tests" / "services.yml")
    assert result.exit_code == 0
    assert "SUCCESS" in result.stdout


@needs_root
def test_ping_tells_total_and_targets_as_json(call: Call) -> None:
    result = call("ping", "127.0.0.1", "127.0.0.2", "--count", 2, "--interval", "10ms", "--json")
    assert result.exit_code == 0
    told = json.loads(result.stdout)
    assert (told["total"]["sent"], told["total"]["received"], told["total"]["loss_ratio"]) == (4, 4, 0.0)
    assert [(host["target"], host["received"]) for host in told["targets"]] == [
        ("127.0.0.1", 2),
        ("127.0.0.2", 2),
    ]


@needs_root
def test_quiet_json_is_the_total_alone(call: Call) -> None:
    result = call("ping", "127.0.0.1", "--count", 1, "--json", "--quiet")
    assert set(json.loads(result.stdout)) == {"total"}


@needs_root
def test_ping_reads_hosts_from_a_file_or_from_standard_input(call: Call) -> None:
    Path("hosts").write_text("127.0.0.1  # this machine\n\n# none\n127.0.0.2\n")
    for source, stdin in (("hosts", None), ("-", Path("hosts").read_text())):
        result = call("ping", "--file", source, "--count", 1, "--quiet", stdin=stdin)
        assert result.exit_code == 0
        assert result.stdout.splitlines()[1].split()[:3] == ["total", "2", "2"]


@needs_root
def test_one_sample_is_json(call: Call) -> None:
    result = call("probe", "icmp", "127.0.0.1", "--count", 1)
    assert result.exit_code == 0
    assert json.loads(result.stdout)["ok"] is True


def test_a_sample_that_failed_ends_with_1_and_says_why(call: Call) -> None:
    result = call("probe", "http", "http://127.0.0.1:1/")
    assert result.exit_code == MEASURED_BAD
    assert json.loads(result.stdout)["reason"] == "refused"


def test_a_key_goes_to_the_store_beside_the_inventory_wherever_the_command_runs(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "inventory.yml").write_text("targets: [{id: a, kind: host, address: 127.0.0.1}]")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    assert call("key", "create", "noc", "--config", "../inventory.yml").exit_code == 0
    assert list(elsewhere.iterdir()) == []
    monkeypatch.chdir(tmp_path)  # and without a file, to the one in this folder, as `run` would
    assert "  noc  " in call("key", "list").stdout


def test_a_key_lives_from_create_over_list_to_revoke(call: Call, inventory: Path) -> None:
    config = ("--config", inventory)
    made = call("key", "create", "noc", "--role", "operator", *config)
    token = made.stdout.strip()
    assert token.startswith("lw_")
    assert "not shown again" in made.stderr
    partner = ("--role", "partner", "--organization", "vnpt", "--days", 36_500)
    assert call("key", "create", "carrier", *partner, *config).exit_code == 0

    listed = call("key", "list", *config).stdout
    first, second = listed.splitlines()
    assert "operator  noc  never used" in first
    assert "partner for vnpt  carrier  good until 21" in second
    assert token not in listed

    prefix = first.split()[0]
    assert call("key", "revoke", prefix, *config).exit_code == 0
    assert "noc  revoked 20" in call("key", "list", *config).stdout
    again = call("key", "revoke", prefix, *config)
    assert again.exit_code == MEASURED_BAD
    assert "no usable key begins with" in again.stderr
    assert call("key", "revoke", "", *config).exit_code == MEASURED_BAD


def test_a_test_message_arrives_in_the_language_of_the_contact(call: Call, inventory: Path) -> None:
    with sink(200) as (address, received):
        inventory.write_text(inventory.read_text().replace("127.0.0.1:1/x", f"{address}/duty"))
        result = call("notify", "test", "duty", "--config", inventory)
    assert (result.exit_code, result.stdout) == (0, "duty chat: delivered\n")
    assert "Đây là tin nhắn thử" in received[0]["message"]


def test_a_test_message_that_is_refused_ends_with_1_and_shows_no_secret(call: Call, inventory: Path) -> None:
    with sink(403) as (address, received):
        inventory.write_text(inventory.read_text().replace("127.0.0.1:1/x", f"{address}/s3cr3t-t0ken"))
        result = call("notify", "test", "duty", "--config", inventory)
    assert result.exit_code == MEASURED_BAD
    assert len(received) == 1
    assert result.stdout.startswith("duty chat: failed: ")
    assert "s3cr3t" not in result.output


def test_the_doctor_names_a_mending_command_for_all_that_is_bad(call: Call) -> None:
    result = call("doctor", "--json")
    found = {finding["name"]: finding for finding in json.loads(result.stdout)}
    assert set(found) == {"icmp IPv4", "icmp IPv6", "rmem_max", "wmem_max", "files", "clock", "ip"}
    assert all(finding["good"] or finding["mend"] for finding in found.values())
    assert result.exit_code == (0 if all(finding["good"] for finding in found.values()) else MEASURED_BAD)
