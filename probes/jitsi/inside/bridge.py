"""Jitsi Videobridge (JVB): its private HTTP interface, on loopback port 8080 unless told otherwise.

Names as of jitsi-videobridge a29d97d (VideobridgeStatisticsShim.kt, VideobridgeMetrics.kt,
VideobridgePeriodicMetrics.kt, XmppConnection.kt). `/colibri/stats` is there with
`videobridge.apis.rest.enabled = true`; `/metrics`, `/about/health` and `/about/version` always, by default.
"""

from __future__ import annotations

from functools import partial

from probes.attempt import Attempt
from probes.failure import ProbeError
from probes.jitsi.finding import Finding, Part, State
from probes.jitsi.inside import metrics
from probes.jitsi.inside.figures import Figure, figures_of_json, figures_of_series, read_series
from probes.jitsi.inside.server import Server, one_line
from probes.jitsi.inside.settings import Inside, place
from probes.jitsi.inside.told import Told, hear
from probes.sample import Reason, Target

STATS, METRICS, HEALTH, VERSION = "/colibri/stats", "/metrics", "/about/health", "/about/version"

_RECEIVE, _TRANSMIT = (("direction", "receive"),), (("direction", "transmit"),)
_MS, _KBIT, _BIT = 1e-3, 125.0, 0.125

FIGURES = (
    Figure("stress", "stress_level", "jitsi_jvb_stress", metrics.STRESS),
    Figure("participant_stress", "average_participant_stress"),
    # `participants` and `endpoints` count those of other bridges, too, so their sum counts people twice.
    Figure("participants", "local_endpoints", "jitsi_jvb_local_endpoints", metrics.BRIDGE_PARTICIPANTS),
    Figure("conferences", "conferences", "jitsi_jvb_conferences", metrics.BRIDGE_CONFERENCES),
    Figure("loss_in", "incoming_loss", "jitsi_jvb_incoming_loss_fraction", metrics.LOSS, _RECEIVE),
    Figure("loss_out", "outgoing_loss", "jitsi_jvb_outgoing_loss_fraction", metrics.LOSS, _TRANSMIT),
    Figure(
        "lossy",
        "endpoints_with_high_outgoing_loss",
        "jitsi_jvb_endpoints_with_high_outgoing_loss",
        metrics.LOSSY_PARTICIPANTS,
    ),
    Figure("rtt", "rtt_aggregate", "jitsi_jvb_average_rtt", metrics.RTT, (), _MS, _MS),
    Figure("in", "bit_rate_download", "jitsi_jvb_incoming_bitrate", metrics.TRAFFIC, _RECEIVE, _KBIT, _BIT),
    Figure("out", "bit_rate_upload", "jitsi_jvb_outgoing_bitrate", metrics.TRAFFIC, _TRANSMIT, _KBIT, _BIT),
    Figure("ice_failed", "total_ice_failed", "jitsi_jvb_ice_failed_total", metrics.ICE_FAILED),
    Figure("ice_succeeded", "total_ice_succeeded", "jitsi_jvb_ice_succeeded_total", metrics.ICE_SUCCEEDED),
    Figure("healthy", "healthy", "jitsi_jvb_healthy"),
    Figure("drain", "drain", "jitsi_jvb_drain_mode"),
    Figure("graceful_shutdown", "graceful_shutdown", "jitsi_jvb_graceful_shutdown"),
    Figure("shutting_down", "shutting_down", "jitsi_jvb_shutting_down"),
    Figure("clients_configured", "muc_clients_configured", "jitsi_jvb_muc_clients_configured"),
    Figure("clients_connected", "muc_clients_connected", "jitsi_jvb_muc_clients_connected"),
    # The gauge of those that are configured is registered under the name `mucs_connected`.
    Figure("mucs_configured", "mucs_configured", "jitsi_jvb_mucs_connected"),
    Figure("mucs_joined", "mucs_joined", "jitsi_jvb_mucs_joined"),
)

_LEAVING = {
    "shutting_down": "is shutting down",
    "graceful_shutdown": "is in graceful shutdown: it takes no new conferences",
    "drain": "drains: it takes no new conferences",
}


async def ask_bridge(target: Target, access: Inside, url: str, deadline_s: float) -> Told:
    """Ask a bridge for its numbers, then for its health; raises nothing."""
    steps = partial(_ask, Server(target, access, url))
    return await hear(Told(Part.BRIDGE, place(url), place(url)), steps, deadline_s)


def judge_bridge(told: Told) -> Finding:
    """What a bridge's own account amounts to. Who takes it out on purpose need not hear that it is ill."""
    for key, text in _LEAVING.items():
        if told.figures.get(key):
            return told.found(State.MAINTENANCE, text)
    ill = told.why_ill() or _why_alone(told.figures)
    if ill is not None:
        return told.failed(ill.reason, ill.detail)
    if told.closed is not None:
        return told.unseen()
    return told.found(
        State.GOOD, "well" if "clients_connected" in told.figures else "well, as far as it tells"
    )


def tidy(figures: dict[str, float]) -> dict[str, float]:
    """Without what was not measured: a bridge whose participants have no round trip yet says 0."""
    if figures.get("rtt") == 0:
        del figures["rtt"]
    return figures


async def _ask(server: Server, told: Told, attempt: Attempt) -> None:
    document = await server.ask_json(STATS, attempt)
    if document is not None:
        told.pages.append(STATS)
        told.figures = tidy(figures_of_json(FIGURES, document))
        told.version = one_line(str(document.get("version", "")))
        _require_stress(told, STATS)
    else:
        await _ask_metrics(server, told, attempt)
    told.health = await server.ask_health(HEALTH, attempt)
    if told.health is not None:
        told.pages.append(HEALTH)
    if not told.pages:
        what = f"there is neither {HEALTH} nor {STATS} nor {METRICS}: not a bridge's private interface"
        told.proves_nothing = True
        raise ProbeError(Reason.PROTOCOL, what)


async def _ask_metrics(server: Server, told: Told, attempt: Attempt) -> None:
    answer = await server.ask(METRICS, attempt)
    if answer is None:
        return
    told.pages.append(METRICS)
    told.figures = tidy(figures_of_series(FIGURES, read_series(METRICS, answer.text, FIGURES)))
    _require_stress(told, METRICS)
    about = await server.ask_json(VERSION, attempt)
    told.version = one_line(str(about.get("version", ""))) if about else ""


def _require_stress(told: Told, path: str) -> None:
    if "stress" not in told.figures:
        told.proves_nothing = True
        raise ProbeError(Reason.PROTOCOL, f"{path} is not that of a videobridge: it has no stress level")


def _why_alone(figures: dict[str, float]) -> ProbeError | None:
    """Why Jicofo cannot find the bridge; its health page does not look at this (jitsi-videobridge#1247)."""
    for have, want, what in (
        ("clients_connected", "clients_configured", "XMPP connections"),
        ("mucs_joined", "mucs_configured", "XMPP rooms, in which Jicofo finds it"),
    ):
        if have in figures and want in figures and figures[have] < figures[want]:
            return ProbeError(Reason.PROTOCOL, f"has only {figures[have]:g} of its {figures[want]:g} {what}")
    return None
