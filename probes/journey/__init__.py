"""A visit in several steps, such as log-in and payment: each step may use what the ones before it got."""

from probes.journey.metrics import METRICS
from probes.journey.settings import Settings, Step

__all__ = ["DEFAULT_INTERVAL_S", "METRICS", "Settings", "Step"]

DEFAULT_INTERVAL_S = 60.0
