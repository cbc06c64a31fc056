"""One device: polled again and again, once, or shown whole."""

from __future__ import annotations

from probes.sample import Sample, Target
from probes.snmp.inspection import inspect
from probes.snmp.poller import DeviceSession
from probes.snmp.settings import Settings

__all__ = ["inspect", "open_session", "probe"]


def open_session(target: Target, settings: Settings) -> DeviceSession:
    """A session that keeps interfaces and counters between polls, so that it can give rates."""
    return DeviceSession(target, settings)


async def probe(target: Target, settings: Settings, deadline_s: float) -> Sample:
    """Poll once: states, speeds and totals; rates need a session."""
    session = open_session(target, settings)
    try:
        return await session.probe(deadline_s)
    finally:
        await session.close()
