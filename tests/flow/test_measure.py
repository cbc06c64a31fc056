"""Probes are run at their times, each on its own; nothing that one does stops another."""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from ipaddress import ip_address, ip_network
from typing import Any

import pytest

from linkwatch.core.inventory import Inventory, Kind, ProbeSpec, Scope, Target
from linkwatch.flow import measure
from linkwatch.flow.measure import Measurer, host_of
from linkwatch.flow.pings import ping_targets
from probes import registry
from probes.sample import Reason, Sample
from probes.sample import Target as ProbeTarget
from tests.flow.watching import ICMP

GOOD = Sample(0.0, 0.0, True)


class Session:
    """A probe that a test speaks for."""

    def __init__(self, answer: Callable[[], Any]) -> None:
        self._answer, self.runs, self.closed = answer, 0, False

    async def probe(self, _deadline_s: float) -> Any:
        self.runs += 1
        answer = self._answer()
        return await answer if asyncio.iscoroutine(answer) else answer

    async def close(self) -> None:
        self.closed = True


class Desk:
    """A measurer of probes that are called like their targets, 20 times a second, and its samples."""

    def __init__(
        self,
        monkeypatch: pytest.MonkeyPatch,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        **answers: Callable[[], Any],
    ) -> None:
        self.sessions = {name: Session(answer) for name, answer in answers.items()}
        self.samples: dict[str, list[Sample]] = {name: [] for name in answers}
        self.measurer = Measurer(self.take, at_once=2, monotonic=monotonic, utc=time.time)
        monkeypatch.setattr(registry, "open_session", self._open)
        spec = ProbeSpec("http", "http", 0.05, 0.05, None)
        targets = {name: Target(name, name, Kind.HOST, name, probes=(spec,)) for name in answers}
        self.inventory = Inventory(Scope((ip_network("127.0.0.0/8"),)), targets)

    def take(self, target: Target, spec: ProbeSpec, sample: Sample) -> None:
        self.samples[target.id].append(sample)

    def _open(self, _kind: str, target: ProbeTarget, _settings: object) -> Session:
        return self.sessions[target.id]

    @asynccontextmanager
    async def running(self, seconds: float) -> AsyncIterator[None]:
        await self.measurer.replace(self.inventory)
        task = asyncio.create_task(self.measurer.run())
        await asyncio.wait({task}, timeout=seconds)
        yield
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


def broken() -> Sample:
    raise ZeroDivisionError


async def test_a_broken_probe_yields_a_failure_and_stops_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk(monkeypatch, good=lambda: GOOD, broken=broken, odd=lambda: None)
    async with desk.running(0.3):
        pass
    assert len(desk.samples["good"]) >= 3
    for name, detail in (("broken", "ZeroDivisionError"), ("odd", "TypeError")):
        assert {(s.ok, s.reason, s.detail) for s in desk.samples[name]} == {(False, Reason.ERROR, detail)}


async def test_a_probe_that_overruns_is_ended_skipped_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measure, "GRACE_S", 0.1)
    desk = Desk(monkeypatch, slow=lambda: asyncio.sleep(30.0, GOOD))
    async with desk.running(0.6):
        assert desk.sessions["slow"].runs <= 4
    assert desk.measurer.missed >= 3
    assert desk.samples["slow"][0].reason is Reason.TIMEOUT


async def test_more_probes_than_may_run_at_once_are_skipped_and_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each takes a file of this machine, and there must be one left for a page."""
    monkeypatch.setattr(measure, "GRACE_S", 30.0)
    names = ("first", "second", "third", "fourth")
    desk = Desk(monkeypatch, **dict.fromkeys(names, lambda: asyncio.sleep(30.0, GOOD)))
    async with desk.running(0.3):
        assert sum(session.runs for session in desk.sessions.values()) == 2
        assert desk.measurer.missed >= 2


async def test_a_sample_that_cannot_be_recorded_ends_the_service(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk(monkeypatch, good=lambda: GOOD)
    monkeypatch.setattr(desk.measurer, "_on_sample", lambda *_: {}["no such row"])
    await desk.measurer.replace(desk.inventory)
    with pytest.raises(KeyError, match="no such row"):
        await asyncio.wait_for(desk.measurer.run(), 2.0)


async def test_the_end_closes_every_session_whatever_one_does(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk(monkeypatch, first=lambda: GOOD, second=lambda: GOOD)
    monkeypatch.setattr(desk.sessions["first"], "close", broken)
    async with desk.running(0.05):
        pass
    assert desk.sessions["second"].closed


@pytest.mark.looptime
@pytest.mark.parametrize(
    ("interval_s", "looks"),
    [
        (30.0, [0, 2, *range(4, 66, 5), 94, 124]),
        (300.0, [0, 2, *range(4, 306, 25), 604]),
        (3.0, [0, 2, 4, 7, 10]),
    ],
)
async def test_a_failed_probe_is_tried_again_soon_then_followed_for_a_while(
    interval_s: float, looks: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three looks until a failure is believed, twelve closer ones after that, then the usual interval."""
    seen, loop = list[float](), asyncio.get_running_loop()

    def now() -> float:
        return (
            math.ceil(loop.time() * 1024) / 1024
        )  # exact sums: else it stands an ulp short of a start for ever

    def broken() -> Sample:
        seen.append(now())
        return Sample(0.0, 0.0, False, Reason.REFUSED)

    desk = Desk(monkeypatch, monotonic=now, broken=broken)
    spec = ProbeSpec("http", "http", interval_s, 0.05, None)
    target = Target("broken", "broken", Kind.HOST, "broken", probes=(spec,))
    desk.inventory = Inventory(desk.inventory.scope, {"broken": target})
    async with desk.running(interval_s + looks[-1]):
        pass
    assert [round(at - seen[0]) for at in seen[: len(looks)]] == looks


