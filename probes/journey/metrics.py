"""What a journey measures: its part of the catalogue."""

from __future__ import annotations

from probes.certificates import CERTIFICATE_EXPIRY as CERTIFICATE_EXPIRY
from probes.sample import Metric

_OF = ("probe", "step")

STEP_SUCCESS = Metric(
    "linkwatch_journey_step_success",
    "Whether the step succeeded; absent = it was not reached.",
    labels=_OF,
)
STEP_DURATION = Metric(
    "linkwatch_journey_step_duration_seconds",
    "How long the step took, with its redirects.",
    labels=_OF,
    unit="seconds",
)

METRICS = (STEP_SUCCESS, STEP_DURATION, CERTIFICATE_EXPIRY)
