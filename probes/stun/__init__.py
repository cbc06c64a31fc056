"""STUN (RFC 8489): whether a server answers binding requests over UDP, TCP or TLS, and what it sees us as."""

from probes.sample import Target
from probes.stun.binding import METRICS, BindingSession, probe
from probes.stun.settings import Settings

__all__ = ["DEFAULT_INTERVAL_S", "METRICS", "Settings", "open_session", "probe"]

DEFAULT_INTERVAL_S = 30.0


def open_session(target: Target, settings: Settings) -> BindingSession:
    """A session that counts how often the mapped address changed."""
    return BindingSession(target, settings)
