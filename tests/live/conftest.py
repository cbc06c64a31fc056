"""A network namespace for each live test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.network import Namespace, own_namespace


@pytest.fixture
def namespace() -> Iterator[Namespace]:
    with own_namespace() as made:
        yield made
