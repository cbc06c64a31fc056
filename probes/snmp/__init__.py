"""SNMP v1, v2c and v3: interfaces with their traffic, errors and state; by the vendor's profile processors,
memory, temperatures, optical power, fans, power supplies, UPS and BGP peers.
"""

from probes.sample import Sample, Target
from probes.snmp.inspection import inspect
from probes.snmp.metrics import METRICS
from probes.snmp.poller import DeviceSession
from probes.snmp.settings import Settings

__all__ = ["DEFAULT_INTERVAL_S", "METRICS", "Settings", "inspect", "open_session", "probe"]

DEFAULT_INTERVAL_S = 30.0
"""A 32-bit counter at 1 Gbit/s wraps after 34 s: slower polling could not tell how often it did."""


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
