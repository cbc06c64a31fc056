"""STUN (RFC 8489): whether a server answers binding requests over UDP, TCP or TLS, and what it sees us as."""

from probes.stun.metrics import METRICS
from probes.stun.settings import Settings

__all__ = ["DEFAULT_INTERVAL_S", "METRICS", "Settings"]

DEFAULT_INTERVAL_S = 30.0
