"""A judge in virtual time over a pinger that a test speaks for: what was sent, lost, answered, decided."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from linkwatch.core.board import Board
from linkwatch.core.coverage import Coverage
from linkwatch.core.inventory import Inventory, ProbeSpec, Target
from linkwatch.core.records import Alert, Transition
from linkwatch.core.rules import AlertMachine, Rule
from linkwatch.core.topology import Reachability
from linkwatch.flow.clock import Clock
from linkwatch.flow.echoes import EchoRecord, EchoTarget
from linkwatch.flow.further import FurtherPings
from linkwatch.flow.given import publish_given
from linkwatch.flow.judge import Judge
from linkwatch.flow.measure import Measurer, icmp_spec
from linkwatch.flow.verdicts import Verdicts
from linkwatch.flow.vitals import Vitals
from probes.icmp import EngineCounters, Gaps, Outcome, Results, RowCounters, Settings, Verdict
from probes.sample import Sample

START, MONOTONIC = 1_612_144_800.0, 5_000.0
ICMP = ProbeSpec("icmp", "icmp", 1.0, 3.0, Settings())
NOTHING = Results(
    np.zeros(0, np.int32), np.zeros(0), np.zeros(0), np.zeros(0, np.uint8), verdicts=(), errors=()
)


def results(
    rows: Sequence[int], sent_at: Sequence[float], rtt_s: Sequence[float], verdicts: Iterable[Verdict] = ()
) -> Results:
    """`rtt_s`: inf for a lost echo, nan for a void one."""
    rtts = np.array(rtt_s, dtype=np.float64)
    outcome = np.where(np.isinf(rtts), Outcome.LOST, np.where(np.isnan(rtts), Outcome.VOID, Outcome.REPLY))
    shown = np.where(np.isfinite(rtts), rtts, np.nan)
    sent = np.array(sent_at, dtype=np.float64)
    return Results(np.array(rows, np.int32), sent, shown, outcome.astype(np.uint8), tuple(verdicts), ())


class FakePinger:
    """The part of a pinger that the judge sees."""

    def __init__(self, size: int) -> None:
        self.up: NDArray[np.int8] = np.full(size, -1, dtype=np.int8)
        self.suspect = np.zeros(size, dtype=np.bool_)
        self.covered = np.zeros(size, dtype=np.bool_)
        self.confirmations = np.zeros(size, dtype=np.uint8)
        self.pending = NOTHING

    def drain(self) -> Results:
        drained, self.pending = self.pending, NOTHING
        return drained

    def row_counters(self) -> RowCounters:
        return RowCounters.zeros().copy(len(self.up))

    def counters(self) -> EngineCounters:
        return EngineCounters()

    def set_covered(self, covered: NDArray[np.bool_]) -> None:
        self.covered[:] = covered

    def set_confirmations(self, counts: NDArray[np.uint8]) -> None:
        self.confirmations[:] = counts


class FakeIncidents:
    """Takes every judgement and keeps the last one."""

    def __init__(self) -> None:
        self.states: Counter[Any] = Counter()
        self.transitions: list[Transition] = []
        self.turns = 0

    def note_reporter(self, target: str, reporter: str, at: float) -> None:
        pass

    async def move_times(self, by_s: float, active: Mapping[str, Alert]) -> None:
        self.moved_s = by_s

    async def judge(
        self,
        active: Mapping[str, Alert],
        transitions: Sequence[Transition],
        reachability: Reachability,
        now: float,
        latest: object,
    ) -> None:
        self.turns += 1
        self.transitions += transitions


class Watch:
    """Everything between the pinger and the incidents. A row of the pinger is a place in `pinged`."""

    def __init__(
        self,
        inventory: Inventory,
        rules: Sequence[Rule] = (),
        restored: Iterable[Alert] = (),
        utc_s: float = START,
    ) -> None:
        self.utc_s, self.now_s = utc_s, MONOTONIC
        self.clock = Clock(wall=lambda: self.utc_s, monotonic=lambda: self.now_s)
        self.inventory, self.board = inventory, Board()
        self.coverage = Coverage(inventory.targets, inventory.anchors)
        self.verdicts = Verdicts(self.board, inventory, self.coverage.graph)
        publish_given(self.board, inventory, self.coverage.graph, self.verdicts.subjects)
        self.echoes = EchoRecord(self.board)
        self.measurer = Measurer(
            self._ignore, at_once=100, monotonic=self.clock.monotonic, utc=self.clock.utc
        )
        self.pinged = [target for target in inventory.targets.values() if icmp_spec(target)]
        self.pinger = FakePinger(len(self.pinged))
        self.incidents = FakeIncidents()
        self.machine = AlertMachine(rules, restored)
        self.point(self.pinged)
        self.judge = self._judge()

    def point(self, pinged: Sequence[Target]) -> None:
        """Ping these from now on, each in the row that it had first."""
        self.rows = {target.id: self.pinged.index(target) for target in pinged}
        self.verdicts.follow(self.rows)
        self.echoes.replace([self._echo_target(target) for target in pinged])

    def step(self, clock_s: float) -> None:
        """The wall clock is set forward (or back), while time goes on as it does."""
        self.utc_s += clock_s

    async def turn(self, rtt_s: Mapping[str, float] | None = None, *, seconds: float = 1.0) -> None:
        """Time passes; the echoes sent at its start have ended; one full turn."""
        sent_at = self.utc_s
        self.utc_s, self.now_s = self.utc_s + seconds, self.now_s + seconds
        if rtt_s is not None:
            self.report(rtt_s, sent_at)
        await self.judge.turn(full=True)

    def report(self, rtt_s: Mapping[str, float], sent_at: float, verdicts: Iterable[Verdict] = ()) -> None:
        """Echoes that have ended, by target."""
        rows = [self.rows[target] for target in rtt_s]
        verdicts = (*self.pinger.pending.verdicts, *verdicts)
        self.pinger.pending = results(rows, [sent_at] * len(rows), list(rtt_s.values()), verdicts)

    def decide(self, target: str, up: bool, since: float) -> None:
        """The pinger's verdict of now; `since` in UTC seconds."""
        row = self.rows[target]
        self.pinger.up[row] = up
        verdict = Verdict(row, self.utc_s, up, since, None)
        before = self.pinger.pending
        self.pinger.pending = Results(
            before.row, before.sent_at, before.rtt_s, before.outcome, (*before.verdicts, verdict), ()
        )

    def lose(self, target: str, lost: int, *, clean: bool) -> None:
        """A short outage of which all pings have timed out by now."""
        row, until = np.array([self.rows[target]]), np.array([self.now_s - 3.0])
        gap = Gaps(row, until - 0.5, until, np.array([clean]), np.array([lost]))
        self.pinger.pending = replace(self.pinger.pending, gaps=Gaps.join([self.pinger.pending.gaps, gap]))

    def value(self, metric: str, target: str, **labels: str) -> float | None:
        """What the board says of a target."""
        column = self.board.find(metric)
        row = column.find({**self.inventory.targets[target].labels(), **labels}) if column else None
        return float(column.values[row]) if column and row is not None and column.present[row] else None

    def _echo_target(self, target: Target) -> EchoTarget:
        spec = icmp_spec(target)
        assert spec is not None
        position = self.coverage.graph.index[target.id]
        subject = int(self.verdicts.subjects[position])
        return EchoTarget(target, position, self.rows[target.id], spec.interval_s, subject)

    def _judge(self) -> Judge:
        return Judge(
            inventory=self.inventory,
            board=self.board,
            pinger=cast(Any, self.pinger),
            coverage=self.coverage,
            verdicts=self.verdicts,
            echoes=self.echoes,
            further=FurtherPings(self._ignore),
            measurer=self.measurer,
            machine=self.machine,
            incidents=cast(Any, self.incidents),
            vitals=Vitals(self.board, targets=len(self.inventory.targets), now=self.utc_s),
            outcomes={},
            clock=self.clock,
        )

    def _ignore(self, target: Target, spec: ProbeSpec, sample: Sample) -> None:
        pass
