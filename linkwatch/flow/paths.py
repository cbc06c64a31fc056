"""The last good path of every target, and where it ends now that the target is in doubt.

Good paths are taken one after another, all day long, at a gentle rate. A target that is suspected or down is
traced at once: before the first page goes out it is known after which router the way ends. A target behind
others that are in doubt is not traced: its upstream is, once for all that lie behind it. Everything comes out
of one budget, of which good paths leave half to those in doubt.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import islice
from typing import Protocol

from linkwatch.core.blame import PathEnd
from linkwatch.core.inventory import Inventory, IPAddress
from probes.path import Route, Trace, TracePermissionError, Tracer, changes, share_tracer

log = logging.getLogger(__name__)

LOOK_EVERY_S = 0.2
TRACES_PER_S = 2.0
BURST = 10.0
"""The budget: so many traces at once, then so many a second. A trace sends one packet to each hop, so that no
router ever answers more often than this."""
RESERVE = 5.0
"""What good paths leave of the burst."""
GENTLE_S = 900.0
"""How often the good path of a target is taken, if there are few enough."""
GENTLE_PAUSE_S = 1.0
AGAIN_S = 60.0
"""A target that flaps is traced no more often."""
DEADLINE_S = 3.0
SPARE_HOPS = 3
"""How far beyond the known end is looked: the less, the fewer packets reach the target itself."""
_ROUTE = Route(queries=1)


@dataclass(frozen=True, slots=True)
class View:
    """What is watched now. `doubtful`: ids of targets that are down or suspected."""

    inventory: Inventory
    addresses: Mapping[str, IPAddress]
    doubtful: frozenset[str]


class OnEnd(Protocol):
    """Hears where the path to a target ends, or None once it reaches the target again."""

    def __call__(self, target: str, end: PathEnd | None) -> None:
        """Take note."""


class OnChange(Protocol):
    """Hears that the way to a target is another one than before."""

    async def __call__(self, target: str, changed: tuple[str, ...]) -> None:
        """Take note; `changed`: one line for each hop."""


class Turns:
    """Whose turn it is to be traced. Pure; times are monotonic seconds."""

    def __init__(self, now_s: float) -> None:
        self._budget, self._filled_s = BURST, now_s
        self._waiting: dict[str, None] = {}
        self._worth_it: frozenset[str] = frozenset()
        self._traced_s: dict[str, float] = {}
        self._round: list[str] = []
        self._rounds = 0
        self._gentle_s = now_s

    def take(self, view: View, now_s: float) -> list[str]:
        """The targets to trace now, paid for."""
        self._budget = min(BURST, self._budget + (now_s - self._filled_s) * TRACES_PER_S)
        self._filled_s = now_s
        self._watch(view, now_s)
        rested = (target for target in self._waiting if target not in self._traced_s)
        chosen = list(islice(rested, int(self._budget)))
        for target in chosen:
            del self._waiting[target]
            self._traced_s[target] = now_s
        if not chosen and self._budget >= RESERVE + 1.0:
            good = self._next_good(view, now_s)
            chosen = [good] if good else []
        self._budget -= len(chosen)
        return chosen

    def _watch(self, view: View, now_s: float) -> None:
        """Who comes into doubt, or is left in it when its upstream is well again, waits for a trace."""
        worth_it = frozenset(target for target in view.doubtful if self._is_worth_it(target, view))
        fresh, self._worth_it = worth_it - self._worth_it, worth_it
        self._traced_s = {t: at_s for t, at_s in self._traced_s.items() if now_s - at_s < AGAIN_S}
        self._waiting = {target: None for target in self._waiting if target in worth_it}
        if fresh:
            self._waiting = dict.fromkeys(_by_weight((*self._waiting, *sorted(fresh)), view.inventory))

    @staticmethod
    def _is_worth_it(target: str, view: View) -> bool:
        known = view.inventory.targets.get(target)
        if known is None or target not in view.addresses:
            return False
        return not known.via or not view.doubtful.issuperset(known.via)

    def _next_good(self, view: View, now_s: float) -> str | None:
        """The next target that is well: the first round quickly, then each once in GENTLE_S."""
        if now_s < self._gentle_s:
            return None
        if not self._round:
            self._rounds += 1
            self._round = list(view.addresses)
        spread_s = 0.0 if self._rounds == 1 else GENTLE_S / max(len(view.addresses), 1)
        self._gentle_s = now_s + max(GENTLE_PAUSE_S, spread_s)
        while self._round:
            target = self._round.pop()
            if target in view.addresses and target not in view.doubtful:
                return target
        return None


def _by_weight(targets: Iterable[str], inventory: Inventory) -> list[str]:
    """Upstreams, then what the emergency needs, then the rest, each in the order in which they come."""
    known = inventory.targets
    upstreams = {via for target in known.values() for via in target.via}
    return sorted(targets, key=lambda target: (target not in upstreams, not known[target].emergency))


class Paths:
    """Traces whose turn it is. `on_end` hears where the way to a target in doubt ends, `on_change` when the
    way of one that answers has changed."""

    def __init__(self, on_end: OnEnd, on_change: OnChange, *, monotonic: Callable[[], float]) -> None:
        self._on_end, self._on_change, self._monotonic = on_end, on_change, monotonic
        self._turns = Turns(monotonic())
        self._good: dict[str, Trace] = {}
        self._doubtful: frozenset[str] = frozenset()

    async def run(self, tracer: Tracer | None, look: Callable[[], View]) -> None:
        """Trace, for ever; without a tracer, never."""
        if tracer is None:
            return
        async with asyncio.TaskGroup() as running:
            while True:
                view = look()
                self._clear(view)
                for target in self._turns.take(view, self._monotonic()):
                    running.create_task(self._trace(tracer, target, view), name=f"trace {target}")
                await asyncio.sleep(LOOK_EVERY_S)

    def _clear(self, view: View) -> None:
        """Who is in doubt no more has no path that ends, and who is gone no good one."""
        for target in self._doubtful - view.doubtful:
            self._on_end(target, None)
        self._doubtful = view.doubtful
        for target in self._good.keys() - view.addresses.keys():
            del self._good[target]

    async def _trace(self, tracer: Tracer, target: str, view: View) -> None:
        good, address = self._good.get(target), view.addresses[target]
        if not view.inventory.scope.allows(address):
            return
        if good and good.destination != address:
            good = None
        hops = len(good.hops) + SPARE_HOPS if good else _ROUTE.max_hops
        try:
            trace = await tracer.trace(address, replace(_ROUTE, max_hops=hops), DEADLINE_S)
        except OSError:
            return  # this machine cannot send there now: no word on anybody's network
        except Exception as error:  # evidence is an extra: for want of it nothing else may stop
            log.warning("the path to %s was not traced: %s", target, type(error).__name__)
            return
        if trace.reached:
            await self._keep(target, good, trace)
        elif target in self._doubtful:
            self._on_end(target, end_of(trace, good))

    async def _keep(self, target: str, before: Trace | None, trace: Trace) -> None:
        self._good[target] = trace.filled_from(before) if before else trace
        if before and (changed := changes(before, trace)):
            await self._on_change(target, changed)


@contextmanager
def shared_tracer() -> Iterator[Tracer | None]:
    """A tracer for this module and the probes, where this process may have one; to be opened before it gives
    up its rights."""
    try:
        tracer = Tracer()
    except TracePermissionError as refusal:
        log.warning("paths are not traced: %s", refusal)
        yield None
        return
    share_tracer(tracer)
    try:
        yield tracer
    finally:
        share_tracer(None)
        tracer.close()


def end_of(trace: Trace, good: Trace | None) -> PathEnd:
    """After which router a path ends, and where the good one went on from there."""
    number = len(trace.hops)
    last = str(trace.hops[-1]) if trace.hops else ""
    beyond = good.hops[number] if good and number < len(good.hops) else None
    return PathEnd(last, number, str(beyond) if beyond and beyond.addresses else "")
