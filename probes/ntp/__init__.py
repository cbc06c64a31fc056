"""NTP: whether a time server is synchronised, and how far its clock is from this machine's.

An offset is no failure of the probe: whose clock is wrong, one server alone cannot tell. Rules judge it.
"""

from probes.ntp.metrics import METRICS
from probes.ntp.sampling import TimeSession, probe
from probes.ntp.settings import Settings
from probes.sample import Target

__all__ = ["DEFAULT_INTERVAL_S", "METRICS", "Settings", "open_session", "probe"]

DEFAULT_INTERVAL_S = 64.0
"""The shortest interval at which a client may ask public servers (minpoll 6)."""


def open_session(target: Target, settings: Settings) -> TimeSession:
    """A session that leaves a server alone for a while when it asks for that."""
    return TimeSession(target, settings)
