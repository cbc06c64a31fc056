"""The pinger on real sockets: loopback, and faults made by nft inside a namespace."""

import ctypes
import secrets
import socket
import threading
import time
from collections.abc import Callable
from functools import partial

import numpy as np
import pytest

from probes.icmp import Egress, Outcome, Pinger, sockets
from probes.icmp import pinger as pinger_module
from probes.icmp.clock import Clock, Reading
from probes.sample import Reason
from tests.network import Namespace
from tests.probes.icmp.collector import Collector, Responder, plus, reply
from tests.probes.icmp.conftest import target, wait_for

Start = Callable[..., Pinger]


@pytest.mark.parametrize("address", ["127.0.0.1", "127.45.6.7", "::1"])
def test_loopback_answers(start: Start, address: str) -> None:
    pinger = start(target(address))
    collector = Collector(pinger)
    wait_for(lambda: collector.count(Outcome.REPLY) >= 5)
    assert pinger.up.tolist() == [1]
    assert collector.count(Outcome.LOST) == 0
    assert 0 < np.nanmedian(collector.rtt_s) < 0.01
    assert pinger.row_counters().received[0] >= 5


def test_sizes_and_families_share_one_engine(start: Start) -> None:
    addresses = [target("127.0.0.1", size=16), target("127.0.0.2", size=1472), target("::1", size=4000)]
    pinger = start(*addresses)
    collector = Collector(pinger)
    wait_for(lambda: all(collector.count(Outcome.REPLY, t.key) >= 3 for t in addresses))
    assert collector.count(Outcome.LOST) == 0


def test_verdicts_wake_the_owner(start: Start) -> None:
    woken = threading.Event()
    start(target("127.0.0.1"), wake=woken.set)
    assert woken.wait(3)


def test_a_cut_target_is_lost_then_down_and_up_again_once_mended(namespace: Namespace, start: Start) -> None:
    with namespace.entered():
        pinger = start(target("10.50.1.1", timeout_s=1.0), target("10.50.1.2", timeout_s=1.0))
    collector = Collector(pinger)
    wait_for(lambda: pinger.up.tolist() == [1, 1])
    cut_at = time.time()
    namespace.rule("input", "ip daddr 10.50.1.1 drop")
    wait_for(collector.fallen)
    (verdict,) = collector.fallen()
    assert verdict.row == pinger.rows["10.50.1.1"]
    assert verdict.reason is Reason.TIMEOUT
    assert cut_at <= verdict.since <= cut_at + 0.2
    assert verdict.at <= cut_at + 2.0
    wait_for(lambda: collector.count(Outcome.LOST, "10.50.1.1"))
    namespace.mend()
    wait_for(lambda: pinger.up.tolist() == [1, 1])
    assert collector.count(Outcome.LOST, "10.50.1.2") == 0


@pytest.mark.parametrize(
    ("address", "rule", "kind", "code"),
    [
        ("10.50.1.1", "ip daddr 10.50.1.1 reject with icmp type host-unreachable", 3, 1),
        ("10.50.1.1", "ip daddr 10.50.1.1 reject with icmp type admin-prohibited", 3, 13),
        ("fd50::1", "ip6 daddr fd50::1 reject with icmpv6 type admin-prohibited", 1, 1),
    ],
)
def test_a_refusal_is_loss_with_evidence(
    namespace: Namespace, start: Start, address: str, rule: str, kind: int, code: int
) -> None:
    namespace.rule("input", rule)
    with namespace.entered():
        pinger = start(target(address))
    collector = Collector(pinger)
    wait_for(collector.fallen)
    assert collector.fallen()[0].reason is Reason.UNREACHABLE
    assert {(e.type, e.code) for e in collector.errors} == {(kind, code)}
    assert {e.reporter for e in collector.errors} <= {address, "::1"}
    assert collector.count(Outcome.LOST) > 3
    assert collector.count(Outcome.REPLY) == 0


def test_what_this_machine_refuses_to_send_is_void_and_unknown(namespace: Namespace, start: Start) -> None:
    with namespace.entered():
        pinger = start(target("10.50.1.1"))
    collector = Collector(pinger)
    wait_for(lambda: pinger.up.tolist() == [1])
    namespace.rule("output", "icmp type echo-request drop")
    wait_for(lambda: pinger.up.tolist() == [-1])
    assert pinger.counters().send_errors >= 5
    assert collector.count(Outcome.VOID) >= 5
    assert collector.count(Outcome.LOST) == 0
    assert not collector.fallen()


def test_no_route_is_void_as_a_measurement_yet_the_target_is_unreachable(
    namespace: Namespace, start: Start
) -> None:
    namespace.run("ip", "route", "add", "unreachable", "10.60.0.0/16")
    with namespace.entered():
        pinger = start(target("10.60.0.1"), target("fd99::1"))
    collector = Collector(pinger)
    wait_for(lambda: len(collector.fallen()) == 2)
    assert {verdict.reason for verdict in collector.fallen()} == {Reason.UNREACHABLE}
    assert collector.count(Outcome.LOST) == 0
    assert collector.count(Outcome.VOID) > 0


