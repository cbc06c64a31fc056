"""What the Jitsi probe measures: its part of the catalogue."""

from __future__ import annotations

from probes.certificates import CERTIFICATE_EXPIRY as CERTIFICATE_EXPIRY
from probes.jitsi.inside.metrics import INSIDE_METRICS
from probes.sample import Metric

_OF = ("probe",)

PART_UP = Metric(
    "linkwatch_jitsi_part_up",
    "Whether a part of the platform works: web, signalling, log-in, focus, bridge, turn, media, recording; "
    "absent = it was not asked, or did not tell.",
    labels=(*_OF, "part"),
)
PART_FAILURES = Metric(
    "linkwatch_jitsi_part_consecutive_failures",
    "Looks in a row that found the part broken; 0 = the last one found it working; absent = not asked, "
    "or it did not tell.",
    labels=(*_OF, "part"),
)
PHASE = Metric(
    "linkwatch_jitsi_phase_seconds",
    "How long each phase took: page, config, bosh, websocket, log_in, focus, turn.",
    labels=(*_OF, "phase"),
    unit="seconds",
)
IN_MAINTENANCE = Metric(
    "linkwatch_jitsi_in_maintenance",
    "Whether a part of the platform drains or shuts down on purpose; absent = nothing tells.",
    labels=_OF,
)
SEATS_WANTED = Metric(
    "linkwatch_jitsi_seats_wanted", "How many more participants must fit, as the inventory says.", labels=_OF
)

METRICS = (PART_UP, PART_FAILURES, PHASE, IN_MAINTENANCE, SEATS_WANTED, CERTIFICATE_EXPIRY, *INSIDE_METRICS)
