"""Every metric: name, help, type, labels, unit. Rules, /metrics, API and boards are checked against it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Literal, NamedTuple, Protocol

TARGET_LABELS = ("target", "site", "kind", "owner", "emergency")
"""The labels that every series of a target carries."""

WINDOWS_S = {"10s": 10.0, "1m": 60.0, "5m": 300.0}
"""Windows over samples, in seconds."""

ROLLUPS_S = {"15m": 900.0, "1h": 3600.0}
"""Windows over minute roll-ups, in seconds: ratios and counts only."""


class Metric(NamedTuple):
    """One metric; `labels` are all of its labels, in the order in which they are shown."""

    name: str
    help: str
    type: Literal["gauge", "counter"]
    labels: tuple[str, ...]
    unit: str = ""


class ProbeMetric(Protocol):
    """What a probe says of one of its metrics: labels beside the target's own."""

    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def help(self) -> str: ...  # noqa: D102
    @property
    def type(self) -> Literal["gauge", "counter"]: ...  # noqa: D102
    @property
    def labels(self) -> tuple[str, ...]: ...  # noqa: D102
    @property
    def unit(self) -> str: ...  # noqa: D102


def _target(
    name: str, help_text: str, *labels: str, kind: Literal["gauge", "counter"] = "gauge", unit: str = ""
) -> Metric:
    return Metric(f"linkwatch_{name}", help_text, kind, TARGET_LABELS + labels, unit)


def _own(
    name: str, help_text: str, *labels: str, kind: Literal["gauge", "counter"] = "gauge", unit: str = ""
) -> Metric:
    return Metric(f"linkwatch_{name}", help_text, kind, labels, unit)