REFUSED = Sample(0.0, 0.0, False, Reason.AUTH)
LOG_IN_UNSURE = Sample(0.0, 0.0, False, Reason.PROTOCOL, is_repeatable=False)


@pytest.mark.parametrize("answer", [REFUSED, LOG_IN_UNSURE])
async def test_a_log_in_that_fails_waits_for_its_interval(
    answer: Sample, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three wrong log-ins within seconds can lock the account."""
    monkeypatch.setattr(measure, "CONFIRM_AFTER_S", 0.02)
    desk = Desk(monkeypatch, portal=lambda: answer)
    spec = ProbeSpec("http", "http", 3600.0, 0.05, None)
    target = Target("portal", "portal", Kind.HOST, "portal", probes=(spec,))
    desk.inventory = Inventory(desk.inventory.scope, {"portal": target})
    async with desk.running(0.01):
        desk.measurer.hasten(target, "http", time.monotonic())
        await asyncio.sleep(0.4)
        assert desk.sessions["portal"].runs == 1


async def test_a_hastened_probe_runs_at_once_and_again_if_it_was_running(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    desk = Desk(monkeypatch, slow=lambda: asyncio.sleep(0.1, GOOD))
    spec = ProbeSpec("http", "http", 3600.0, 5.0, None)
    target = Target("slow", "slow", Kind.HOST, "slow", probes=(spec,))
    desk.inventory = Inventory(desk.inventory.scope, {"slow": target})
    async with desk.running(0.05):
        assert desk.sessions["slow"].runs == 0
        desk.measurer.hasten(target, "snmp", 0.0)
        desk.measurer.hasten(target, "http", time.monotonic())
        await asyncio.sleep(0.05)
        assert desk.sessions["slow"].runs == 1
        desk.measurer.hasten(target, "http", time.monotonic())
        desk.measurer.hasten(target, "http", time.monotonic())
        await asyncio.sleep(0.4)
        assert desk.sessions["slow"].runs == len(desk.samples["slow"]) == 2
    assert desk.measurer.missed == 0


def test_only_known_addresses_inside_the_scope_are_pinged_upstreams_first() -> None:
    def host(name: str, *via: str, emergency: bool = False, pinged: bool = True) -> Target:
        probes = (ICMP,) if pinged else ()
        return Target(name, name, Kind.HOST, name, emergency=emergency, via=via, probes=probes)

    targets = [host("up"), host("a", "up", emergency=True), host("b"), host("no-address"), host("outside")]
    by_id = {target.id: target for target in [*targets, host("http-only", pinged=False)]}
    inventory = Inventory(Scope((ip_network("127.0.0.0/8"),)), by_id, anchors=("b",))
    inside, outside = ip_address("127.0.0.1"), ip_address("192.0.2.1")
    known = dict.fromkeys(("up", "a", "b", "http-only"), inside) | {"outside": outside}
    found = {target.key: (target.priority, target.companions) for target in ping_targets(inventory, known)}
    assert found == {"up": (0, ("b",)), "a": (1, ("up", "b")), "b": (2, ("b",))}


@pytest.mark.parametrize(
    ("address", "host"),
    [
        ("core.example", "core.example"),
        ("core.example:8080", "core.example"),
        ("[fd00::1]:443", "fd00::1"),
        ("fd00::1", "fd00::1"),
        ("https://user@portal.example:8443/login?x=1", "portal.example"),
    ],
)
def test_the_host_of_an_address(address: str, host: str) -> None:
    assert host_of(address) == host
