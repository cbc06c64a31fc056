"""Files as editors, systems and accidents make them: each is read right, or told of at once."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from linkwatch.config import yaml_lines
from linkwatch.config.load import ConfigErrors, load
from linkwatch.core.inventory import Inventory

NOBODY = 65534
HOSTS = """scope: [10.0.0.0/8]
targets:
  - {id: a, kind: host, address: 10.0.0.1, name: "Điểm a"}
  - {id: b, kind: host, address: 10.0.0.2, name: "Điểm b"}
"""


def inventory(file: Path, raw: bytes) -> Inventory:
    file.write_bytes(raw)
    return load(file, {}).inventory


def mistakes(path: Path) -> list[str]:
    """What is wrong, without the folder in front."""
    with pytest.raises(ConfigErrors) as caught:
        load(path, {})
    return str(caught.value).replace(f"{path.parent}/", "").splitlines()


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b"\xef\xbb\xbf" + HOSTS.encode(), id="with a byte order mark"),
        pytest.param(HOSTS.replace("\n", "\r\n").encode(), id="with carriage returns and line feeds"),
        pytest.param(HOSTS.replace("\n", "\r").encode(), id="with carriage returns alone"),
        pytest.param(HOSTS.rstrip().encode(), id="without a last line feed"),
        pytest.param(HOSTS.encode() + b"# " + b"x" * 10_000_000, id="with ten megabytes of comment"),
    ],
)
def test_what_editors_make_of_a_file_is_read_as_it_was_meant(tmp_path: Path, raw: bytes) -> None:
    assert inventory(tmp_path / "i.yml", raw) == inventory(tmp_path / "plain.yml", HOSTS.encode())


@pytest.mark.parametrize("newline", ["\r\n", "\r"])
def test_lines_are_counted_whatever_ends_them(tmp_path: Path, newline: str) -> None:
    file = tmp_path / "i.yml"
    file.write_bytes(
        HOSTS.replace("kind: host, address: 10.0.0.2", "kind: hos").replace("\n", newline).encode()
    )
    assert [line.split(" ")[0] for line in mistakes(file)] == ["i.yml:4:", "i.yml:4:"]


def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "i.yml")
    refused = "i.yml:1: is not a plain file; a pipe or a device cannot be read again"
    assert mistakes(tmp_path / "i.yml") == [refused]
    assert mistakes(tmp_path) == [f"{tmp_path.name}/{refused}"]


def test_a_device_without_end_is_refused() -> None:
    assert "is not a plain file" in mistakes(Path("/dev/zero"))[0]


def test_a_file_that_is_no_inventory_by_its_size_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(yaml_lines, "LARGEST_BYTES", 50)
    (tmp_path / "i.yml").write_text(HOSTS)
    assert mistakes(tmp_path / "i.yml") == [
        f"i.yml:1: is too large: {len(HOSTS.encode())} bytes (allowed: 50)"
    ]


def test_a_link_to_nowhere_in_a_folder_is_not_passed_over(tmp_path: Path) -> None:
    (tmp_path / "a.yml").write_text(HOSTS)
    (tmp_path / "b.yml").symlink_to("gone.yml")
    assert mistakes(tmp_path) == [f"{tmp_path.name}/b.yml:1: cannot be read: No such file or directory"]


@contextmanager
def nobody() -> Iterator[None]:
    """Root may read everything; somebody else may not."""
    before = os.geteuid()
    if before == 0:
        os.seteuid(NOBODY)
    yield
    os.seteuid(before)


def test_what_may_not_be_read_is_told_of() -> None:
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        folder = Path(name) / "folder"
        folder.mkdir(mode=0o755)
        file = folder / "i.yml"
        assert inventory(file, HOSTS.encode()).targets
        file.chmod(0)
        with nobody():
            assert mistakes(file) == ["i.yml:1: cannot be read: Permission denied"]
        folder.chmod(0)
        with nobody():
            assert mistakes(folder) == ["folder:1: cannot be read: Permission denied"]
        folder.chmod(0o700)


def test_of_very_many_mistakes_the_first_thousand_are_shown_in_their_order(tmp_path: Path) -> None:
    file = tmp_path / "i.yml"
    file.write_text(f"targets: [{'a, ' * 20_000}]\n")
    told = mistakes(file)
    assert told[10] == "i.yml:1: targets[10]: must be a mapping, not a text"
    assert (len(told), told[-1]) == (1001, "and 19,000 more mistakes")


def test_a_long_list_of_names_is_compared_once(tmp_path: Path) -> None:
    """Each with all before it would be 200 million comparisons."""
    count = 20_000
    rows = "".join(f"  - {{id: t{i}, kind: host, address: 10.0.{i >> 8}.{i & 255}}}\n" for i in range(count))
    anchors = ", ".join(f"t{i}" for i in range(count))
    text = f"scope: [10.0.0.0/8]\nanchors: [{anchors}]\ntargets:\n{rows}"
    assert len(inventory(tmp_path / "i.yml", text.encode()).anchors) == count
