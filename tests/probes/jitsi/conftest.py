"""A platform of its own for each test; keys take time, so the authority is shared."""

from __future__ import annotations

from pathlib import Path

import pytest

from probes.testing import OPENSSL_MISSING, Authority, has_openssl, make_authority
from tests.probes.jitsi.platform import Platform, make_platform


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    if not has_openssl():
        pytest.skip(OPENSSL_MISSING)
    return make_authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture
def platform(tmp_path: Path, authority: Authority) -> Platform:
    return make_platform(tmp_path, authority)
