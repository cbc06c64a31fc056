"""What to use instead of a function over a range: every counter that rules need has a windowed gauge."""

from __future__ import annotations

from collections.abc import Mapping

from linkwatch.core.catalog import OWN_METRICS

_WINDOWED: Mapping[str, str] = {
    "linkwatch_icmp_sent_total": "linkwatch_icmp_loss_ratio",
    "linkwatch_icmp_received_total": "linkwatch_icmp_loss_ratio",
    "linkwatch_icmp_consecutive_losses": "linkwatch_icmp_loss_ratio",
    "linkwatch_up": "linkwatch_up_changes",
    "linkwatch_probe_success": "linkwatch_probe_success_ratio",
    "linkwatch_probe_failures_total": "linkwatch_probe_success_ratio",
    "linkwatch_interface_receive_errors_total": "linkwatch_interface_errors_ratio",
    "linkwatch_interface_transmit_errors_total": "linkwatch_interface_errors_ratio",
    "linkwatch_interface_errors_total": "linkwatch_interface_errors_ratio",
    "linkwatch_interface_receive_discards_total": "linkwatch_interface_discards_ratio",
    "linkwatch_interface_transmit_discards_total": "linkwatch_interface_discards_ratio",
    "linkwatch_interface_discards_total": "linkwatch_interface_discards_ratio",
}

_NOT_WINDOWED: Mapping[str, str] = {
    "linkwatch_interface_receive_bytes_total": 'linkwatch_interface_utilization_ratio{direction="receive"}',
    "linkwatch_interface_transmit_bytes_total": 'linkwatch_interface_utilization_ratio{direction="transmit"}',
}

_HAVE_WINDOW = frozenset(metric.name for metric in OWN_METRICS if "window" in metric.labels)


def instead_of_range(metric: str | None) -> str:
    """A sentence that names the metric to use instead of a range over `metric`."""
    name = metric or ""
    if name in _NOT_WINDOWED:
        return f"use {_NOT_WINDOWED[name]}"
    windowed = _WINDOWED.get(name) or _same_name_with_window(name)
    if windowed:
        return f"use {windowed}{{window=...}}"
    return "use a metric with a `window` label, such as linkwatch_icmp_loss_ratio{window=...}"


def _same_name_with_window(metric: str) -> str | None:
    return next((name for name in (metric, metric.removesuffix("_total")) if name in _HAVE_WINDOW), None)
