"""Every command explains itself."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from linkwatch.cli import COMMANDS
from tests.cli.conftest import Call

README = Path(__file__).parents[2] / "README.md"
CALLS = [
    *([name] for name in COMMANDS),
    *(["key", name] for name in ("create", "list", "revoke")),
    *(["rules", name] for name in ("check", "test")),
    ["notify", "test"],
    ["probe", "icmp"],
]


@pytest.mark.parametrize("flag", ["--help", "-h"])
@pytest.mark.parametrize("words", CALLS, ids=" ".join)
def test_every_command_has_help(call: Call, words: list[str], flag: str) -> None:
    result = call(*words, flag)
    assert result.exit_code == 0
    assert result.output.lower().startswith("usage: ")
    assert len(result.output.splitlines()) > 4


def test_the_list_of_commands_says_what_each_does_and_which_exit_codes_there_are(call: Call) -> None:
    result = call("--help")
    assert result.exit_code == 0
    for name, (_, text) in COMMANDS.items():
        assert re.search(rf"^  {name}\s+{re.escape(text)}", result.output, re.MULTILINE)
    for code in ("0 good", "1 something", "2 wrong", "3 this machine", "130 ended"):
        assert code in " ".join(result.output.split())


def test_the_readme_names_every_command() -> None:
    text = README.read_text(encoding="utf-8").partition("## Commands")[2]
    assert [name for name in COMMANDS if f"`{name}" not in text] == []


def test_a_version_is_told(call: Call) -> None:
    assert re.fullmatch(r"linkwatch \d+\.\d+\.\d+\n", call("--version").output)
