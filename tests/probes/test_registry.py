"""The table of probes agrees with the files, and every probe keeps the contract."""

from __future__ import annotations

import pkgutil
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest

import probes
from linkwatch.config.load import load as load_config
from linkwatch.config.problems import ConfigErrors
from probes import registry
from probes.sample import Reason, Sample, Target

SIMPLE = {str, int, float, bool, tuple[str, ...], tuple[int, ...], Mapping[str, str]}


@pytest.fixture(params=registry.MODULES)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_files_and_table_agree() -> None:
    modules = (f"probes.{module.name}" for module in pkgutil.iter_modules(probes.__path__))
    found = {
        name for name in modules if name != "probes.__main__" and hasattr(import_module(name), "METRICS")
    }
    assert found == set(registry.MODULES.values())


def test_settings_are_frozen_and_of_simple_types(kind: str) -> None:
    assert_simple(registry.settings_of(kind))


def assert_simple(settings: Any) -> None:
    assert is_dataclass(settings)
    assert settings.__dataclass_params__.frozen  # type: ignore[attr-defined]
    for hint in set(get_type_hints(settings).values()) - SIMPLE:
        assert_simple(get_args(hint)[0])  # the entries of a tuple


def test_secrets_are_left_out_of_repr(kind: str) -> None:
    for entry in fields(registry.settings_of(kind)):
        assert not (entry.metadata.get("secret") and entry.repr), entry.name


def test_defaults_are_enough(kind: str) -> None:
    registry.settings_of(kind)()
    assert registry.load(kind).DEFAULT_INTERVAL_S > 0


def test_metrics_have_unique_names_in_base_units() -> None:
    names = [metric.name for metric in registry.metrics()]
    assert len(set(names)) == len(names)
    for metric in registry.metrics():
        assert metric.name.startswith("linkwatch_")
        assert metric.name.endswith("_total") == (metric.type == "counter"), metric.name
        assert metric.name.removesuffix("_total").endswith(metric.unit), metric.name
        assert metric.help.endswith(".")


def test_metrics_please_promtool() -> None:
    if shutil.which("promtool") is None:
        pytest.skip("needs promtool: apt-get install prometheus")
    lines = []
    for metric in registry.metrics():
        labels = ",".join(f'{label}="x"' for label in metric.labels)
        lines += [f"# HELP {metric.name} {metric.help}", f"# TYPE {metric.name} {metric.type}"]
        lines += [f"{metric.name}{{{labels}}} 1"]
    text = "\n".join(lines) + "\n"
    done = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_an_unknown_kind_is_answered_with_what_is_allowed() -> None:
    with pytest.raises(registry.UnknownProbe, match=r"unknown probe 'snpm'; there are icmp, snmp, http"):
        registry.load("snpm")


@pytest.fixture
def outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A package of somebody else, with two entry points: one good, one that does not import."""
    (tmp_path / "their_probe.py").write_text(THEIR_PROBE)
    metadata = tmp_path / "their_probe-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: their-probe\nVersion: 1.0\n")
    description, sampling = THEIR_PROBE.split("async def")
    for name, text in (("split", f"async def{sampling}"), ("unfinished", "import no_such_library")):
        (tmp_path / f"their_{name}").mkdir()
        (tmp_path / f"their_{name}" / "__init__.py").write_text(description)
        (tmp_path / f"their_{name}" / "sampling.py").write_text(f"from probes.sample import Sample\n{text}")
    points = "[linkwatch.probes]\ntheirs = their_probe\nbroken = no_such_module\nempty = string\n"
    points += "split = their_split\nunfinished = their_unfinished\n"
    (metadata / "entry_points.txt").write_text(points)
    monkeypatch.syspath_prepend(str(tmp_path))
    clear()
    yield
    clear()
    for name in [name for name in sys.modules if name.startswith("their_")]:
        del sys.modules[name]


def clear() -> None:
    registry.load.cache_clear()
    registry.load_sampling.cache_clear()
    registry._outside.cache_clear()


THEIR_PROBE = """
from dataclasses import dataclass
from probes.sample import Sample

METRICS = ()
DEFAULT_INTERVAL_S = 60.0

@dataclass(frozen=True)
class Settings:
    word: str = "hello"

async def probe(target, settings, deadline_s):
    return Sample(0.0, deadline_s, True, facts={"said": f"{settings.word} {target.host}"})
"""


@pytest.mark.usefixtures("outside")
@pytest.mark.parametrize("kind", ["theirs", "split"])
async def test_a_probe_of_somebody_else_is_found_and_run_through_a_session(kind: str) -> None:
    assert kind in registry.kinds()
    session = registry.open_session(kind, Target("t", "h"), registry.settings_of(kind)())
    assert (await session.probe(2.0)).facts == {"said": "hello h"}
    await session.close()


@pytest.mark.usefixtures("outside")
@pytest.mark.parametrize(
    ("kind", "why"), [("broken", "No module named"), ("empty", "string has no Settings")]
)
def test_a_broken_probe_of_somebody_else_is_named(kind: str, why: str) -> None:
    with pytest.raises(registry.UnknownProbe, match=f"probe '{kind}' cannot be loaded: {why}"):
        registry.load(kind)


@pytest.mark.usefixtures("outside")
def test_what_measures_is_loaded_only_when_it_is_needed() -> None:
    assert registry.settings_of("split")().word == "hello"
    assert "their_split.sampling" not in sys.modules
    with pytest.raises(registry.UnknownProbe, match="cannot be loaded: No module named 'no_such_library'"):
        registry.load_sampling("unfinished")


@pytest.mark.usefixtures("outside")
def test_an_inventory_with_a_probe_that_cannot_be_loaded_is_told_where(tmp_path: Path) -> None:
    file = tmp_path / "inventory.yml"
    file.write_text("targets:\n  - {id: a, kind: host, address: 127.0.0.1, probes: [{type: unfinished}]}\n")
    with pytest.raises(ConfigErrors, match=r"inventory.yml:2: .*type: probe 'unfinished' cannot be loaded"):
        load_config(file)


async def test_a_plain_probe_gets_a_session() -> None:
    target = Target("t", "127.0.0.1", allows=lambda _address: False)
    session = registry.open_session("http", target, registry.settings_of("http")())
    sample = await session.probe(1.0)
    assert isinstance(sample, Sample)
    assert sample.reason is Reason.PERMISSION
    await session.close()
