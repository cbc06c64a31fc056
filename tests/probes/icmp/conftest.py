"""Pingers, and a network namespace, for one test each."""

import time
from collections.abc import Callable, Iterator
from ipaddress import ip_address

import pytest

from probes.icmp import Pinger, ProbePermissionError
from probes.icmp.targets import PingTarget
from tests.network import Namespace, own_namespace


@pytest.fixture
def namespace() -> Iterator[Namespace]:
    with own_namespace() as made:
        yield made


@pytest.fixture
def start() -> Iterator[Callable[..., Pinger]]:
    """Starts pingers, and closes them after the test."""
    pingers: list[Pinger] = []

    def started(*targets: PingTarget, **options: object) -> Pinger:
        pinger = Pinger(**options)  # type: ignore[arg-type]
        pinger.replace(targets)
        try:
            pinger.start()
        except ProbePermissionError as error:
            pytest.skip(f"needs ICMP sockets: {error}")
        pingers.append(pinger)
        return pinger

    yield started
    for pinger in pingers:
        pinger.close()


def target(address: str, interval_s: float = 0.05, **more: object) -> PingTarget:
    return PingTarget(address, ip_address(address), interval_s=interval_s, **more)  # type: ignore[arg-type]


def wait_for(condition: Callable[[], object], within_s: float = 5.0) -> None:
    """Real peers take real time: look often, give up late."""
    stop_at = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < stop_at, "did not happen in time"
        time.sleep(0.01)
