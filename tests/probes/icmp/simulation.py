"""The engine over an imagined network, in virtual time."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from probes.icmp.budget import ConfirmationBudget
from probes.icmp.clock import Reading
from probes.icmp.engine import Engine
from probes.icmp.packet import HEADER, NO_ERRORS, V4, Received
from probes.icmp.results import Results, Verdict
from probes.icmp.targets import PingTarget

STEP_S = 0.02
START_S = 1000.0

Network = Callable[[NDArray[np.intp], float], NDArray[np.float64]]
"""Rows that are pinged at a time -> round-trip time of each, nan where no reply comes."""


class Simulation:
    """`cut`: rows that do not answer; `rtt_s`, `loss_ratio`: of the others."""

    def __init__(
        self, targets: Sequence[PingTarget], budget: ConfirmationBudget | None = None, seed: int = 1
    ) -> None:
        self.engine = Engine(budget or ConfirmationBudget(), epoch_s=0)
        self.now = START_S
        self.engine.replace(targets, self.now)
        self.random = np.random.default_rng(seed)
        self.cut: set[int] = set()
        self.rtt_s = 0.01
        self.loss_ratio = 0.0
        self.confirmed: list[tuple[float, int]] = []
        self.verdicts: list[Verdict] = []
        self.results: list[Results] = []
        self._arriving: list[tuple[NDArray[np.float64], NDArray[np.intp]]] = []

    def row(self, key: str) -> int:
        return self.engine.table.rows[key]

    def run(self, seconds: float, step_s: float = STEP_S) -> list[Verdict]:
        """Let time pass; the verdicts that fell meanwhile."""
        seen = len(self.verdicts)
        for _ in range(round(seconds / step_s)):
            self._step(step_s)
        drained = self.engine.log.drain()
        self.results.append(drained)
        self.verdicts.extend(drained.verdicts)
        return self.verdicts[seen:]

    def _step(self, step_s: float) -> None:
        self.now += step_s
        self._deliver()
        self.engine.review(self.now)
        self.engine.decide(Reading(self.now, self.now))
        rows, confirmation = self.engine.take(self.now, 100_000)
        if not rows.size:
            return
        self.confirmed.extend((self.now, row) for row in rows[confirmation].tolist())
        slots = self.engine.flight.launch(rows, confirmation, self.now)
        times = np.full(rows.size, self.now)
        self.engine.sent(slots, times, times, np.zeros(rows.size), np.zeros(rows.size, dtype=np.int64))
        answered = ~np.isin(rows, list(self.cut)) & (self.random.random(rows.size) >= self.loss_ratio)
        self._arriving.append((np.full(int(answered.sum()), self.now + self.rtt_s), slots[answered]))

    def _deliver(self) -> None:
        waiting = self._arriving
        if not waiting:
            return
        at = np.concatenate([part[0] for part in waiting])
        slots = np.concatenate([part[1] for part in waiting])
        here = at <= self.now
        self._arriving = [(at[~here], slots[~here])]
        if here.any():
            self._receive(slots[here], at[here])

    def _receive(self, slots: NDArray[np.intp], at: NDArray[np.float64]) -> None:
        flight = self.engine.flight
        replies = np.zeros(slots.size, HEADER)
        replies["token"] = self.engine.token
        replies["serial"], replies["nonce"] = flight.serial[slots], flight.nonce[slots]
        sources = self.engine.table.addresses.take(flight.row[slots])
        received = Received(V4, np.arange(slots.size), replies, NO_ERRORS, 0)
        self.engine.receive(
            received, sources, np.full(slots.size, 64, np.uint8), at, Reading(self.now, self.now)
        )
