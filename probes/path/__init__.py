"""The path to a target: every hop that answers, how far it is, and whether the way has changed."""

from probes.path.hops import Hop, Trace, as_json, changes
from probes.path.metrics import METRICS
from probes.path.mtu import PathMtu, find_mtu
from probes.path.sampling import (
    PathSession,
    address_of,
    explain_end,
    explain_mtu,
    measure,
    probe,
    share_tracer,
)
from probes.path.settings import Settings
from probes.path.sockets import TracePermissionError
from probes.path.tracer import Route, Tracer
from probes.sample import Target

__all__ = [
    "DEFAULT_INTERVAL_S",
    "METRICS",
    "Hop",
    "PathMtu",
    "PathSession",
    "Route",
    "Settings",
    "Trace",
    "TracePermissionError",
    "Tracer",
    "address_of",
    "as_json",
    "changes",
    "explain_end",
    "explain_mtu",
    "find_mtu",
    "measure",
    "open_session",
    "probe",
    "share_tracer",
]

DEFAULT_INTERVAL_S = 300.0


def open_session(target: Target, settings: Settings) -> PathSession:
    """A session that knows the last path."""
    return PathSession(target, settings)
