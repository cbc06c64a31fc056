"""When certificates expire: the metric of every probe that meets one."""

from __future__ import annotations

from probes.sample import Metric

CERTIFICATE_EXPIRY = Metric(
    "linkwatch_tls_certificate_expiry_timestamp_seconds",
    "When the first certificate that the connection rests on expires, seconds since the epoch.",
    labels=("probe",),
    unit="seconds",
)
