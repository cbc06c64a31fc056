"""TCP: whether something listens, and whether it answers as it should; in plain text, TLS or STARTTLS."""

from probes.tcp.metrics import METRICS
from probes.tcp.settings import Settings

__all__ = ["DEFAULT_INTERVAL_S", "METRICS", "Settings"]

DEFAULT_INTERVAL_S = 30.0
