"""The probe of kind `icmp`: a few echoes to one host, as one sample."""

from __future__ import annotations

import asyncio
import time

from probes.failure import ProbeError, reason_of_errno
from probes.icmp.burst import Burst, HostResult
from probes.icmp.settings import Settings
from probes.icmp.targets import PingTarget
from probes.resolve import ResolveError, resolve
from probes.sample import IPAddress, Metric, Reason, Sample, Target

_PROBE, _WINDOW = ("probe",), ("probe", "window")

METRICS = (
    Metric("linkwatch_ping_sent_total", "Pings that a further icmp probe sent.", "counter", _PROBE),
    Metric("linkwatch_ping_received_total", "Pings of it answered in time.", "counter", _PROBE),
    Metric("linkwatch_ping_too_big_total", "Pings of it that did not fit on the way.", "counter", _PROBE),
    Metric("linkwatch_ping_loss_ratio", "Share of its pings without reply.", labels=_WINDOW, unit="ratio"),
    Metric("linkwatch_ping_rtt_seconds", "Its round-trip time.", labels=(*_WINDOW, "stat"), unit="seconds"),
    Metric(
        "linkwatch_ping_jitter_seconds",
        "Mean difference of its successive round-trip times.",
        labels=_WINDOW,
        unit="seconds",
    ),
    Metric("linkwatch_ping_reply_ttl", "TTL of the last reply to it.", labels=_PROBE),
    Metric("linkwatch_ping_reply_ttl_changes_total", "How often that TTL changed.", "counter", _PROBE),
)
"""Of a target's further icmp probes. What its first one measures stands in the catalogue of the service."""

DEFAULT_INTERVAL_S = 1.0

_POLL_S = 0.02


Ended = list[tuple[HostResult, int]]
"""By size: the figures, and errno of what kept the last ping from saying anything, else 0."""


async def probe(target: Target, settings: Settings, deadline_s: float) -> Sample:
    """Ping `target.host` a few times. The sample is ok if any reply came; `facts` tell the figures."""
    at, started = time.time(), time.monotonic()
    try:
        async with asyncio.timeout(deadline_s):
            address = await _address(target, settings)
            ended = await _ping(address, settings, started + deadline_s)
    except TimeoutError:
        return _failed(at, started, Reason.TIMEOUT, f"no answer within {deadline_s:g} s")
    except ProbeError as failure:
        return _failed(at, started, failure.reason, failure.detail)
    except PermissionError as error:
        return _failed(at, started, Reason.PERMISSION, str(error))
    except OSError as error:
        return _failed(at, started, Reason.ERROR, error.strerror or type(error).__name__)
    return _sample(at, started, ended)


async def _address(target: Target, settings: Settings) -> IPAddress:
    """The first address of the host that is in scope and of the family that is asked for."""
    given = await resolve(target, target.host)
    fit = [address for address in given if settings.takes(address)]
    if not fit:
        raise ResolveError(Reason.RESOLVE, f"{target.host}: no IPv{settings.version} address")
    return fit[0]


async def _ping(address: IPAddress, settings: Settings, deadline: float) -> Ended:
    """Ping until every request has ended, or just before the (monotonic) deadline with what is known then."""
    sizes = settings.sizes or (settings.size,)
    targets = [
        PingTarget(
            f"{size} bytes",
            address,
            settings.interval_s * len(sizes),
            size,
            settings.timeout_s,
            egress=settings.egress,
        )
        for size in sizes
    ]
    with Burst(targets, settings.count) as burst:
        while time.monotonic() < deadline - 3 * _POLL_S:
            await asyncio.sleep(_POLL_S)
            if burst.collect():
                break
        return [(burst.result(target.key), burst.trouble(target.key)) for target in targets]


def _failed(at: float, started: float, reason: Reason, detail: str) -> Sample:
    return Sample(at, time.monotonic() - started, ok=False, reason=reason, detail=detail)


def _sample(at: float, started: float, ended: Ended) -> Sample:
    """Every size must get through; of several the facts are named by size."""
    facts: dict[str, str] = {}
    for result, _ in ended:
        prefix = f"{result['target']}: " if len(ended) > 1 else ""
        facts |= {prefix + name: text for name, text in _facts(result).items()}
    bad = [(result, trouble) for result, trouble in ended if not result["received"]]
    duration_s = time.monotonic() - started
    if not bad:
        return Sample(at, duration_s, ok=True, facts=facts)
    result, trouble = bad[0]
    detail = result.get("error", f"{result['sent']} sent, no reply")
    if len(ended) > 1:
        detail = f"{result['target']}: {detail}"
    return Sample(at, duration_s, ok=False, reason=_reason(result, trouble), detail=detail, facts=facts)


def _facts(result: HostResult) -> dict[str, str]:
    known = {name: value for name, value in result.items() if value is not None and name != "target"}
    return {name: f"{value:g}" if isinstance(value, float) else str(value) for name, value in known.items()}


def _reason(result: HostResult, trouble: int) -> Reason:
    if trouble:
        return reason_of_errno(trouble)
    return Reason.UNREACHABLE if "error" in result else Reason.TIMEOUT
