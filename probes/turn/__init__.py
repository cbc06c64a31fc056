"""TURN (RFC 8656): whether a server lets a user allocate a relayed address, over UDP, TCP or TLS."""

from probes.turn.metrics import METRICS
from probes.turn.settings import Settings

__all__ = ["DEFAULT_INTERVAL_S", "METRICS", "Settings"]

DEFAULT_INTERVAL_S = 60.0
