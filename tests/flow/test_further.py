"""Further icmp probes give samples of their own, at once when something changes, else now and then."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_network
from typing import Any, cast

import numpy as np

from linkwatch.core.board import Board
from linkwatch.core.coverage import Coverage
from linkwatch.core.inventory import Inventory, Kind, ProbeSpec, Scope, Target
from linkwatch.flow.faults import Faults
from linkwatch.flow.further import SAMPLE_S, FurtherPings
from linkwatch.flow.pings import egresses, further_pings, pings_of
from linkwatch.flow.verdicts import Verdicts
from probes.icmp import PLAIN, Egress, RowCounters, Settings
from probes.icmp.results import Verdict
from probes.sample import Reason, Sample
from tests.flow.watching import ICMP, results

EMSGSIZE, EPERM = 90, 1
NOW, NOW_S = 1_612_144_800.0, 5_000.0
ROWS = 4


def target(*further: ProbeSpec) -> Target:
    return Target("there", "there", Kind.HOST, "10.0.0.1", probes=(ICMP, *further))


def spec(name: str, interval_s: float = 1.0, **settings: Any) -> ProbeSpec:
    return ProbeSpec(name, "icmp", interval_s, 3.0, Settings(**settings))


class Pinger:
    def __init__(self, size: int) -> None:
        self.up = np.full(size, -1, dtype=np.int8)
        self.trouble = np.zeros(size, dtype=np.int64)
        self.faults: dict[object, str] = {}


class Desk:
    """Further pings of one target; row 0 of the pinger is the probe that decides on it."""

    def __init__(self, *further: ProbeSpec) -> None:
        self.samples: list[tuple[str, Sample]] = []
        self.further = FurtherPings(lambda _target, spec, sample: self.samples.append((spec.name, sample)))
        self.use(*further)
        self.pinger = Pinger(ROWS)
        self.counters = RowCounters.zeros().copy(ROWS)
        self.now_s = NOW_S

    def use(self, *further: ProbeSpec) -> None:
        pings = list(pings_of(target(*further)))
        self.rows = {ping.key: row for row, ping in enumerate(pings)}
        self.further.replace([ping for ping in pings if ping.is_further], self.rows)

    def turn(self, rtt_s: dict[int, float] | None = None, verdicts: tuple[Verdict, ...] = ()) -> list[str]:
        """A second passes; which probes gave a sample."""
        seen = len(self.samples)
        self.now_s += 1.0
        now = NOW + self.now_s - NOW_S
        ended = rtt_s or {}
        self.further.take(
            results(list(ended), [now] * len(ended), list(ended.values()), verdicts), now, self.now_s
        )
        self.further.publish(cast(Any, self.pinger), self.counters, now, self.now_s)
        return [name for name, _ in self.samples[seen:]]


def test_each_size_is_a_row_of_its_own_and_takes_its_turn() -> None:
    pings = list(pings_of(target(spec("mtu", 2.0, sizes=(56, 1472)), spec("ef", dscp="ef"))))
    assert [(ping.key, ping.size, ping.spec.interval_s, ping.is_further) for ping in pings] == [
        ("there", 56, 1.0, False),
        ("there/mtu-56", 56, 4.0, True),
        ("there/mtu-1472", 1472, 4.0, True),
        ("there/ef", 56, 1.0, True),
    ]
    inventory = Inventory(Scope((ip_network("10.0.0.0/8"),)), {"there": target(spec("ef", dscp="ef"))})
    assert [ping.key for ping in further_pings(inventory)] == ["there/ef"]
    assert egresses(inventory) == {PLAIN, Egress(dscp=46)}


def test_a_way_gives_a_sample_at_once_when_it_changes_and_else_now_and_then() -> None:
    desk = Desk(spec("b"))
    assert desk.turn() == [], "nothing is known yet"
    desk.pinger.up[1] = 1
    given = [desk.turn({1: 0.02}) for _ in range(round(SAMPLE_S) + 1)]
    assert given == [["b"], *[[]] * round(SAMPLE_S - 1), ["b"]]
    desk.pinger.up[1] = 0
    assert desk.turn({}, (Verdict(1, NOW, False, NOW, Reason.UNREACHABLE),)) == ["b"]
    assert (desk.samples[-1][1].ok, desk.samples[-1][1].reason) == (False, Reason.UNREACHABLE)


def test_the_values_of_a_sample_are_of_that_way_alone() -> None:
    desk = Desk(spec("a"), spec("b"))
    desk.pinger.up[:] = 1
    for _ in range(10):
        desk.turn({0: 0.5, 1: 0.01, 2: np.inf})
    desk.counters.ttl[1] = 61
    for _ in range(5):
        desk.turn()
    last = dict(desk.samples[-4:])
    window = ("window", "1m")
    assert last["a"].values["linkwatch_ping_loss_ratio", (window,)] == 0.0
    assert last["b"].values["linkwatch_ping_loss_ratio", (window,)] == 1.0
    assert abs(last["a"].values["linkwatch_ping_rtt_seconds", (("stat", "p50"), window)] - 0.01) < 1e-6
    assert ("linkwatch_ping_rtt_seconds", (("stat", "p50"), window)) not in last["b"].values
    assert last["a"].values["linkwatch_ping_reply_ttl", ()] == 61
    assert ("linkwatch_ping_reply_ttl", ()) not in last["b"].values


def test_a_reload_keeps_what_is_known_of_a_way_that_stays_as_it_is() -> None:
    desk = Desk(spec("a"), spec("b"))
    desk.pinger.up[:] = 1
    desk.turn({1: 0.01, 2: 0.02})
    desk.use(spec("c"), spec("b"), spec("a", interface="eth7"))
    desk.turn({})
    last = dict(desk.samples[-2:])
    rtt = ("linkwatch_ping_rtt_seconds", (("stat", "max"), ("window", "1m")))
    assert set(last) == {"a", "c"}, "b was told of a second ago, and has not changed"
    assert rtt not in last["a"].values
    for _ in range(5):
        desk.turn()
    assert abs(dict(desk.samples)["b"].values[rtt] - 0.02) < 1e-6


def test_what_is_too_big_or_has_no_address_fails_with_its_reason() -> None:
    desk = Desk(spec("mtu", dont_fragment=True), spec("v6", family="ipv6"))
    desk.pinger.trouble[1] = EMSGSIZE
    assert desk.turn() == ["mtu"]
    desk.further.fail("there/v6", Reason.RESOLVE, NOW, desk.now_s)
    desk.further.fail("there/gone", Reason.RESOLVE, NOW, desk.now_s)
    assert [(name, sample.reason) for name, sample in desk.samples] == [
        ("mtu", Reason.TOO_BIG),
        ("v6", Reason.RESOLVE),
    ]


def test_why_a_target_is_not_measured_is_known_and_a_fault_is_told_once(caplog: Any) -> None:
    pinger = Pinger(3)
    pinger.trouble[:] = EMSGSIZE, EPERM, EPERM
    pinger.up[2] = 0
    faults = Faults(cast(Any, pinger))
    names = {0: "big", 2: "down"}
    assert faults.reasons(names.get) == {"big": Reason.TOO_BIG}
    pinger.faults = {(4, Egress(interface="ppp0", mark=7)): "this machine has no interface 'ppp0'"}
    for _ in range(2):
        faults.tell_new()
    (record,) = caplog.records
    assert record.getMessage() == (
        "pings over IPv4 through ppp0 with mark 7 cannot be sent: this machine has no interface 'ppp0'"
    )


def test_a_target_that_is_covered_is_confirmed_by_none_of_its_ways() -> None:
    inventory = Inventory(Scope((ip_network("10.0.0.0/8"),)), {n: replace(target(), id=n) for n in "ab"})
    verdicts = Verdicts(Board(), inventory, Coverage(inventory.targets, ()).graph)
    verdicts.follow({"a": 0, "b/viettel": 1, "b": 3})
    assert verdicts.by_pinger_row(np.array([False, True]), 5).tolist() == [False, True, False, True, False]
    assert [verdicts.target_of(row) for row in range(5)] == ["a", None, None, "b", None]
