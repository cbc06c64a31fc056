"""Where traps are received: nowhere unless it is said, then on a port that needs no right."""

from __future__ import annotations

from pathlib import Path

import pytest

from linkwatch.config.load import load
from linkwatch.config.problems import ConfigErrors
from linkwatch.config.settings import TrapSettings


def read(folder: Path, server: str) -> TrapSettings | None:
    file = folder / "inventory.yml"
    file.write_text(f"scope: [127.0.0.0/8]\ntargets: [{{id: a, kind: host, address: 127.0.0.1}}]\n{server}")
    return load(file).server.traps


@pytest.mark.parametrize(
    ("server", "traps"),
    [
        ("", None),
        ("server: {traps: }", None),
        ("server: {traps: {}}", TrapSettings("0.0.0.0", 1162)),
        ('server: {traps: {listen: "[::]:162"}}', TrapSettings("::", 162)),
    ],
)
def test_where_traps_are_received(tmp_path: Path, server: str, traps: TrapSettings | None) -> None:
    assert read(tmp_path, server) == traps


@pytest.mark.parametrize(
    ("traps", "wrong"),
    [
        ("{listen: nowhere}", "server.traps.listen: 'nowhere' is not an address and a port"),
        ("{listen: 0.0.0.0:1162, community: public}", "server.traps.community: unknown key"),
    ],
)
def test_what_is_wrong_is_told(tmp_path: Path, traps: str, wrong: str) -> None:
    with pytest.raises(ConfigErrors) as errors:
        read(tmp_path, f"server: {{traps: {traps}}}")
    assert wrong in str(errors.value)