def answering(namespace: Namespace, answers: Callable[[bytes], list[bytes]]) -> Responder:
    namespace.run("sysctl", "-qw", "net.ipv4.icmp_echo_ignore_all=1")
    with namespace.entered():
        return Responder(answers)


@pytest.mark.parametrize(("part", "at"), [("token", 8), ("serial", 18), ("nonce", 23)])
def test_forged_replies_are_rejected_and_counted(
    namespace: Namespace, start: Start, part: str, at: int
) -> None:
    responder = answering(namespace, lambda request: [reply(request, at)])
    with namespace.entered():
        pinger = start(target("10.50.1.1", timeout_s=0.3))
    collector = Collector(pinger)
    wait_for(lambda: collector.count(Outcome.LOST) >= 3)
    responder.close()
    assert collector.count(Outcome.REPLY) == 0
    assert pinger.counters().foreign_replies >= 3


def test_a_reply_from_another_address_is_foreign(namespace: Namespace, start: Start) -> None:
    namespace.run("nft", "add table ip nat")
    namespace.run("nft", "add chain ip nat pre { type filter hook output priority -300; }")
    namespace.run("nft", "add rule ip nat pre icmp type echo-reply ip saddr set 10.50.9.9")
    with namespace.entered():
        pinger = start(target("10.50.1.1", timeout_s=0.3))
    collector = Collector(pinger)
    wait_for(lambda: collector.count(Outcome.LOST) >= 3)
    assert collector.count(Outcome.REPLY) == 0
    assert pinger.counters().foreign_replies >= 3


def test_another_programs_replies_never_reach_us(start: Start) -> None:
    first, second = start(target("127.0.0.1")), start(target("127.0.0.1"))
    wait_for(lambda: min(p.row_counters().received[0] for p in (first, second)) >= 10)
    assert first.counters().foreign_replies == second.counters().foreign_replies == 0


def test_repeated_replies_are_duplicates(namespace: Namespace, start: Start) -> None:
    responder = answering(namespace, lambda request: [reply(request)] * 3)
    with namespace.entered():
        pinger = start(target("10.50.1.1"))
    wait_for(lambda: pinger.row_counters().received[0] >= 10)
    responder.close()
    counters = pinger.row_counters()
    assert counters.duplicates[0] == pytest.approx(2 * counters.received[0], abs=2)


def test_replies_after_the_timeout_are_lost_and_late(namespace: Namespace, start: Start) -> None:
    kept: list[bytes] = []

    def hold_back(request: bytes) -> list[bytes]:
        kept.append(reply(request))
        return [kept[-7]] if len(kept) >= 7 else []

    responder = answering(namespace, hold_back)
    with namespace.entered():
        pinger = start(target("10.50.1.1", interval_s=0.1, timeout_s=0.3))
    pinger.set_confirmations(np.zeros(1, np.uint8))
    collector = Collector(pinger)
    wait_for(lambda: pinger.row_counters().late[0] >= 3)
    responder.close()
    assert collector.count(Outcome.REPLY) == 0
    assert collector.count(Outcome.LOST) >= pinger.row_counters().late[0]
    assert pinger.row_counters().duplicates[0] == 0


def test_a_full_receive_buffer_is_counted_and_never_loss(start: Start) -> None:
    targets = [target(plus("127.2.0.0", i), interval_s=0.02, timeout_s=0.3) for i in range(200)]
    pinger = start(*targets)
    wait_for(lambda: (pinger.up == 1).all())
    for transport in pinger._awaited:
        transport.socket.socket.setsockopt(1, 8, 4096)  # SOL_SOCKET, SO_RCVBUF: five replies
    collector = Collector(pinger)
    wait_for(lambda: collector.count(Outcome.VOID) > 500)
    assert pinger.counters().receive_drops > 500
    assert collector.count(Outcome.LOST) == 0
    assert not collector.fallen()


def test_catching_up_never_fills_the_buffer_of_a_process_without_rights(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sockets, "_enlarge", _as_stock_kernels_allow)
    pinger = start(*[target(plus("127.4.0.0", i), interval_s=1.0) for i in range(3000)])
    wait_for(lambda: (pinger.up == 1).all())
    hold = ctypes.PyDLL(None).usleep  # does not let go of the interpreter's lock
    for _ in range(6):
        hold(200_000)
        time.sleep(0.25)
    assert pinger.counters().receive_drops == 0
    assert pinger.counters().missed_schedules == 0


def _as_stock_kernels_allow(opened: socket.socket, force_option: int, option: int) -> None:
    opened.setsockopt(socket.SOL_SOCKET, option, 212_992)


class SteppedClock(Clock):
    """A wall clock that somebody sets while the pinger runs."""

    step_s = 0.0

    def read(self) -> Reading:
        now = super().read()
        return Reading(now.monotonic, now.wall + self.step_s)


