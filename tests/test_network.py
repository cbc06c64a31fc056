"""The test network itself: every fault that the wire claims is really there, as ping and fping see it."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from itertools import groupby, pairwise
from pathlib import Path
from statistics import fmean, median

import pytest

from linkwatch.demo.wire import CUT, Bursts, Conditions, Way, Wire
from tests.network import Namespace, binomial_99, over_a_wire
from tests.routed import DESTINATION, routed_network

ADDRESSES = ("10.50.1.1", "fd50::1:1")
Ends = tuple[Namespace, Namespace, Wire]


@pytest.fixture(autouse=True)
def _oracles() -> None:
    for program, package in (("fping", "fping"), ("ping", "iputils-ping")):
        if shutil.which(program) is None:
            pytest.skip(f"needs {program}: apt-get install {package}")


@pytest.fixture
def ends() -> Iterator[Ends]:
    with over_a_wire() as made:
        yield made


@pytest.fixture(params=ADDRESSES, ids=("IPv4", "IPv6"))
def address(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def fping(near: Namespace, address: str, count: int, every_ms: int = 2) -> list[float | None]:
    """Milliseconds of each round trip, None where no reply came."""
    words = ("fping", "-C", str(count), "-q", "-i1", "-p", str(every_ms), "-t1000", address)
    done = subprocess.run(near.command(*words), capture_output=True, text=True, check=False, timeout=60)
    (line,) = (line for line in done.stderr.splitlines() if line.startswith(f"{address} :"))
    return [None if word == "-" else float(word) for word in line.partition(" : ")[2].split()]


def ping(near: Namespace, address: str, count: int, every_s: float = 0.002) -> list[int]:
    """Sequence numbers of the replies, in the order in which they came."""
    words = ("ping", "-n", "-c", str(count), "-i", str(every_s), "-W1", address)
    done = subprocess.run(near.command(*words), capture_output=True, text=True, check=False, timeout=60)
    return [int(number) for number in re.findall(r"icmp_seq=(\d+) (?:ttl|hlim)", done.stdout)]


def test_an_idle_wire_costs_less_than_half_a_millisecond(ends: Ends, address: str) -> None:
    near, _, wire = ends
    trips_ms = fping(near, address, 200, every_ms=5)
    assert None not in trips_ms
    assert min(trips_ms) < 0.5
    assert wire.counts(Way.THERE).lost == wire.counts(Way.BACK).lost == 0


def test_each_way_has_its_own_delay(ends: Ends, address: str) -> None:
    near, _, wire = ends
    wire.change(there=Conditions(delay_s=0.030), back=Conditions(delay_s=0.010))
    trips_ms = fping(near, address, 50, every_ms=10)
    assert 40 <= min(trips_ms) < 42  # at its best: this machine may be busy
    assert wire.counts(Way.THERE).mean_delay_s * 1e3 >= 30
    assert 10 <= wire.counts(Way.BACK).mean_delay_s * 1e3 < 30


def test_jitter_is_what_was_asked_for(ends: Ends) -> None:
    near, _, wire = ends
    wire.change(there=Conditions(delay_s=0.010, jitter_s=0.010))
    trips_ms = fping(near, ADDRESSES[0], 200, every_ms=12)
    assert 10 <= min(trips_ms) < 12
    assert median(trips_ms) == pytest.approx(15, abs=2)
    changes_ms = [abs(later - earlier) for earlier, later in pairwise(trips_ms)]
    assert fmean(changes_ms) == pytest.approx(10 / 3, abs=1)  # of two evenly spread values
    assert wire.counts(Way.THERE).jitter_s * 1e3 == pytest.approx(fmean(changes_ms), abs=0.5)


@pytest.mark.parametrize("ratio", [0.01, 0.05, 0.2])
def test_as_many_are_lost_as_were_asked_for(ends: Ends, address: str, ratio: float) -> None:
    near, _, wire = ends
    wire.change(there=Conditions(loss_ratio=ratio))
    lost = fping(near, address, 1_000).count(None)
    assert lost == wire.counts(Way.THERE).lost
    assert lost in binomial_99(1_000, ratio)


def test_the_same_seed_loses_the_same_packets() -> None:
    def replies(seed: int) -> list[int]:
        with over_a_wire(seed) as (near, _, wire):
            wire.change(Conditions(loss_ratio=0.2))
            return ping(near, ADDRESSES[0], 200)

    assert replies(7) == replies(7) != replies(8)


def test_loss_comes_in_bursts(ends: Ends) -> None:
    near, _, wire = ends
    bursts = Bursts(enter=0.02, leave=0.25)
    wire.change(back=Conditions(bursts=bursts))
    trips_ms = fping(near, ADDRESSES[0], 1_000)
    runs = [len(list(run)) for trip_ms, run in groupby(trips_ms, lambda trip_ms: trip_ms is None) if trip_ms]
    assert sum(runs) == wire.counts(Way.BACK).lost
    assert sum(runs) / 1_000 == pytest.approx(bursts.mean_loss_ratio, abs=0.03)
    assert fmean(runs) == pytest.approx(4, abs=1.5)  # by themselves 1.08


def test_duplicates_come_twice(ends: Ends, address: str) -> None:
    near, _, wire = ends
    wire.change(back=Conditions(duplicate_ratio=0.2))
    came = ping(near, address, 300)
    assert len(came) - len(set(came)) == wire.counts(Way.BACK).duplicated
    assert len(came) - len(set(came)) in binomial_99(300, 0.2)


def test_some_packets_overtake_others(ends: Ends, address: str) -> None:
    near, _, wire = ends
    wire.change(back=Conditions(delay_s=0.050, reorder_ratio=0.1))
    came = ping(near, address, 300)
    assert sorted(came) == list(range(1, 301))
    latest = [max(came[: place + 1]) for place in range(300)]
    assert sum(number < last for number, last in zip(came, latest, strict=True)) > 0
    assert wire.counts(Way.BACK).overtaking in binomial_99(300, 0.1)


@pytest.mark.parametrize(("broken", "heard"), [("there", 0), ("back", 10)])
def test_one_way_can_fail_alone(ends: Ends, address: str, broken: str, heard: int) -> None:
    near, far, wire = ends
    wire.change(**{broken: CUT})
    assert fping(near, address, 10) == [None] * 10
    assert echoes_heard(far) == heard
    wire.change(Conditions())
    assert None not in fping(near, address, 10)


def echoes_heard(inside: Namespace) -> int:
    """Echo requests that the kernel has seen, of either family (RFC 4293)."""
    v4 = inside.run("cat", "/proc/net/snmp").splitlines()
    names, values = (line.split() for line in v4 if line.startswith("Icmp:"))
    v6 = dict(line.split() for line in inside.run("cat", "/proc/net/snmp6").splitlines())
    return int(values[names.index("InEchos")]) + int(v6["Icmp6InEchos"])


def test_a_cut_comes_and_goes_while_packets_run(ends: Ends) -> None:
    near, _, wire = ends
    words = near.command("ping", "-n", "-i0.01", ADDRESSES[0])
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as running:
        time.sleep(0.5)
        wire.change(CUT)
        time.sleep(0.5)
        wire.change(Conditions())
        time.sleep(0.5)
        running.send_signal(signal.SIGINT)
        said = running.communicate()[0]
    came = [int(number) for number in re.findall(r"icmp_seq=(\d+) ttl", said)]
    (gap,) = (later - earlier for earlier, later in pairwise(came) if later - earlier > 1)
    assert gap - 1 == wire.counts(Way.THERE).lost + wire.counts(Way.BACK).lost


def test_one_address_can_have_conditions_of_its_own(ends: Ends) -> None:
    near, _, wire = ends
    wire.change(CUT, "10.50.1.2")
    wire.change(Conditions(delay_s=0.015), "fd50::2")
    assert fping(near, "10.50.1.2", 5) == [None] * 5
    assert min(fping(near, "fd50::2", 20)) >= 30
    assert min(fping(near, "10.50.1.3", 20)) < 15
    assert (wire.counts(Way.THERE, "10.50.1.2").lost, wire.counts(Way.THERE).lost) == (5, 0)


def test_nothing_is_left_after_a_test_that_failed() -> None:
    with pytest.raises(ZeroDivisionError), over_a_wire() as (near, far, wire):
        1 / 0  # noqa: B018
    assert not {near.name, far.name} & {found.name for found in Path("/run/netns").iterdir()}
    assert not Path(f"/proc/{wire.pid}").exists()


def test_a_link_between_routers_can_be_a_wire() -> None:
    with routed_network(wired=("r3", "r4")) as network:
        network.wire.change(Conditions(delay_s=0.020))
        for version, address in DESTINATION.items():
            before, after = (
                min(fping(network.node("source"), hop, 20))
                for hop in (network.address("r2a", "r3", version), address)
            )
            assert before < 20
            assert after >= 40
        network.wire.change(there=CUT)
        assert fping(network.node("source"), DESTINATION[4], 5) == [None] * 5
