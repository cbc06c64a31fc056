"""The probe of kind `icmp`: a few echoes to one host, as one sample."""

from __future__ import annotations

import asyncio
import errno
import socket
import time
from dataclasses import dataclass
from ipaddress import ip_address

from probes.icmp.burst import Burst, HostResult
from probes.icmp.engine import NO_ROUTE
from probes.icmp.targets import PingTarget
from probes.sample import IPAddress, Metric, Reason, Sample, Target

METRICS: tuple[Metric, ...] = ()
"""The engine's metrics belong to the catalogue of the service."""

DEFAULT_INTERVAL_S = 1.0

_POLL_S = 0.02


@dataclass(frozen=True, slots=True)
class Settings:
    """How a host is pinged.

    `count`: echo requests of a one-shot probe (the service pings for ever); `size`: bytes of payload;
    `interval_s`: between two requests; `timeout_s`: after which a reply is lost.
    """

    count: int = 3
    size: int = 56
    interval_s: float = 1.0
    timeout_s: float = 3.0

    def __post_init__(self) -> None:
        if self.count < 1:
            raise ValueError(f"count is {self.count}; it must be 1 or more")
        PingTarget("", ip_address("127.0.0.1"), self.interval_s, self.size, self.timeout_s)


class _ProbeError(Exception):
    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


async def probe(target: Target, settings: Settings, deadline_s: float) -> Sample:
    """Ping `target.host` a few times. The sample is ok if any reply came; `facts` tell the figures."""
    at, started = time.time(), time.monotonic()
    try:
        async with asyncio.timeout(deadline_s):
            address = await _resolve(target)
            result, code = await _ping(address, settings, started + deadline_s)
    except TimeoutError:
        return _failed(at, started, Reason.TIMEOUT, f"no answer within {deadline_s:g} s")
    except _ProbeError as failure:
        return _failed(at, started, failure.reason, str(failure))
    except PermissionError as error:
        return _failed(at, started, Reason.PERMISSION, str(error))
    except OSError as error:
        return _failed(at, started, Reason.ERROR, error.strerror or type(error).__name__)
    return _sample(at, started, result, code)


async def _resolve(target: Target) -> IPAddress:
    """The first address of the host that is in scope."""
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(target.host, None, type=socket.SOCK_RAW)
    except (OSError, UnicodeError) as error:
        detail = getattr(error, "strerror", None) or "not a valid name"
        raise _ProbeError(Reason.RESOLVE, f"{target.host}: {detail}") from None
    addresses = [ip_address(entry[4][0]) for entry in found]
    for address in addresses:
        if target.allows(address):
            return address
    raise _ProbeError(Reason.PERMISSION, f"{addresses[0]} lies outside the scope; nothing was sent")


async def _ping(address: IPAddress, settings: Settings, deadline: float) -> tuple[HostResult, int]:
    """Ping until every request has ended, or just before the (monotonic) deadline with what is known then;
    also errno if the last request could not be sent."""
    key = str(address)
    target = PingTarget(key, address, settings.interval_s, settings.size, settings.timeout_s)
    with Burst([target], settings.count) as burst:
        while time.monotonic() < deadline - 3 * _POLL_S:
            await asyncio.sleep(_POLL_S)
            if burst.collect():
                break
        return burst.result(key), burst.send_error(key)


def _failed(at: float, started: float, reason: Reason, detail: str) -> Sample:
    return Sample(at, time.monotonic() - started, ok=False, reason=reason, detail=detail)


def _sample(at: float, started: float, result: HostResult, send_error: int) -> Sample:
    known = {name: value for name, value in result.items() if value is not None and name != "target"}
    facts = {name: f"{value:g}" if isinstance(value, float) else str(value) for name, value in known.items()}
    duration_s = time.monotonic() - started
    if result["received"]:
        return Sample(at, duration_s, ok=True, facts=facts)
    detail = result.get("error", f"{result['sent']} sent, no reply")
    reason = (
        _reason(send_error) if send_error else Reason.UNREACHABLE if "error" in result else Reason.TIMEOUT
    )
    return Sample(at, duration_s, ok=False, reason=reason, detail=detail, facts=facts)


def _reason(send_error: int) -> Reason:
    """Why this machine did not send: no way there, forbidden (a firewall of its own), or something else."""
    if send_error in NO_ROUTE:
        return Reason.UNREACHABLE
    return Reason.PERMISSION if send_error in (errno.EPERM, errno.EACCES) else Reason.ERROR
