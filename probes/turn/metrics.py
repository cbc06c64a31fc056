"""What the TURN probe measures: its part of the catalogue."""

from __future__ import annotations

from probes.sample import Metric
from probes.transport import CERTIFICATE_METRICS

_OF = ("probe",)

ALLOCATION = Metric(
    "linkwatch_turn_allocation_seconds",
    "From the first request to the relayed address, the connection not counted.",
    labels=_OF,
    unit="seconds",
)
ERROR_CODE = Metric(
    "linkwatch_turn_error_code",
    "Code of the error that ended it, if one did: 401 and 403 refuse, 486 and 508 are quotas.",
    labels=_OF,
)

METRICS = (ALLOCATION, ERROR_CODE, *CERTIFICATE_METRICS)
