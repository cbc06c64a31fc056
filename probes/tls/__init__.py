"""TLS: handshake, chain and name of the certificate, when each certificate expires; also behind STARTTLS."""

from probes.tls.metrics import METRICS
from probes.tls.settings import Settings

__all__ = ["DEFAULT_INTERVAL_S", "METRICS", "Settings"]

DEFAULT_INTERVAL_S = 60.0
