"""One trace as a sample, and what changed since the one before."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from probes.attempt import Attempt, run_attempt
from probes.failure import ProbeError
from probes.path import metrics
from probes.path.hops import Trace, changes
from probes.path.mtu import PathMtu, find_mtu
from probes.path.settings import Settings
from probes.path.sockets import TracePermissionError
from probes.path.tracer import Tracer
from probes.resolve import resolve, split_host_port
from probes.sample import IPAddress, Reason, Sample, Target

_MARGIN_S = 0.2
"""What a trace ends earlier than the deadline, so that what it has found is told."""

_shared: list[Tracer] = []


def share_tracer(tracer: Tracer | None) -> None:
    """Let all probes of this process use `tracer`, which its owner closes; None: each opens its own again."""
    _shared[:] = [tracer] if tracer else []


class PathSession:
    """Remembers the last path of one target."""

    def __init__(self, target: Target, settings: Settings) -> None:
        self._target, self._settings = target, settings
        self._last: Trace | None = None
        self._changes = 0

    async def probe(self, deadline_s: float) -> Sample:
        """Trace once."""

        async def steps(attempt: Attempt) -> None:
            await self._measure(attempt, deadline_s)

        return await run_attempt(steps, deadline_s)

    async def close(self) -> None:
        """Nothing is held open between two traces."""

    async def _measure(self, attempt: Attempt, deadline_s: float) -> None:
        attempt.step = "looking up the name"
        address = await address_of(self._target, self._settings.ip)
        attempt.step, within_s = "the trace", max(deadline_s - _MARGIN_S, deadline_s / 2)
        with _tracer() as tracer:
            trace, mtu = await measure(tracer, address, self._settings, within_s)
        _tell(attempt, trace, mtu)
        self._compare(attempt, trace)
        if not trace.reached:
            raise _failure(trace)

    def _compare(self, attempt: Attempt, trace: Trace) -> None:
        """A path that ends too early is an outage, no other path."""
        if trace.reached:
            changed = changes(self._last, trace) if self._last else ()
            self._changes += bool(changed)
            if changed:
                attempt.facts["changed"] = "; ".join(changed)
            if self._last:
                attempt.measured(metrics.CHANGED, float(bool(changed)))
                trace = trace.filled_from(self._last)
            self._last = trace
            attempt.facts["fingerprint"] = trace.fingerprint
        attempt.measured(metrics.CHANGES, float(self._changes))


async def probe(target: Target, settings: Settings, deadline_s: float) -> Sample:
    """Trace once; returns within `deadline_s`, raises nothing. Fails unless the target itself answers."""
    return await PathSession(target, settings).probe(deadline_s)


async def measure(
    tracer: Tracer, address: IPAddress, settings: Settings, within_s: float
) -> tuple[Trace, PathMtu | None]:
    """The path, and if wanted its MTU, side by side. Raises OSError where this machine cannot send there."""
    tracing = tracer.trace(address, settings.route, within_s)
    if not settings.mtu:
        return await tracing, None
    trace, mtu = await asyncio.gather(tracing, find_mtu(tracer, address, settings.route, within_s))
    return trace, mtu


async def address_of(target: Target, ip: str) -> IPAddress:
    """The address to trace to, of the family `ip`. Raises ResolveError, which is a ProbeError."""
    host = split_host_port(target.host, 0)[0]
    for address in await resolve(target, host):
        if ip in ("any", str(address.version)):
            return address
    raise ProbeError(Reason.RESOLVE, f"{host}: no IPv{ip} address")


def _tell(attempt: Attempt, trace: Trace, mtu: PathMtu | None) -> None:
    attempt.facts["address"] = str(trace.destination)
    attempt.facts["path"] = str(trace)
    for number, hop in enumerate(trace.hops, start=1):
        if hop.best_s is not None:
            attempt.values[metrics.HOP_RTT.name, (("hop", str(number)),)] = hop.best_s
    if trace.reached:
        attempt.measured(metrics.HOPS, float(len(trace.hops)))
    if mtu is not None:
        attempt.measured(metrics.MTU, float(mtu.size))
        attempt.facts["mtu"] = explain_mtu(mtu)


def explain_mtu(mtu: PathMtu) -> str:
    """Why the path MTU is what it is, for people."""
    if mtu.silent:
        return f"packets of more than {mtu.size} bytes vanish without a word"
    if mtu.reporter is not None:
        return f"{mtu.reporter} passes on {mtu.size} bytes"
    return f"the interface of this machine takes {mtu.size} bytes"


def explain_end(trace: Trace) -> str:
    """Where the path ends, and why, if it does not reach its destination."""
    if not trace.hops:
        return "no hop answered"
    last, number = trace.hops[-1], len(trace.hops)
    if trace.refusal:
        return f"{last} at hop {number} says: {trace.refusal}"
    return f"no answer beyond {last} at hop {number}"


def _failure(trace: Trace) -> ProbeError:
    return ProbeError(Reason.UNREACHABLE if trace.refusal else Reason.TIMEOUT, explain_end(trace))


@contextmanager
def _tracer() -> Iterator[Tracer]:
    """The shared one, or one for this run. Raises ProbeError where raw sockets are not allowed."""
    if _shared:
        yield _shared[0]
        return
    try:
        own = Tracer()
    except TracePermissionError as refusal:
        raise ProbeError(Reason.PERMISSION, str(refusal)) from None
    try:
        yield own
    finally:
        own.close()
