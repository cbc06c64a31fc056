"""What every test shares: in CI nothing may be skipped for lack of a peer."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Generator

import pytest

NO_SKIPS = os.environ.get("LINKWATCH_NO_SKIPS") == "1"


def pytest_sessionstart() -> None:
    """Say that there is no loop: pytest-asyncio asks for it, and asking makes one that nobody closes."""
    asyncio.set_event_loop(None)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if NO_SKIPS and report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} was skipped although LINKWATCH_NO_SKIPS is set: {reason}"
    return report
