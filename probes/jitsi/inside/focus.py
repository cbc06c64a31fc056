"""Jicofo, the conference focus: its HTTP interface, on loopback port 8888 unless told otherwise.

Names as of jicofo 7ebb13d (JicofoServices.kt, FocusManager.kt, BridgeSelector.kt, JibriDetectorMetrics.kt,
ktor/Application.kt). `/about/health` is there with `jicofo.health.enabled = true` alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from probes.attempt import Attempt
from probes.failure import ProbeError
from probes.jitsi.finding import Finding, Part, State
from probes.jitsi.inside import metrics
from probes.jitsi.inside.figures import Figure, figures_of_json, figures_of_series, read_series
from probes.jitsi.inside.server import Server, one_line
from probes.jitsi.inside.settings import Inside, place
from probes.jitsi.inside.told import Told, hear
from probes.sample import Metric, Reason, Target

STATS, METRICS, HEALTH = "/stats", "/metrics", "/about/health"

_SELECTOR, _SELECTOR_SERIES = "bridge_selector", "jitsi_jicofo_bridge_selector"


def _state(key: str, json: str, series: str, metric: Metric, state: str) -> Figure:
    return Figure(key, json, series, metric, (("state", state),))


FIGURES = (
    _state(
        "bridges",
        f"{_SELECTOR}.bridge_count",
        f"{_SELECTOR_SERIES}_bridge_count",
        metrics.FOCUS_BRIDGES,
        "known",
    ),
    _state(
        "operational",
        f"{_SELECTOR}.operational_bridge_count",
        f"{_SELECTOR_SERIES}_bridge_count_operational",
        metrics.FOCUS_BRIDGES,
        "operational",
    ),
    _state(
        "in_shutdown",
        f"{_SELECTOR}.in_shutdown_bridge_count",
        f"{_SELECTOR_SERIES}_bridge_count_in_shutdown",
        metrics.FOCUS_BRIDGES,
        "in_shutdown",
    ),
    Figure(
        "lost",
        f"{_SELECTOR}.lost_bridges",
        f"{_SELECTOR_SERIES}_lost_bridges_total",
        metrics.FOCUS_LOST_BRIDGES,
    ),
    Figure("conferences", "conferences", "jitsi_jicofo_conferences", metrics.CONFERENCES),
    Figure("participants", "participants", "jitsi_jicofo_participants_current", metrics.PARTICIPANTS),
    _state("jibris", "jibri_detector.count", "jitsi_jicofo_jibri_instances", metrics.RECORDERS, "known"),
    _state(
        "jibris_available",
        "jibri_detector.available",
        "jitsi_jicofo_jibri_instances_available",
        metrics.RECORDERS,
        "available",
    ),
    Figure("recording", "jibri.recording_active", "jitsi_jicofo_jibri_recording_active"),
    Figure("streaming", "jibri.live_streaming_active", "jitsi_jicofo_jibri_live_streaming_active"),
    Figure("healthy", "healthy", "jitsi_jicofo_healthy"),
)

_NO_BRIDGES = "No operational bridges"
"""How JicofoHealthChecker.kt begins when it lacks nothing but bridges."""


async def ask_focus(target: Target, access: Inside, deadline_s: float) -> Told:
    """Ask Jicofo for its numbers, then for its health; raises nothing."""
    steps, where = partial(_ask, Server(target, access, access.jicofo)), place(access.jicofo)
    return await hear(Told(Part.FOCUS, where, where), steps, deadline_s)


def judge_focus(told: Told, wants_recording: bool) -> Iterator[Finding]:
    """What Jicofo's own account amounts to: for itself, for the bridges, and for recording if wanted."""
    ill = told.why_ill()
    bridges = _judge_bridges(told)
    lacks_bridges = bridges is not None and bridges.state is not State.GOOD
    if ill is not None and not (lacks_bridges and told.failure is None):
        yield told.failed(ill.reason, ill.detail)
    elif told.closed is not None:
        yield told.unseen()
    else:
        yield told.found(State.GOOD, "well" if ill is None else "works, but lacks bridges")
    if bridges is not None:
        yield bridges
    if wants_recording and "jibris" in told.figures:
        yield _judge_recording(told)


async def _ask(server: Server, told: Told, attempt: Attempt) -> None:
    document = await server.ask_json(STATS, attempt)
    if document is not None:
        told.pages.append(STATS)
        told.figures = figures_of_json(FIGURES, document)
        told.version = one_line(str(document.get("version", "")))
        _require_bridges(told, STATS)
    elif (answer := await server.ask(METRICS, attempt)) is not None:
        told.pages.append(METRICS)
        told.figures = figures_of_series(FIGURES, read_series(METRICS, answer.text, FIGURES))
        _require_bridges(told, METRICS)
    told.health = await server.ask_health(HEALTH, attempt)
    if told.health is not None:
        told.pages.append(HEALTH)
    if not told.pages:
        told.proves_nothing = True
        raise ProbeError(Reason.PROTOCOL, f"there is neither {STATS} nor {METRICS} nor {HEALTH}: not Jicofo")


def _require_bridges(told: Told, path: str) -> None:
    if "bridges" not in told.figures:
        told.proves_nothing = True
        raise ProbeError(Reason.PROTOCOL, f"{path} is not Jicofo's: it does not count bridges")


def _judge_bridges(told: Told) -> Finding | None:
    """Whether Jicofo has a bridge to put a conference on; None: it did not tell."""
    known, shutting = told.figures.get("bridges"), told.figures.get("in_shutdown", 0.0)
    operational = told.figures.get("operational")
    if known and shutting >= known:
        return told.found(State.MAINTENANCE, f"all {known:g} bridges are in graceful shutdown", Part.BRIDGE)
    if operational == 0:
        what = f"none of the {known:g} bridges it knows is operational" if known else "it knows no bridge"
        return told.failed(Reason.PROTOCOL, what, Part.BRIDGE)
    if operational is not None:
        return told.found(State.GOOD, f"{operational:g} bridges are operational", Part.BRIDGE)
    if told.health is not None and told.health.message.startswith(_NO_BRIDGES):
        return told.failed(Reason.PROTOCOL, told.health.message, Part.BRIDGE)
    return None


def _judge_recording(told: Told) -> Finding:
    known, available = told.figures["jibris"], told.figures.get("jibris_available", 0.0)
    busy = told.figures.get("recording", 0.0) + told.figures.get("streaming", 0.0)
    if known == 0:
        return told.failed(Reason.PROTOCOL, "it knows no recorder (Jibri)", Part.RECORDING)
    if available > 0:
        what = f"{available:g} of {known:g} recorders (Jibri) are available"
        return told.found(State.GOOD, what, Part.RECORDING)
    if busy >= known:
        return told.found(State.GOOD, f"all {known:g} recorders (Jibri) are recording", Part.RECORDING)
    what = f"none of {known:g} recorders (Jibri) is available, {busy:g} are recording"
    return told.failed(Reason.PROTOCOL, what, Part.RECORDING)
