"""HTTP and HTTPS: what comes back, how long each phase took, when the certificate expires."""

from probes.http.metrics import METRICS
from probes.http.settings import Settings

__all__ = ["DEFAULT_INTERVAL_S", "METRICS", "Settings"]

DEFAULT_INTERVAL_S = 30.0
