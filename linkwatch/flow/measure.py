"""Step 2: probes run under a deadline and return samples. Nothing here knows a rule."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable
from ipaddress import ip_address
from typing import Protocol

from linkwatch.core.inventory import Inventory, IPAddress, ProbeSpec, Target
from linkwatch.flow.schedule import Schedule
from probes import registry
from probes.sample import Metric, Reason, Sample, Session
from probes.sample import Target as ProbeTarget

log = logging.getLogger(__name__)

GRACE_S = 1.0
"""A probe keeps its own deadline; this much later it is ended from outside."""

FAILURES_TO_FALL = 3
"""So many failures in a row are believed; until then a failed probe is tried again soon."""

CONFIRM_AFTER_S = 2.0

LOOKS_AFTER_FALL = 12
LOOK_AGAIN_S = 5.0
"""What has fallen is followed closely at first: a rule waits for a moment so that a restart pages nobody, and
between two looks at their interval it would not see the end of it."""

ICMP = "icmp"

Key = tuple[str, str]


class OnSample(Protocol):
    """Takes a finished sample."""

    def __call__(self, target: Target, spec: ProbeSpec, sample: Sample) -> None:
        """Record `sample`."""


class Measurer:
    """Runs every probe but ICMP at its time. A probe that still runs when it is due again is skipped, and so
    is one that would be one too many `at_once`.
    """

    def __init__(
        self,
        on_sample: OnSample,
        *,
        at_once: int,
        monotonic: Callable[[], float],
        utc: Callable[[], float],
    ) -> None:
        self.missed = 0
        self._at_once = at_once
        self._on_sample = on_sample
        self._monotonic, self._utc = monotonic, utc
        self._schedule: Schedule[Key] = Schedule()
        self._jobs: dict[Key, tuple[Target, ProbeSpec]] = {}
        self._sessions: dict[Key, Session] = {}
        self._running: dict[Key, asyncio.Task[None]] = {}
        self._failures: Counter[Key] = Counter()
        self._again: set[Key] = set()
        self._changed = asyncio.Event()
        self._failure: BaseException | None = None

    async def replace(self, inventory: Inventory) -> None:
        """Take over an inventory; a probe whose target and settings stay keeps session and rhythm."""
        wanted = {
            (target.id, spec.name): (target, spec)
            for target in inventory.targets.values()
            for spec in target.probes
            if spec.type != ICMP
        }
        for key in [key for key, job in self._jobs.items() if wanted.get(key) != job]:
            self._schedule.remove(key)
            del self._jobs[key]
            await self._close(key)
            del self._failures[key]
            self._again.discard(key)
        for key, (target, spec) in wanted.items():
            if key not in self._jobs:
                probe_target = ProbeTarget(target.id, target.address, inventory.scope.allows)
                self._sessions[key] = registry.open_session(spec.type, probe_target, spec.settings)
                self._schedule.add(key, spec.interval_s, self._monotonic())
        self._jobs = wanted
        self._changed.set()

    def hasten(self, target: Target, kind: str, at: float) -> None:
        """Run the target's probes of this type at `at` (monotonic), unless they are due before.

        One that runs now runs again afterwards: it may have read what has changed since.
        """
        for key in ((target.id, spec.name) for spec in target.probes if spec.type == kind):
            if key in self._running:
                self._again.add(key)
            else:
                self._schedule.hasten(key, at)
        self._changed.set()

    async def run(self) -> None:
        """Start what is due, for ever."""
        try:
            while True:
                self._start_due()
                await self._wait()
        finally:
            for key in list(self._sessions):
                await self._close(key)

    def _start_due(self) -> None:
        for due in self._schedule.due(self._monotonic()):
            self.missed += due.missed
            if due.key in self._running or len(self._running) >= self._at_once:
                self.missed += 1
                continue
            task = asyncio.create_task(self._measure(due.key), name=f"probe {due.key[0]} {due.key[1]}")
            task.add_done_callback(self._note_failure)
            self._running[due.key] = task

    def _note_failure(self, task: asyncio.Task[None]) -> None:
        """A sample that cannot be recorded is our own mistake: `run` raises it, else nobody would know."""
        if not task.cancelled() and task.exception() is not None:
            self._failure = task.exception()
            self._changed.set()

    async def _wait(self) -> None:
        if self._failure is not None:
            raise self._failure
        self._changed.clear()
        next_at = self._schedule.next_at()
        if next_at is None:
            await self._changed.wait()
            return
        pause_s = max(0.0, next_at - self._monotonic())
        alarm = asyncio.get_running_loop().call_later(pause_s, self._changed.set)
        await self._changed.wait()
        alarm.cancel()

    async def _measure(self, key: Key) -> None:
        target, spec = self._jobs[key]
        try:
            sample = await self._probe(key, spec)
            self._confirm(key, sample)
            self._on_sample(target, spec, sample)
        finally:
            del self._running[key]
            if key in self._again:
                self._again.discard(key)
                self._schedule.hasten(key, self._monotonic())
                self._changed.set()

    def _confirm(self, key: Key, sample: Sample) -> None:
        """One failure is a suspicion: try again soon, so that a real one and its end are known in seconds.

        A log-in that was answered waits for its interval: three wrong ones within seconds lock an account.
        """
        failures = self._failures[key] = 0 if sample.ok else self._failures[key] + 1
        may_repeat = sample.is_repeatable and sample.reason is not Reason.AUTH
        if may_repeat and 0 < failures < FAILURES_TO_FALL + LOOKS_AFTER_FALL:
            look_again_s = max(LOOK_AGAIN_S, self._jobs[key][1].interval_s / LOOKS_AFTER_FALL)
            pause_s = CONFIRM_AFTER_S if failures < FAILURES_TO_FALL else look_again_s
            self._schedule.hasten(key, self._monotonic() + pause_s)
            self._changed.set()

    async def _probe(self, key: Key, spec: ProbeSpec) -> Sample:
        started_at, started_s = self._utc(), self._monotonic()
        try:
            async with asyncio.timeout(spec.timeout_s + GRACE_S):
                sample = await self._sessions[key].probe(spec.timeout_s)
            if not isinstance(sample, Sample):  # a probe of others, which no type checker saw
                raise TypeError("a probe returns a Sample")
            return sample
        except TimeoutError:
            reason, detail = Reason.TIMEOUT, "the probe did not keep its deadline"
        except Exception as error:  # a broken probe must never stop another
            reason, detail = Reason.ERROR, type(error).__name__
        return Sample(started_at, self._monotonic() - started_s, False, reason, detail)

    async def _close(self, key: Key) -> None:
        task = self._running.get(key)
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        try:
            await self._sessions.pop(key).close()
        except Exception as error:  # one that cannot let go must not keep the others from it
            log.warning("probe %s of %s did not close: %s", key[1], key[0], type(error).__name__)


def probe_metrics() -> tuple[Metric, ...]:
    """What all probes say of their metrics."""
    return registry.metrics()


def icmp_spec(target: Target) -> ProbeSpec | None:
    """The ICMP probe that says whether the target is up: its first, if it has any."""
    return next((spec for spec in target.probes if spec.type == ICMP), None)


def literal_address(target: Target) -> IPAddress | None:
    """The target's address if it is written as one, without a look-up."""
    host = host_of(target.address)
    try:
        return ip_address(host)
    except ValueError:
        return None


def host_of(address: str) -> str:
    """The host in `host`, `host:port`, `[v6]:port` or a URL."""
    rest = address.split("://", 1)[-1].split("/", 1)[0].rsplit("@", 1)[-1]
    if rest.startswith("["):
        return rest[1:].split("]", 1)[0]
    return rest.split(":", 1)[0] if rest.count(":") == 1 else rest
