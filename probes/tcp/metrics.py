"""What the TCP probe measures: its part of the catalogue."""

from __future__ import annotations

from probes.sample import Metric

PHASE = Metric(
    "linkwatch_tcp_phase_seconds",
    "How long each phase took: resolve, connect, starttls, tls, dialogue.",
    labels=("probe", "phase"),
    unit="seconds",
)

METRICS = (PHASE,)