@pytest.mark.parametrize("step_s", [-3600.0, 0.02, 3600.0])
def test_setting_the_clock_bends_no_round_trip(start: Start, step_s: float) -> None:
    clock = SteppedClock()
    pinger = start(target("127.0.0.1", interval_s=0.02), clock=clock)
    collector = Collector(pinger)
    wait_for(lambda: collector.count(Outcome.REPLY) >= 5)
    clock.step_s = step_s
    wait_for(lambda: collector.count(Outcome.REPLY) >= 25)
    assert np.nanmax(collector.rtt_s) < 0.2
    assert collector.count(Outcome.LOST) == 0


def test_an_owner_that_holds_the_interpreter_bends_no_round_trip(start: Start) -> None:
    targets = [target(plus("127.3.0.0", i), interval_s=0.1) for i in range(50)]
    pinger = start(*targets)
    collector = Collector(pinger)
    wait_for(lambda: (pinger.up == 1).all())
    numbers = list(range(3_000_000, 0, -1))
    started = time.monotonic()
    while time.monotonic() < started + 1.5:
        sum(numbers)  # one bytecode: the lock is not let go of within
        sorted(numbers)
    wait_for(lambda: collector.count(Outcome.REPLY) >= 300)
    assert np.nanpercentile(collector.rtt_s, 90) < 0.005
    assert collector.count(Outcome.LOST) == 0
    assert not collector.fallen()


def test_replacing_targets_keeps_what_stays(start: Start) -> None:
    stays, goes, comes = target("127.0.0.1"), target("127.0.0.2"), target("127.0.0.3")
    pinger = start(stays, goes)
    wait_for(lambda: pinger.row_counters().received.min() >= 3)
    row, before = pinger.rows[stays.key], pinger.row_counters().received[pinger.rows[stays.key]]
    pinger.replace([stays, comes])
    assert pinger.rows[stays.key] == row
    assert set(pinger.rows) == {stays.key, comes.key}
    wait_for(partial(_all_answered, pinger, before))
    assert pinger.counters().foreign_replies == 0


def _all_answered(pinger: Pinger, more_than: int) -> bool:
    received = pinger.row_counters().received
    return bool(received[pinger.rows["127.0.0.1"]] > more_than and received[pinger.rows["127.0.0.3"]] >= 3)


def test_a_resting_pinger_sends_nothing_and_misses_nothing(start: Start) -> None:
    pinger = start()
    with pinger.resting():
        pinger.replace([target("127.0.0.1", interval_s=0.05)])
        at = pinger.counters().alive_at
        wait_for(lambda: pinger.counters().alive_at > at + 0.3)
        assert pinger.row_counters().sent.tolist() == [0]
    wait_for(lambda: pinger.row_counters().received[0] >= 3)
    assert pinger.counters().missed_schedules == 0


def test_the_thread_shows_that_it_lives_until_closed(start: Start) -> None:
    pinger = start()
    first = pinger.counters().alive_at
    wait_for(lambda: pinger.counters().alive_at > first)
    pinger.close()
    assert pinger.counters().alive_at == pinger.counters().alive_at
    assert not pinger.is_alive


class CountingClock(Clock):
    """A turn of the thread reads it once, and again with each call that sends or receives."""

    readings = 0

    def read(self) -> Reading:
        self.readings += 1
        return super().read()


@pytest.mark.parametrize("interval_s", [None, 60.0])
def test_with_nothing_to_do_the_thread_sleeps(start: Start, interval_s: float | None) -> None:
    clock = CountingClock()
    start(*([target("127.0.0.1", interval_s=interval_s)] if interval_s else []), clock=clock)
    before_s, before = time.monotonic(), clock.readings
    time.sleep(1.5)
    turns = (time.monotonic() - before_s) / pinger_module.REST_S
    assert 1 <= clock.readings - before <= turns + 10


def test_news_end_its_sleep(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pinger_module, "REST_S", 60.0)
    pinger = start()
    time.sleep(0.1)
    pinger.replace([target("127.0.0.1", interval_s=0.2)])
    wait_for(lambda: pinger.up.tolist() == [1])
    with pinger.resting():
        time.sleep(0.3)
    received = pinger.row_counters().received[0]
    wait_for(lambda: pinger.row_counters().received[0] > received)
    pinger.replace([])
    time.sleep(0.1)
    pinger.close()
    assert not pinger.is_alive


def test_sockets_do_not_take_each_others_replies_for_duplicates(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each raw socket gets every reply of its family; the number in the packets tells whose it is."""
    monkeypatch.setattr(secrets, "randbits", lambda _bits: 4711)
    plain, voice = target("127.0.0.1"), target("127.0.0.2", egress=Egress(dscp=46))
    pinger = start(plain, voice, target("::1"), target("::1%lo", egress=Egress(dscp=46)))
    wait_for(lambda: (pinger.row_counters().received >= 5).all())
    assert not pinger.row_counters().duplicates.any()
