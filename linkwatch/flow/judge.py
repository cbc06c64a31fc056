"""Step 4: every second, and at once when reachability changes: windows, reachability, rules, incidents."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import numpy as np

from linkwatch.core.board import Board
from linkwatch.core.coverage import Coverage
from linkwatch.core.inventory import Inventory
from linkwatch.core.records import GoneReason, Transition
from linkwatch.core.rules import AlertMachine
from linkwatch.core.topology import NOT_COVERED, UP, Reachability
from linkwatch.flow.clock import Clock
from linkwatch.flow.echoes import EchoRecord
from linkwatch.flow.further import FurtherPings
from linkwatch.flow.incidents import Incidents
from linkwatch.flow.measure import Measurer
from linkwatch.flow.verdicts import Verdicts
from linkwatch.flow.vitals import Vitals
from probes.icmp import Pinger, Results

log = logging.getLogger(__name__)

TURN_S = 1.0
SHORT_WINDOWS = ("10s", "1m")
LONG_WINDOWS = ("5m",)
LONG_EVERY_TURNS = 5
LONGEST_REST_S = 0.2

CLEAN_CONFIRMATIONS = 8
LOSSY_CONFIRMATIONS = 10
"""How many lost confirmations make a target down: more where losses are usual (DESIGN: suspect mode)."""


@dataclass(frozen=True, slots=True)
class _Look:
    """What is reachable, at `now` (UTC) and `now_s` (monotonic)."""

    now: float
    now_s: float
    reach: Reachability


class Judge:
    """Owns the turn: from what was measured to what is decided."""

    def __init__(
        self,
        *,
        inventory: Inventory,
        board: Board,
        pinger: Pinger,
        coverage: Coverage,
        verdicts: Verdicts,
        echoes: EchoRecord,
        further: FurtherPings,
        measurer: Measurer,
        machine: AlertMachine,
        incidents: Incidents,
        vitals: Vitals,
        outcomes: Mapping[tuple[str, str], int],
        clock: Clock,
    ) -> None:
        self.reachability: Reachability | None = None
        self.turned_s = 0.0
        """When the last turn ended, monotonic seconds."""
        self.steps = 0
        """Blocks of windows and turns so far: while it rises the judge is slow, but not stuck."""
        self._inventory, self._board, self._clock = inventory, board, clock
        self._pinger, self._coverage, self._verdicts = pinger, coverage, verdicts
        self._echoes, self._further, self._measurer = echoes, further, measurer
        self._machine, self._incidents = machine, incidents
        self._vitals, self._outcomes = vitals, outcomes
        self._poked = asyncio.Event()
        self._turning = asyncio.Lock()
        self._turns = 0
        self._rests_until_s = 0.0

    @asynccontextmanager
    async def between_turns(self) -> AsyncIterator[None]:
        """No turn is taken while the block runs; one that recomputes everything follows."""
        async with self._turning:
            yield
            self._turns = 0
            await self._turn(full=True)

    def use(self, inventory: Inventory, coverage: Coverage, verdicts: Verdicts) -> None:
        """Judge these from now on."""
        self._inventory, self._coverage, self._verdicts = inventory, coverage, verdicts

    def poke(self) -> None:
        """Reachability may have changed: judge now. Called in the event loop."""
        self._poked.set()

    async def run(self) -> None:
        """Take turns, for ever: every second, when poked, and when a pending alert has lasted.

        What goes wrong in one ends the service, for a judge that goes on with half of a turn is blind without
        a word; a new start resumes from the rows.
        """
        next_s = self._clock.monotonic()
        while True:
            full = self._clock.monotonic() >= next_s
            if full:
                next_s = max(next_s + TURN_S, self._clock.monotonic())
            await self.turn(full=full)
            await self._wait_until(next_s)

    async def turn(self, *, full: bool) -> None:
        """Judge once; a `full` turn also recomputes windows and the slow parts of the board."""
        async with self._turning:
            await self._turn(full=full)

    async def move_times(self, by_s: float) -> None:
        """Go on with a clock that was set by so much: nothing happens earlier or later by it."""
        log.warning("the clock of this machine was set by %+.1f s", by_s)
        self._board.move_times(by_s)
        self._verdicts.move_times(by_s)
        self._echoes.move_times(by_s)
        self._machine.move_times(by_s)
        await self._incidents.move_times(by_s, self._machine.active)

    async def _turn(self, *, full: bool) -> None:
        if moved_s := self._clock.catch_up():
            await self.move_times(moved_s)
        started_s, look = self._clock.monotonic(), self._look()
        if full:
            has_windows = self._turns > 0  # else a rule would take those still to come for empty
            async for _ in self._refresh_windows(look):
                self.steps += 1
                await asyncio.sleep(0)
                if has_windows and self._poked.is_set() and self._clock.monotonic() >= self._rests_until_s:
                    self._poked.clear()  # a verdict waits for no window
                    look = self._look()
                    await self._decide(look)
        await self._decide(look)
        if full:
            self._publish_vitals(look.now, started_s)
        self.turned_s = self._clock.monotonic()
        self.steps += 1

    async def _decide(self, look: _Look) -> None:
        """What follows from a look. Then the judge rests for as long as that took, whoever pokes: in a storm
        verdicts come in a hundred small lots, and half of the time is for everybody else."""
        started_s = self._clock.monotonic()
        transitions = self._machine.step(
            self._board, look.now, isolated=look.reach.isolated, targets=self._inventory.targets
        )
        self._count_blips(transitions, look.now_s)
        await asyncio.sleep(0)
        await self._incidents.judge(
            self._machine.active, transitions, look.reach, look.now, self._machine.latest
        )
        self.reachability = look.reach
        ended_s = self._clock.monotonic()
        self._rests_until_s = ended_s + min(ended_s - started_s, LONGEST_REST_S)

    def _look(self) -> _Look:
        """Take over what the pinger has found out."""
        now, now_s = self._clock.utc(), self._clock.monotonic()
        results = self._pinger.drain()
        self._verdicts.take_echoes(self._pinger, results, now, now_s)
        reach = self._coverage.judge(self._verdicts.verdict(), now_s)
        self._echoes.take(results, self._coverage, now, now_s)
        self._further.take(results, now, now_s)
        self._verdicts.take_gaps(results.gaps, self._echoes.loss_ratios(results.gaps.row), now_s)
        self._verdicts.publish(reach, now, now_s)
        self._vitals.put("linkwatch_isolated", float(reach.isolated), now)
        self._report_evidence(results)
        self._tell_pinger(reach)
        return _Look(now, now_s, reach)

    def _report_evidence(self, results: Results) -> None:
        for error in results.errors:
            target = self._verdicts.target_of(error.row)
            if target is not None:
                self._incidents.note_reporter(target, error.reporter, error.at)

    def _tell_pinger(self, reach: Reachability) -> None:
        silent = ((reach.root != NOT_COVERED) & ~reach.settling) | (reach.isolated & (reach.up != UP))
        self._pinger.set_covered(self._verdicts.by_pinger_row(silent, len(self._pinger.up)))

    async def _refresh_windows(self, look: _Look) -> AsyncIterator[None]:
        """Recompute the slow parts of the board, yielding between blocks."""
        names: Sequence[str] = SHORT_WINDOWS
        if self._turns % LONG_EVERY_TURNS == 0:
            names = SHORT_WINDOWS + LONG_WINDOWS
            self._echoes.publish_rollups(look.now_s)
            self._verdicts.publish_events(look.now, look.now_s)
        self._turns += 1
        counters = self._pinger.row_counters()
        self._echoes.publish_counters(counters, look.now)
        self._further.publish(self._pinger, counters, look.now, look.now_s)
        async for _ in self._echoes.publish_windows(names):
            yield
        confirmations = np.full(len(self._pinger.up), CLEAN_CONFIRMATIONS, dtype=np.uint8)
        confirmations[self._echoes.pinger_rows[~self._echoes.lossless()]] = LOSSY_CONFIRMATIONS
        self._pinger.set_confirmations(confirmations)

    def _count_blips(self, transitions: Sequence[Transition], now_s: float) -> None:
        short = {t.alert.target for t in transitions if t.reason == GoneReason.NEVER_FIRED and _is_of_up(t)}
        for target in short:
            # As of one turn before: who is seen again is excused no longer.
            if self.reachability is None or not self.reachability.is_excused(target):
                self._verdicts.count_blip(target, now_s)

    def _publish_vitals(self, now: float, started_s: float) -> None:
        self._vitals.publish_loop(self._clock.monotonic() - started_s, now)
        self._vitals.publish_engine(self._pinger.counters(), self._measurer.missed, now, started_s)
        self._vitals.publish_clock(now)
        self._vitals.publish_rules(len(self._machine.failures), self._machine.failure_counts, now)
        self._vitals.publish_alerts(self._machine.active, now)
        self._vitals.publish_incidents(self._incidents.states, now)
        self._vitals.publish_outcomes(self._outcomes, now, started_s)

    async def _wait_until(self, next_s: float) -> None:
        due_in_s = self._machine.due_at - self._clock.utc()
        pause_s = max(0.0, min(next_s - self._clock.monotonic(), due_in_s))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(pause_s):
                await self._poked.wait()
                await asyncio.sleep(self._rests_until_s - self._clock.monotonic())
        self._poked.clear()


def _is_of_up(transition: Transition) -> bool:
    series = transition.alert.series
    return bool(series) and all(name == "linkwatch_up" for name, _ in series)
