"""What the SIP probe measures: its part of the catalogue."""

from __future__ import annotations

from probes.sample import Metric
from probes.transport import CERTIFICATE_METRICS

_OF = ("probe",)

RTT = Metric(
    "linkwatch_sip_rtt_seconds",
    "From OPTIONS to its final response; absent if OPTIONS had to be repeated.",
    labels=_OF,
    unit="seconds",
)
REPEATS = Metric("linkwatch_sip_repeats", "How often the last OPTIONS had to be repeated.", labels=_OF)
STATUS_CODE = Metric("linkwatch_sip_status_code", "Status code of the last final response.", labels=_OF)

METRICS = (RTT, REPEATS, STATUS_CODE, *CERTIFICATE_METRICS)
