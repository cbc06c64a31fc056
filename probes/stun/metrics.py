"""What the STUN probe measures: its part of the catalogue."""

from __future__ import annotations

from probes.sample import Metric
from probes.transport import CERTIFICATE_METRICS

_OF = ("probe",)

RTT = Metric(
    "linkwatch_stun_rtt_seconds",
    "Round-trip time of the binding request; absent if it had to be repeated.",
    labels=_OF,
    unit="seconds",
)
REPEATS = Metric(
    "linkwatch_stun_repeats", "How often the last binding request had to be repeated.", labels=_OF
)
ERROR_CODE = Metric(
    "linkwatch_stun_error_code", "Code of the error that the server answered, if it did.", labels=_OF
)
CHANGES = Metric(
    "linkwatch_stun_mapped_address_changes_total",
    "How often the address that the server sees was another one than before.",
    "counter",
    _OF,
)

METRICS = (RTT, REPEATS, ERROR_CODE, CHANGES, *CERTIFICATE_METRICS)
