"""A service loads only the libraries that its own targets need: each costs memory and time at every start."""

from __future__ import annotations

import subprocess
import sys

import pytest

LIBRARIES = {"OpenSSL", "cryptography", "dns", "gufo", "pyasn1", "pysnmp", "service_identity"}


def loaded_by(*statements: str) -> set[str]:
    """Which of LIBRARIES a fresh interpreter has loaded after these."""
    code = "; ".join(("import sys", *statements, "print(*sys.modules)"))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return LIBRARIES & set(done.stdout.split())


def test_a_service_that_only_pings_knows_every_metric_and_loads_no_library_of_other_probes() -> None:
    knowing = "from probes import registry; registry.metrics(); registry.load_sampling('icmp')"
    assert loaded_by("import linkwatch.app", knowing) == set()


@pytest.mark.parametrize(("kind", "library"), [("snmp", "gufo"), ("http", "cryptography"), ("dns", "dns")])
def test_a_library_comes_with_the_probe_that_needs_it(kind: str, library: str) -> None:
    assert library in loaded_by(f"from probes import registry; registry.load_sampling({kind!r})")
