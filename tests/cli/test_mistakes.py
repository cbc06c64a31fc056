"""A user's mistake gives one clear message and the documented exit code, never a traceback."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from linkwatch.cli.failures import NOT_ALLOWED, WRONG_INPUT
from tests.cli.conftest import Call

CONFIG = ["--config", "inventory.yml"]
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root (raw sockets)")
MISTAKES = [
    ("nope", "No such command 'nope'"),
    ("check", "Missing argument 'FILE'"),
    ("check gone.yml", "'gone.yml' does not exist"),
    ("check empty", "empty:1: holds no *.yml file"),
    ("check latin.yml", "latin.yml:1: is not UTF-8 text"),
    ("check wide.yml", "wide.yml:1: must be a mapping"),
    ("check /dev/null", "/dev/null:1: is not a plain file"),
    ("check port.yml", "port.yml:2: store.url: is not a store"),
    ("run gone.yml", "'gone.yml' does not exist"),
    ("run empty", "holds no *.yml file"),
    ("run latin.yml", "is not UTF-8 text"),
    ("ping", "no host given"),
    ("ping no.such.invalid", "'no.such.invalid': the name does not resolve"),
    ("ping --file gone", "'gone': No such file"),
    ("ping --file empty", "Is a directory"),
    ("ping --file latin.yml", "the file of hosts is not UTF-8 text"),
    ("ping --file wide.yml", "aaa': the name does not resolve"),
    ("ping --count 0 127.0.0.1", "0 is not in the range"),
    ("ping --interval 1ms 127.0.0.1", "allowed is 0.01 s or more"),
    ("ping --timeout nan 127.0.0.1", "not a duration such as 3s"),
    ("probe", "the following arguments are required: KIND"),
    ("probe imcp 127.0.0.1", "invalid choice: 'imcp'"),
    ("probe icmp", "the following arguments are required: TARGET"),
    ("probe icmp 127.0.0.1 --count many", "count: not a whole number: 'many'"),
    ("rules check", "Missing argument"),
    ("rules check gone.yml", "'gone.yml' does not exist"),
    ("rules check empty", "is a directory"),
    ("rules check latin.yml", "latin.yml:1: is not UTF-8 text"),
    ("rules check inventory.yml", "unknown key 'targets'"),
    ("notify test", "Missing argument 'CONTACT'"),
    ("notify test duty", "Missing option '--config'"),
    ("notify test dury --config inventory.yml", "there is no contact 'dury'; did you mean 'duty'?"),
    ("notify test duty --config inventory.yml --channel sms", "duty has no channel 'sms'"),
    ("notify test mute --config inventory.yml", "mute has no channel and can never be told"),
    ("notify test duty --config port.yml", "port.yml:2: store.url"),
    ("key create noc --config inventory.yml --role king", "'king' is not one of"),
    ("key create noc --config inventory.yml --role partner", "a partner key needs --organization"),
    ("key create noc --config inventory.yml --role partner --organization vnp", "did you mean 'vnpt'?"),
    ("key create noc --config inventory.yml --organization vnpt", "a viewer sees everything"),
    ("key create noc --config inventory.yml --days 0", "0.0 is not in the range"),
    ("key create noc --config inventory.yml --days nan", "'nan' is not a number"),
    ("key create noc --config inventory.yml --days inf", "inf is not in the range"),
    ("key list", "there is no linkwatch.db here; name the inventory with --config FILE"),
    ("demo --port 70000", "70000 is not in the range"),
    ("demo --seconds nan", "'nan' is not a number"),
    ("doctor x", "Path 'x' does not exist"),
]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, inventory: Path) -> Path:
    (tmp_path / "empty").mkdir()
    (tmp_path / "latin.yml").write_bytes("targets: Thanh Hóa".encode("latin-1"))
    (tmp_path / "wide.yml").write_text("a" * 5_000_000)
    port = (
        'targets: [{id: a, kind: host, address: 127.0.0.1}]\nstore: {url: "postgresql://u@127.0.0.1:x/y"}\n'
    )
    (tmp_path / "port.yml").write_text(port)
    return tmp_path


@pytest.mark.parametrize(("line", "said"), MISTAKES, ids=[line for line, _ in MISTAKES])
def test_wrong_input_is_told_and_ends_with_2(call: Call, line: str, said: str) -> None:
    result = call(*line.split())
    assert result.exit_code == WRONG_INPUT
    assert said in result.stderr
    assert len(result.stderr) < 2000


@pytest.mark.parametrize("name", ["", "  ", "a\nb"])
def test_a_key_without_a_readable_name_is_refused(call: Call, name: str) -> None:
    result = call("key", "create", name, *CONFIG)
    assert result.exit_code == WRONG_INPUT
    assert "NAME must say whose key it is" in result.stderr


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("sqlite:////nowhere/x.db", "there is no folder /nowhere"),
        ("sqlite:///garbage.db", "is damaged or not a database"),
        ("sqlite:///empty", "cannot be opened"),
        ("postgresql://u:hunter22@127.0.0.1:1/x", "onnection refused"),
    ],
)
@pytest.mark.parametrize("command", [pytest.param("run", marks=needs_root), "key list --config"])
def test_a_store_that_cannot_be_used_is_told_and_ends_with_3(
    call: Call, folder: Path, command: str, url: str, said: str
) -> None:
    (folder / "garbage.db").write_text("garbage" * 1000)
    text = f'targets: [{{id: a, kind: host, address: 127.0.0.1}}]\nstore: {{url: "{url}"}}\n'
    (folder / "store.yml").write_text(text)
    result = call(*command.split(), "store.yml")
    assert result.exit_code == NOT_ALLOWED
    assert said in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert "hunter22" not in result.stderr


def test_a_test_file_that_is_no_test_file_is_wrong_input(call: Call) -> None:
    result = call("rules", "test", "inventory.yml")
    assert result.exit_code == WRONG_INPUT
    assert "inventory.yml:2: unknown key 'organizations'" in result.output
