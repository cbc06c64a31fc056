"""What the NTP probe measures: its part of the catalogue."""

from __future__ import annotations

from probes.sample import Metric

_OF = ("probe",)

OFFSET = Metric(
    "linkwatch_ntp_offset_seconds",
    "How far the server's clock is ahead of this machine's; absent while the server is not synchronised.",
    labels=_OF,
    unit="seconds",
)
DELAY = Metric(
    "linkwatch_ntp_delay_seconds",
    "Round-trip time without the server's own; the offset is wrong by half of it at most.",
    labels=_OF,
    unit="seconds",
)
STRATUM = Metric(
    "linkwatch_ntp_stratum", "Steps from the server to a reference clock; 0 = it has none.", labels=_OF
)
LEAP = Metric(
    "linkwatch_ntp_leap_indicator",
    "What the server says of leap seconds: 0 none, 1 one more, 2 one less, 3 it is not synchronised.",
    labels=_OF,
)
ROOT_DISTANCE = Metric(
    "linkwatch_ntp_root_distance_seconds",
    "By how much the server's time may be wrong, by its own account.",
    labels=_OF,
    unit="seconds",
)

METRICS = (OFFSET, DELAY, STRATUM, LEAP, ROOT_DISTANCE)
