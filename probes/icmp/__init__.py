"""ICMP echo: a batch engine over many targets, and the same engine as a one-shot probe.

`Pinger` is for whoever watches for ever, `ping_many` for a counted number of pings, `probe` (with
`Settings`, `METRICS`) for the registry.
"""

from probes.icmp.budget import ConfirmationBudget
from probes.icmp.burst import ping_many
from probes.icmp.egress import PLAIN, Egress, Group, MarkPermissionError, check_mark
from probes.icmp.gaps import Gaps
from probes.icmp.oneshot import DEFAULT_INTERVAL_S, METRICS, probe
from probes.icmp.pinger import Pinger
from probes.icmp.results import EngineCounters, IcmpError, Outcome, Results, RowCounters, Verdict
from probes.icmp.settings import Settings
from probes.icmp.sockets import ProbePermissionError
from probes.icmp.targets import EMERGENCY, REST, UPSTREAM, PingTarget

__all__ = [
    "DEFAULT_INTERVAL_S",
    "EMERGENCY",
    "METRICS",
    "PLAIN",
    "REST",
    "UPSTREAM",
    "ConfirmationBudget",
    "Egress",
    "EngineCounters",
    "Gaps",
    "Group",
    "IcmpError",
    "MarkPermissionError",
    "Outcome",
    "PingTarget",
    "Pinger",
    "ProbePermissionError",
    "Results",
    "RowCounters",
    "Settings",
    "Verdict",
    "check_mark",
    "ping_many",
    "probe",
]
