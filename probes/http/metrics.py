"""What the HTTP probe measures: its part of the catalogue."""

from __future__ import annotations

from probes.certificates import CERTIFICATE_EXPIRY as CERTIFICATE_EXPIRY
from probes.sample import Metric

_OF = ("probe",)

STATUS_CODE = Metric("linkwatch_http_status_code", "Status code of the last answer.", labels=_OF)
PHASE = Metric(
    "linkwatch_http_phase_seconds",
    "How long each phase took, over all redirects: resolve, connect, tls, first_byte, transfer.",
    labels=(*_OF, "phase"),
    unit="seconds",
)
REDIRECTS = Metric("linkwatch_http_redirects", "How many redirects were followed.", labels=_OF)
RESPONSE_BYTES = Metric(
    "linkwatch_http_response_bytes",
    "Size of the body, unpacked, as far as it was read.",
    labels=_OF,
    unit="bytes",
)

METRICS = (STATUS_CODE, PHASE, REDIRECTS, RESPONSE_BYTES, CERTIFICATE_EXPIRY)
