"""What the path probe measures: its part of the catalogue."""

from __future__ import annotations

from probes.sample import Metric

_OF = ("probe",)

HOPS = Metric(
    "linkwatch_path_hops", "How many hops away the target is; absent if it was not reached.", labels=_OF
)
HOP_RTT = Metric(
    "linkwatch_path_hop_rtt_seconds",
    "Shortest round trip to each hop that answered (routers answer when they have time).",
    labels=(*_OF, "hop"),
    unit="seconds",
)
MTU = Metric(
    "linkwatch_path_mtu_bytes",
    "Largest packet that reaches the target without being fragmented.",
    labels=_OF,
    unit="bytes",
)
CHANGED = Metric(
    "linkwatch_path_changed", "Whether the last trace took another way than the one before.", labels=_OF
)
CHANGES = Metric(
    "linkwatch_path_changes_total",
    "How often a trace took another way than the one before.",
    type="counter",
    labels=_OF,
)

METRICS = (HOPS, HOP_RTT, MTU, CHANGED, CHANGES)
