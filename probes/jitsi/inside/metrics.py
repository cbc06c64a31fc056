"""What the inner endpoints tell: this part of the catalogue."""

from __future__ import annotations

from probes.sample import Metric

_OF = ("probe",)
_BRIDGE = ("probe", "bridge")

WAY_OPEN = Metric(
    "linkwatch_jitsi_way_open",
    "Whether an inner endpoint lets us in and tells something of a part: not whether that part works.",
    labels=(*_OF, "part", "way"),
)
BRIDGE_UP = Metric(
    "linkwatch_jitsi_bridge_up",
    "Whether the bridge is well and connected to XMPP; absent = in maintenance, not seen, or not told.",
    labels=_BRIDGE,
)
BRIDGE_IN_MAINTENANCE = Metric(
    "linkwatch_jitsi_bridge_in_maintenance",
    "Whether the bridge drains or shuts down on purpose.",
    labels=_BRIDGE,
)
STRESS = Metric(
    "linkwatch_jitsi_bridge_stress_ratio",
    "Load of the bridge by its own account: 1 is full, Jicofo avoids it from 0.8.",
    labels=_BRIDGE,
    unit="ratio",
)
BRIDGE_PARTICIPANTS = Metric(
    "linkwatch_jitsi_bridge_participants",
    "Participants that are connected to this bridge itself, not to another one that relays them.",
    labels=_BRIDGE,
)
BRIDGE_CONFERENCES = Metric(
    "linkwatch_jitsi_bridge_conferences", "Conferences on this bridge.", labels=_BRIDGE
)
LOSS = Metric(
    "linkwatch_jitsi_bridge_loss_ratio",
    "Share of media packets lost on the way to (receive) and from (transmit) this bridge.",
    labels=(*_BRIDGE, "direction"),
    unit="ratio",
)
LOSSY_PARTICIPANTS = Metric(
    "linkwatch_jitsi_bridge_lossy_participants",
    "Participants that lose more than a tenth of what this bridge sends them.",
    labels=_BRIDGE,
)
RTT = Metric(
    "linkwatch_jitsi_bridge_rtt_seconds",
    "Mean round-trip time between this bridge and its participants; absent while it has none.",
    labels=_BRIDGE,
    unit="seconds",
)
TRAFFIC = Metric(
    "linkwatch_jitsi_bridge_traffic_bytes_per_second",
    "Media that participants send to (receive) and get from (transmit) this bridge.",
    labels=(*_BRIDGE, "direction"),
)
ICE_FAILED = Metric(
    "linkwatch_jitsi_bridge_ice_failed_total",
    "Connections to participants that could not be made (ICE failed).",
    "counter",
    labels=_BRIDGE,
)
ICE_SUCCEEDED = Metric(
    "linkwatch_jitsi_bridge_ice_succeeded_total",
    "Connections to participants that were made (ICE succeeded).",
    "counter",
    labels=_BRIDGE,
)
SEATS_FREE = Metric(
    "linkwatch_jitsi_seats_free",
    "Estimate of how many more participants fit on all bridges together until Jicofo calls them overloaded.",
    labels=_OF,
)
FOCUS_BRIDGES = Metric(
    "linkwatch_jitsi_focus_bridges",
    "Bridges by Jicofo's account: known, operational (it would use them), in_shutdown.",
    labels=(*_OF, "state"),
)
FOCUS_LOST_BRIDGES = Metric(
    "linkwatch_jitsi_focus_lost_bridges_total",
    "Bridges that left Jicofo unexpectedly.",
    "counter",
    labels=_OF,
)
CONFERENCES = Metric(
    "linkwatch_jitsi_conferences", "Conferences of the platform, by Jicofo's account.", labels=_OF
)
PARTICIPANTS = Metric(
    "linkwatch_jitsi_participants", "Participants of the platform, by Jicofo's account.", labels=_OF
)
RECORDERS = Metric(
    "linkwatch_jitsi_recorders",
    "Recorders (Jibri) by Jicofo's account: known, available (well and not recording).",
    labels=(*_OF, "state"),
)
SESSIONS = Metric(
    "linkwatch_jitsi_signalling_sessions",
    "Sessions at Prosody: c2s (over a stream or websocket), bosh.",
    labels=(*_OF, "transport"),
)

INSIDE_METRICS = (
    WAY_OPEN,
    BRIDGE_UP,
    BRIDGE_IN_MAINTENANCE,
    STRESS,
    BRIDGE_PARTICIPANTS,
    BRIDGE_CONFERENCES,
    LOSS,
    LOSSY_PARTICIPANTS,
    RTT,
    TRAFFIC,
    ICE_FAILED,
    ICE_SUCCEEDED,
    SEATS_FREE,
    FOCUS_BRIDGES,
    FOCUS_LOST_BRIDGES,
    CONFERENCES,
    PARTICIPANTS,
    RECORDERS,
    SESSIONS,
)
