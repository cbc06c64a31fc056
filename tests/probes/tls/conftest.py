"""One infrastructure for all tests of a process: keys take time."""

from __future__ import annotations

import pytest

from tests.probes.tls.pki import Pki


@pytest.fixture(scope="session")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    return Pki(tmp_path_factory.mktemp("pki"))
