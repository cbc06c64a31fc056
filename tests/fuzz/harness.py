"""Gives a parser thousands of inputs, and says what came of them."""

from __future__ import annotations

import gc
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from probes.failure import ProbeError
from probes.sample import Reason
from tests.fuzz.mutation import Mutator, Repair

LARGEST_DATAGRAM = 65_507
MOST_KEPT = 5
_PAGE_MB = 4096 / 1e6
_COLLECTED_EVERY = 1000


@dataclass(frozen=True, slots=True)
class Case:
    """One parser. `parse` says in a word what came of an input and raises nothing, whatever the input is."""

    name: str
    captures: Sequence[bytes]
    parse: Callable[[bytes], str]
    longest: int = LARGEST_DATAGRAM
    words: Sequence[bytes] = ()
    repair: Repair | None = None

    def inputs(self, count: int, seed: int) -> Iterator[bytes]:
        """The captures as they are, then what mutation makes of them."""
        yield from self.captures[:count]
        mutator = Mutator(self.captures, seed, self.longest, self.words, self.repair)
        yield from islice(mutator, max(0, count - len(self.captures)))


@dataclass(slots=True)
class Outcome:
    """What came of a case. `crashes`: errors with the input, the first few; `slowest_s`: CPU time;
    `growth_mb`: memory that stayed, after the first fifth."""

    name: str
    inputs: int = 0
    results: Counter[str] = field(default_factory=Counter)
    crashed: int = 0
    crashes: list[tuple[str, bytes]] = field(default_factory=list)
    slowest_s: float = 0.0
    slowest: bytes = b""
    growth_mb: float = 0.0

    def take(self, data: bytes, result: str, lasted_s: float) -> None:
        """One input has been dealt with."""
        self.inputs += 1
        self.results[result] += 1
        if lasted_s > self.slowest_s:
            self.slowest_s, self.slowest = lasted_s, data

    def crash(self, data: bytes, what: str) -> None:
        """An input has led to what must not be."""
        self.crashed += 1
        if len(self.crashes) < MOST_KEPT:
            self.crashes.append((what, data))


def run_case(case: Case, count: int, seed: int = 1) -> Outcome:
    """Feed `count` inputs, one after another."""
    outcome, warm_mb = Outcome(case.name), 0.0
    for number, data in enumerate(case.inputs(count, seed)):
        if number % _COLLECTED_EVERY == 0:
            gc.collect()
            gc.disable()  # it comes when it likes, and its time would be that of any input
        if number == count // 5:
            warm_mb = resident_mb()
        began_s = time.thread_time()
        try:
            result = case.parse(data)
        except BaseException as error:  # a panic of Rust code is none of Exception
            if isinstance(error, KeyboardInterrupt):
                raise
            result = "crash"
            outcome.crash(data, f"{type(error).__name__}: {error}")
        outcome.take(data, result, time.thread_time() - began_s)
    gc.enable()
    outcome.growth_mb = max(0.0, resident_mb() - warm_mb)
    return outcome


def ended(steps: Callable[[], str]) -> str:
    """What `steps` say, or the reason of the failure that they end with, which must be fit for people."""
    try:
        return steps()
    except ProbeError as error:
        failure = error
    assert failure.reason is not Reason.ERROR, failure.detail
    assert failure.detail.isprintable(), "one line for people"
    return str(failure.reason)


def resident_mb() -> float:
    """Memory of this process, all garbage collected."""
    gc.collect()
    with closing(open("/proc/self/statm")) as file:
        return int(file.read().split()[1]) * _PAGE_MB


def keep(outcome: Outcome, folder: Path) -> None:
    """Write down the inputs that were crashed over, and the slowest, to look at."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, (_, data) in enumerate(outcome.crashes):
        (folder / f"{outcome.name}-crash-{number}.bin").write_bytes(data)
    (folder / f"{outcome.name}-slowest.bin").write_bytes(outcome.slowest)
