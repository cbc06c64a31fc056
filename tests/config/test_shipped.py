"""Shipped rules and boards are found in the wheel, else in the checkout."""

from __future__ import annotations

import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from zipfile import ZipFile

import pytest

from linkwatch.config.shipped import dashboards_dir, rules_dir

ROOT = Path(__file__).parents[2]
SOURCES = ("pyproject.toml", "setup.py", "MANIFEST.in", "linkwatch", "probes", "alert_rules", "grafana")
OLDEST_SETUPTOOLS = 77
ASK = "from linkwatch.config import shipped; print(shipped.rules_dir(), shipped.dashboards_dir(), sep='\\n')"


def test_a_checkout_has_them_at_its_root() -> None:
    assert rules_dir() == ROOT / "alert_rules"
    assert dashboards_dir() == ROOT / "grafana" / "dashboards"
    assert (rules_dir() / "reachability.yml").is_file()
    assert (dashboards_dir() / "overview.json").is_file()


def test_the_wheel_carries_them_and_finds_its_own(tmp_path: Path) -> None:
    wheel = _build_wheel(tmp_path)
    installed = tmp_path / "installed"
    with ZipFile(wheel) as archive:
        archive.extractall(installed)
    answer = _run(
        tmp_path, sys.executable, "-I", "-c", f"import sys; sys.path.insert(0, {str(installed)!r}); {ASK}"
    )
    rules, boards = map(Path, answer.splitlines())
    assert rules.is_relative_to(installed)
    assert boards.is_relative_to(installed)
    assert _contents(rules) == _contents(ROOT / "alert_rules")
    assert _contents(boards.parent) == _contents(ROOT / "grafana")


def _build_wheel(folder: Path) -> Path:
    if int(version("setuptools").split(".")[0]) < OLDEST_SETUPTOOLS:
        pytest.skip(f"needs setuptools >= {OLDEST_SETUPTOOLS}: pip install -U setuptools")
    source = folder / "source"
    source.mkdir()
    for name in SOURCES:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, source / name)
    (source / "README.md").write_text("LinkWatch\n")
    options = ("--quiet", "--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir", str(folder))
    _run(source, sys.executable, "-m", "pip", "wheel", *options, ".")
    return next(folder.glob("linkwatch-*.whl"))


def _contents(folder: Path) -> dict[str, bytes]:
    return {
        str(file.relative_to(folder)): file.read_bytes()
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }


def _run(folder: Path, *command: str) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
