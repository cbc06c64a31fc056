"""Where samples of every probe but ICMP come in: the record, and what they say of reachability."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from linkwatch.core.coverage import Coverage
from linkwatch.core.inventory import ProbeSpec, Target
from linkwatch.flow.clock import Clock
from linkwatch.flow.record import ProbeRecord
from linkwatch.flow.verdicts import Verdicts
from probes.sample import Reason, Sample

BLIND = frozenset({Reason.RESOLVE, Reason.PERMISSION, Reason.PROXY, Reason.ERROR})
"""Why the target got nothing: what failed is a name, a right, a proxy or the probe itself."""


class Intake:
    """Takes one sample at a time; `on_verdict` is called when a target went up or down by it."""

    def __init__(
        self,
        samples: ProbeRecord,
        verdicts: Verdicts,
        coverage: Coverage,
        *,
        clock: Clock,
        on_verdict: Callable[[], None],
    ) -> None:
        self._samples, self._verdicts, self._coverage = samples, verdicts, coverage
        self._clock, self._on_verdict = clock, on_verdict
        self._blind: dict[str, Reason] = {}

    @property
    def blind(self) -> Mapping[str, Reason]:
        """Target id -> why the probe that decides on it did not get as far as the target last time."""
        return self._blind

    def use(self, verdicts: Verdicts, coverage: Coverage) -> None:
        """Tell these from now on."""
        self._verdicts, self._coverage = verdicts, coverage

    def take(self, target: Target, spec: ProbeSpec, sample: Sample) -> None:
        """A sample has just ended."""
        now, now_s = self._clock.utc(), self._clock.monotonic()
        started_s = now_s - sample.duration_s
        decides = self._verdicts.is_decided_by(target.id, spec.name)
        exhausted = sample.reason is Reason.EXHAUSTED
        hidden = exhausted or self._is_hidden(target.id, started_s, decides=decides)
        self._samples.take(target, spec, sample, hidden=hidden, now=now, now_s=now_s)
        if exhausted:
            return  # counted, and nothing more: the target was not asked
        if decides and self._decide(target.id, sample, started_s, now):
            self._on_verdict()

    def _decide(self, target: str, sample: Sample, started_s: float, now: float) -> bool:
        if sample.reason in BLIND:
            self._blind[target] = sample.reason
        else:
            self._blind.pop(target, None)
        blind = target in self._blind
        reached = sample.ok or sample.reason is Reason.AUTH  # who refuses our login is alive
        return self._verdicts.take_sample(target, ok=reached, blind=blind, started_s=started_s, now=now)

    def _is_hidden(self, target: str, started_s: float, *, decides: bool) -> bool:
        """Whether it says nothing of the service: while covered, isolated, or while ping says it is down.

        The outage of a target that only this probe decides on is in its success ratio: nothing else has it.
        """
        position = self._coverage.graph.index[target]
        if self._coverage.excuses(position):
            return True
        began_hidden = self._coverage.hides(np.array([position]), np.array([started_s]))[0]
        return bool(began_hidden) and not (decides and self._verdicts.is_down(target))
