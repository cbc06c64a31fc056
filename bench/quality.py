"""Loss, delay and jitter as pinger and windows report them, beside what the wire did and what fping saw.

Each of LinkWatch and fping has a wire with the same seed: packet by packet the same happens to both. How well
each measures is told by the kernel's capture of its own packets.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import IPv4Address
from itertools import pairwise
from pathlib import Path
from statistics import fmean

import numpy as np

from bench.capture import Capture, capturing
from bench.network import namespace
from bench.process import Subject
from bench.row import Figure, Pace, Row
from bench.tools import FPING, NAMESPACE, TCPDUMP
from linkwatch.demo.wire import Bursts, Conditions, Way, Wire
from tests.network import Namespace, binomial_99, wired

INTERVAL_S = 0.1
SEED = 2021
REACH_MS = 0.5
CLEAN = Conditions()
FPING_DIGITS = "IPv4; fping prints three digits"


@dataclass(frozen=True, slots=True)
class Case:
    """One address, and how packets travel to it and back."""

    name: str
    address: str
    there: Conditions = CLEAN
    back: Conditions = CLEAN

    def expected_loss(self) -> float:
        """Ratio of the pings that are lost in the long run."""
        kept = 1.0
        for way in (self.there, self.back):
            kept *= 1.0 - way.loss_ratio
            kept *= 1.0 - (way.bursts.mean_loss_ratio if way.bursts else 0.0)
        return 1.0 - kept

    def loss_interval(self, count: int) -> tuple[float, float]:
        """Within which loss lies in 99 % of all runs. Packets of bursts tell less than as many that are lost
        each on its own."""
        bursts = self.there.bursts or self.back.bursts
        memory = 1.0 - bursts.enter - bursts.leave if bursts else 0.0
        telling = round(count * (1.0 - memory) / (1.0 + memory))
        lost = binomial_99(telling, self.expected_loss())
        return lost[0] / telling, lost[-1] / telling


def _case(name: str, host: int, delay_ms: float, jitter_s: float = 0.0, loss_ratio: float = 0.0) -> Case:
    there = Conditions(delay_ms / 1e3, jitter_s, loss_ratio)
    return Case(name, f"10.50.1.{host}", there, Conditions(delay_ms / 1e3))


FIFTY_MS = Conditions(0.050)
CASES = (
    _case("a clean wire", 1, 0),
    _case("5 ms each way", 2, 5),
    _case("50 ms each way", 3, 50),
    Case("50 ms each way, IPv6", "fd50::3", FIFTY_MS, FIFTY_MS),
    _case("200 ms each way", 4, 200),
    _case("jitter up to 20 ms", 5, 50, jitter_s=0.020),
    _case("1 % loss", 6, 5, loss_ratio=0.01),
    _case("5 % loss", 7, 50, loss_ratio=0.05),
    Case("5 % loss, IPv6", "fd50::7", Conditions(0.050, loss_ratio=0.05), FIFTY_MS),
    _case("20 % loss", 8, 200, loss_ratio=0.20),
    Case("bursts of 2 on the way back", "10.50.1.9", back=Conditions(bursts=Bursts(enter=0.03, leave=0.5))),
)


@dataclass(frozen=True, slots=True)
class Seen:
    """What was reported of an address, or done to it."""

    loss_ratio: float
    rtt_s: float
    jitter_s: float


@dataclass(frozen=True, slots=True)
class Run:
    """What one program saw, what its wire did, and what the kernel captured of it (IPv4 only), by address."""

    seen: Mapping[str, Seen]
    made: Mapping[str, Seen]
    captured: Mapping[str, Seen]


Ping = Callable[[Namespace, int], Mapping[str, Seen]]


def measure(pace: Pace) -> Iterator[Figure]:
    """Every case at once, for both at the same time."""
    count = pace.pick(600, 60)
    with ThreadPoolExecutor() as pool:
        pings = (linkwatch, fping) if FPING.found else (linkwatch,)
        runs = [pool.submit(run, ping, count) for ping in pings]
        ours, *peers = (each.result() for each in runs)
    peer = peers[0] if peers else None
    yield from losses(ours, peer, count)
    yield from errors("mean RTT", "rtt_s", ours, peer)
    yield from errors("jitter", "jitter_s", ours, peer)


def run(ping: Ping, count: int) -> Run:
    """Let a program ping every address so many times."""
    with over_a_wire() as (near, wire), tempfile.TemporaryDirectory() as folder:
        with capturing(near, "wire", Path(folder) / "capture.pcap") as capture:
            seen = ping(near, count)
        return Run(seen, made_by(wire), captured_by(capture))


@contextmanager
def over_a_wire() -> Iterator[tuple[Namespace, Wire]]:
    """The near end of a wire on which every case has its conditions."""
    with namespace(firewall=False) as near, namespace(firewall=False) as far, wired(near, far, SEED) as wire:
        for case in CASES:
            wire.change(address=case.address, there=case.there, back=case.back)
        yield near, wire


def linkwatch(near: Namespace, count: int) -> dict[str, Seen]:
    """What pinger and windows find."""
    words = (count, INTERVAL_S, *(case.address for case in CASES))
    with Subject("quality", *words, inside=near.command()) as subject:
        return {address: Seen(**seen) for address, seen in json.loads(subject.finish()).items()}


def fping(near: Namespace, count: int) -> dict[str, Seen]:
    """What fping finds at the same pace."""
    words = ("-C", str(count), "-q", "-p", str(round(INTERVAL_S * 1e3)), "-i1", "-t3000")
    command = near.command("fping", *words, *(case.address for case in CASES))
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    lines = (line.split(" : ") for line in done.stderr.splitlines() if " : " in line)
    trips = {address.strip(): words.split() for address, words in lines}
    return {
        address: summary([None if word == "-" else float(word) / 1e3 for word in words])
        for address, words in trips.items()
    }


def summary(rtt_s: Sequence[float | None]) -> Seen:
    """Of the round trips to one address in the order of sending; None is a loss."""
    came_s = [trip_s for trip_s in rtt_s if trip_s is not None]
    changes_s = [abs(next_s - trip_s) for trip_s, next_s in pairwise(rtt_s) if trip_s and next_s]
    return Seen(1.0 - len(came_s) / len(rtt_s), fmean(came_s), fmean(changes_s))


def made_by(wire: Wire) -> dict[str, Seen]:
    """What the wire counted: how much it dropped, and how long packets were really under way. Where it was
    asked for no jitter, none was wanted, whatever the machine made of that."""
    found = {}
    for case in CASES:
        there, back = wire.counts(Way.THERE, case.address), wire.counts(Way.BACK, case.address)
        lost = 1.0 - (1.0 - there.loss_ratio) * (1.0 - back.loss_ratio)
        jitter_s = there.jitter_s if case.there.jitter_s else 0.0
        found[case.address] = Seen(lost, there.mean_delay_s + back.mean_delay_s, jitter_s)
    return found


def captured_by(capture: Capture) -> dict[str, Seen]:
    """What the kernel saw go out and come in; a gap between two answered ones stands for losses."""
    found = {}
    for number, (sent_at, rtt_s) in capture.round_trips().items():
        order = np.argsort(sent_at)
        places = np.rint((sent_at[order] - sent_at.min()) / INTERVAL_S).astype(int)
        trips: list[float | None] = [None] * (places[-1] + 1)
        for place, trip_s in zip(places.tolist(), rtt_s[order].tolist(), strict=True):
            trips[place] = trip_s
        found[str(IPv4Address(number))] = summary(trips)
    return found


def losses(ours: Run, peer: Run | None, count: int) -> Iterator[Figure]:
    """Reported loss within what chance allows, and equal to what the wire dropped."""
    for case in CASES:
        if case.expected_loss():
            low, high = (100 * bound for bound in case.loss_interval(count))
            note = f"fping {peer.seen[case.address].loss_ratio:.2%}" if peer else ""
            seen = 100 * ours.seen[case.address].loss_ratio
            yield Figure(f"{case.name}, reported", seen, "%", at_least=low, at_most=high, note=note)
    yield Figure(
        "losses reported that the wire did not make, or the reverse",
        miscounted(ours, count), at_most=0, peer=miscounted(peer, count) if peer else None,
    )  # fmt: skip


def miscounted(run: Run, count: int) -> int:
    """Pings, over all addresses."""
    pairs = ((run.seen[address], made) for address, made in run.made.items())
    return sum(round(count * abs(seen.loss_ratio - made.loss_ratio)) for seen, made in pairs)


def errors(what: str, name: str, ours: Run, peer: Run | None) -> Iterator[Figure]:
    """How far a mean is from what the wire made; then, for all cases together, from what was captured."""
    ours_ms, peer_ms = errors_ms(name, ours.seen, ours.made), {}
    if peer:
        peer_ms = errors_ms(name, peer.seen, peer.made)
    for case in CASES:
        note = f"fping {peer_ms[case.address]:.3f}" if peer_ms else ""
        yield Figure(
            f"{what} off the injected, {case.name}",
            ours_ms[case.address],
            "ms",
            at_most=REACH_MS,
            note=note,
        )
    yield Figure(
        f"{what} off the capture, mean of all", captured_error_ms(name, ours), "ms", at_most=1.0,
        peer=captured_error_ms(name, peer) if peer else None, peer_name="fping", note=FPING_DIGITS,
    )  # fmt: skip


def captured_error_ms(name: str, run: Run) -> float:
    """Mean over the addresses that were captured."""
    return fmean(errors_ms(name, run.seen, run.captured).values())


def errors_ms(name: str, seen: Mapping[str, Seen], true: Mapping[str, Seen]) -> dict[str, float]:
    """Absolute errors by address."""
    return {
        address: 1e3 * abs(getattr(seen[address], name) - getattr(truth, name))
        for address, truth in true.items()
    }


ROWS = (
    Row(
        "quality",
        "loss, delay and jitter of pinger and windows over wires with known settings, beside fping",
        measure,
        (*NAMESPACE, TCPDUMP),
        (FPING,),
    ),
)
