"""The command line as a user calls it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from linkwatch.cli import main

LINKWATCH = str(Path(sys.executable).parent / "linkwatch")
INVENTORY = """
organizations: {vnpt: {name: VNPT}}
contacts:
  duty: {organization: vnpt, channels: {chat: "json://127.0.0.1:1/x"}}
  mute: {}
targets: [{id: a, kind: host, address: 127.0.0.1}]
store: {url: "sqlite:///STORE"}
"""

Call = Callable[..., Result]


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Call:
    """Calls a command in an empty folder; what it raises is nothing but an exit code."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("linkwatch.cli.run._drop", lambda *_: None)  # the tests' own process keeps its rights

    def invoke(*words: object, stdin: str | bytes | None = None) -> Result:
        result = CliRunner().invoke(main, [str(word) for word in words], input=stdin)
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return result

    return invoke


@pytest.fixture
def inventory(tmp_path: Path) -> Path:
    file = tmp_path / "inventory.yml"
    file.write_text(INVENTORY.replace("STORE", str(tmp_path / "linkwatch.db")))
    return file


def run(*words: object, wrap: tuple[str, ...] = (), **how: object) -> subprocess.CompletedProcess[str]:
    """Runs a command as a process of its own; `wrap`: words before it."""
    command = [*wrap, LINKWATCH, *map(str, words)]
    options: dict[str, object] = {"stdin": subprocess.DEVNULL, "stderr": subprocess.PIPE, "timeout": 60}
    if "stdout" not in how:
        options["stdout"] = subprocess.PIPE
    return subprocess.run(command, text=True, check=False, **(options | how))  # type: ignore[call-overload]
