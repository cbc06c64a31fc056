"""A buffer too small for the replies of so many targets is told with the command that mends it."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from linkwatch.flow.buffers import warn_of_small_buffers
from probes.icmp import PingTarget

STOCK_BYTES = 2 * 212_992
"""What the kernel grants with the stock net.core.rmem_max."""


def targets(count: int) -> list[PingTarget]:
    return [PingTarget(str(i), ip_address("127.0.0.1"), 1.0) for i in range(count)]


def test_stock_buffers_are_too_small_for_ten_thousand_targets(caplog: pytest.LogCaptureFixture) -> None:
    warn_of_small_buffers(STOCK_BYTES, targets(10_000))
    assert "holds 51 ms of replies at 10000 pings/s" in caplog.text
    assert "sudo sysctl -w net.core.rmem_max=4194304" in caplog.text


@pytest.mark.parametrize("count", [0, 1000])
def test_stock_buffers_are_enough_for_a_thousand_and_nothing_is_said(
    caplog: pytest.LogCaptureFixture, count: int
) -> None:
    warn_of_small_buffers(STOCK_BYTES, targets(count))
    assert caplog.text == ""