OWN_METRICS: tuple[Metric, ...] = (
    _target(
        "target_info",
        "What is known of the target; always 1.",
        "name",
        "area",
        "class",
        "location",
        "circuit",
    ),
    _target("up", "Whether the target's reachability probe reaches it; absent = not measured."),
    _target("up_changes", "How often up changed within the window.", "window"),
    _target("blips", "Short outages within the window: over before the rule's `for`.", "window"),
    _target("icmp_sent_total", "Echo requests sent.", kind="counter"),
    _target("icmp_received_total", "Echo replies received in time.", kind="counter"),
    _target("icmp_duplicates_total", "Echo replies received more than once.", kind="counter"),
    _target("icmp_late_total", "Echo replies received after the timeout.", kind="counter"),
    _target("icmp_confirmations_total", "Extra echo requests sent to confirm a suspicion.", kind="counter"),
    _target("icmp_consecutive_losses", "Echo requests lost since the last reply."),
    _target("icmp_too_big_total", "Echo requests that did not fit, here or on the way.", kind="counter"),
    _target("icmp_reply_ttl", "TTL of the last echo reply; another one means another way back."),
    _target("icmp_reply_ttl_changes_total", "How often the TTL of echo replies changed.", kind="counter"),
    _target(
        "icmp_loss_ratio", "Share of echo requests without reply within the window.", "window", unit="ratio"
    ),
    _target("icmp_rtt_seconds", "Round-trip time within the window.", "window", "stat", unit="seconds"),
    _target(
        "icmp_jitter_seconds", "Mean difference of successive round-trip times.", "window", unit="seconds"
    ),
    _target("call_quality_mos", "Estimated call quality (1 to 4.5) from delay, jitter and loss.", "window"),
    _target(
        "probe_info",
        "What kind of probe it is, and whether it verifies certificates, where it can; always 1.",
        "probe",
        "type",
        "verify",
    ),
    _target("probe_success", "Whether the last run of the probe succeeded.", "probe"),
    _target("probe_consecutive_failures", "Runs of the probe that failed since the last good one.", "probe"),
    _target(
        "probe_success_ratio", "Share of successful runs within the window.", "probe", "window", unit="ratio"
    ),
    _target("probe_duration_seconds", "How long the last run of the probe took.", "probe", unit="seconds"),
    _target("probe_failures_total", "Failed runs of the probe.", "probe", "reason", kind="counter"),
    _target("objective", "What the target's class must keep (ratio or seconds).", "objective"),
    _target("upstream_down", "Whether every upstream of the target is down."),
    _target("traps_total", "SNMP traps and informs of the target, by what they say.", "trap", kind="counter"),
    _target("in_maintenance", "Whether the target is under maintenance."),
    _target("targets_behind", "Targets that are reached only through this one, where it is an upstream."),
    _target("redundancy_paths", "How many upstreams of the target answer, where it has more than one."),
    _target("redundancy_paths_configured", "How many upstreams the target has, where more than one."),
    _own("isolated", "Whether LinkWatch itself has lost its uplink."),
    _own("emergency_mode", "Whether the emergency mode is on."),
    _own("alerts", "Alerts by state.", "alertname", "severity", "state"),
    _own("incidents", "Incidents that are not resolved, by state.", "state"),
    _own("outbox_depth", "Notifications by state of delivery.", "state"),
    _own(
        "outbox_oldest_seconds",
        "Age of the oldest notification that is still to be delivered.",
        unit="seconds",
    ),
    _own("notifications_total", "Notifications by outcome.", "channel", "outcome", kind="counter"),
    _own(
        "notification_failures", "Notifications that failed for good within the window.", "channel", "window"
    ),
    _own("loop_lag_seconds", "How late the event loop was, at worst since the last tick.", unit="seconds"),
    _own(
        "clock_offset_seconds",
        "How far this machine's clock is ahead of the time servers' (median of the ntp probes).",
        unit="seconds",
    ),
    _own("judge_duration_seconds", "How long the last judgement took.", unit="seconds"),
    _own("rule_evaluation_failures_total", "Rule evaluations that failed.", "rule", kind="counter"),
    _own("rules_failing", "Rules whose last evaluation failed."),
    _own("missed_schedules_total", "Measurements skipped because they were late.", kind="counter"),
    _own("missed_schedules", "Measurements skipped within the window because they were late.", "window"),
    _own("icmp_send_errors_total", "Echo requests that this machine failed to send.", kind="counter"),
    _own("icmp_receive_drops_total", "Replies that this machine dropped for lack of buffer.", kind="counter"),
    _own("icmp_foreign_replies_total", "Replies rejected as forged or foreign.", kind="counter"),
    _own(
        "icmp_malformed_packets_total",
        "Packets that are neither an echo reply nor an error about a request.",
        kind="counter",
    ),
    _own("icmp_receive_drops", "Replies dropped for lack of buffer within the window.", "window"),
    _own(
        "trap_datagrams_total",
        "Datagrams at the trap port, by what became of them.",
        "result",
        kind="counter",
    ),
    _own("web_refused_connections_total", "Connections closed because there were too many.", kind="counter"),
    _own(
        "file_shortages_total",
        "Connections not accepted because this process had no file left.",
        kind="counter",
    ),
    _own("store_healthy", "Whether the last commit to the store succeeded."),
    _own("audit_overdue_steps", "Escalation steps that are overdue."),
    _own("config_last_reload_successful", "Whether the last load of the configuration succeeded."),
    _own("targets", "Targets in the inventory."),
    _own("build_info", "Version of LinkWatch; always 1.", "version"),
    _own("start_time_seconds", "When LinkWatch started, seconds since the epoch.", unit="seconds"),
)


class Catalog:
    """All metrics by name."""

    def __init__(self, probe_metrics: Iterable[ProbeMetric] = ()) -> None:
        self._metrics: dict[str, Metric] = {metric.name: metric for metric in OWN_METRICS}
        for metric in probe_metrics:
            labels = TARGET_LABELS + metric.labels
            self._metrics[metric.name] = Metric(metric.name, metric.help, metric.type, labels, metric.unit)

    @property
    def metrics(self) -> Mapping[str, Metric]:
        """Name -> metric."""
        return self._metrics

    def find(self, name: str) -> Metric | None:
        """The metric of that name."""
        return self._metrics.get(name)

    def near(self, name: str) -> str | None:
        """The known name nearest to an unknown one, if any is near."""
        matches = get_close_matches(name, self._metrics, n=1, cutoff=0.75)
        return matches[0] if matches else None
