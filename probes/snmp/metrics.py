"""What the SNMP probe measures: its part of the catalogue."""

from __future__ import annotations

from probes.sample import Metric

_OF = ("interface", "alias")

OPER_UP = Metric("linkwatch_interface_oper_up", "Whether the interface carries packets.", labels=_OF)
ADMIN_UP = Metric("linkwatch_interface_admin_up", "Whether the interface is switched on.", labels=_OF)
SPEED = Metric(
    "linkwatch_interface_speed_bytes_per_second",
    "Speed of the interface, bytes per second.",
    labels=_OF,
    unit="bytes_per_second",
)
RECEIVE_BYTES = Metric(
    "linkwatch_interface_receive_bytes_total", "Bytes received.", "counter", _OF, unit="bytes"
)
TRANSMIT_BYTES = Metric(
    "linkwatch_interface_transmit_bytes_total", "Bytes transmitted.", "counter", _OF, unit="bytes"
)
UTILIZATION = Metric(
    "linkwatch_interface_utilization_ratio",
    "Share of the interface's speed in use since the last poll.",
    labels=(*_OF, "direction"),
    unit="ratio",
)
ERRORS = Metric("linkwatch_interface_errors_total", "Packets with errors.", "counter", (*_OF, "direction"))
DISCARDS = Metric(
    "linkwatch_interface_discards_total", "Packets discarded without error.", "counter", (*_OF, "direction")
)
ERRORS_RATIO = Metric(
    "linkwatch_interface_errors_ratio",
    "Share of packets with errors within the window.",
    labels=(*_OF, "direction", "window"),
    unit="ratio",
)
DISCARDS_RATIO = Metric(
    "linkwatch_interface_discards_ratio",
    "Share of packets discarded without error within the window.",
    labels=(*_OF, "direction", "window"),
    unit="ratio",
)
UPTIME = Metric(
    "linkwatch_device_uptime_seconds",
    "How long the device's agent has been running (sysUpTime; starts anew after 497 days).",
    unit="seconds",
)

METRICS = (
    OPER_UP,
    ADMIN_UP,
    SPEED,
    RECEIVE_BYTES,
    TRANSMIT_BYTES,
    UTILIZATION,
    ERRORS,
    DISCARDS,
    ERRORS_RATIO,
    DISCARDS_RATIO,
    UPTIME,
)
