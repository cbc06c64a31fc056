"""Prosody: mod_http_openmetrics (of Prosody itself) and mod_http_health (of docker-jitsi-meet).

Both answer only addresses on a list of their own (`openmetrics_allow_cidr`, `http_health_allow_cidr`).
"""

from __future__ import annotations

from functools import partial

from probes.attempt import Attempt
from probes.failure import ProbeError
from probes.jitsi.finding import Finding, Part, State
from probes.jitsi.inside import metrics
from probes.jitsi.inside.figures import Figure, figures_of_series, read_series
from probes.jitsi.inside.server import Server
from probes.jitsi.inside.settings import Inside, place
from probes.jitsi.inside.told import Told, hear
from probes.sample import Reason, Target

METRICS, HEALTH = "/metrics", "/health"

FIGURES = (
    Figure("c2s", "", "prosody_mod_c2s__connections", metrics.SESSIONS, (("transport", "c2s"),)),
    Figure("bosh", "", "prosody_mod_bosh__active_sessions", metrics.SESSIONS, (("transport", "bosh"),)),
)

_MARK = "prosody_"


async def ask_prosody(target: Target, access: Inside, deadline_s: float) -> Told:
    """Ask Prosody for its numbers and its health; raises nothing."""
    steps, where = partial(_ask, Server(target, access, access.prosody)), place(access.prosody)
    return await hear(Told(Part.SIGNALLING, where, where), steps, deadline_s)


def judge_prosody(told: Told) -> Finding:
    """What Prosody's own account amounts to."""
    ill = told.why_ill()
    if ill is not None:
        return told.failed(ill.reason, ill.detail)
    return told.found(State.GOOD, "well") if told.closed is None else told.unseen()


async def _ask(server: Server, told: Told, attempt: Attempt) -> None:
    refused = [
        error
        for error in (await _ask_metrics(server, told, attempt), await _ask_health(server, told, attempt))
        if error is not None
    ]
    if told.pages:
        return  # each has a list of its own of who may ask: one of them is enough
    if refused:
        raise ProbeError(refused[0].reason, f"{refused[0].detail} (openmetrics_allow_cidr)")
    told.proves_nothing = True  # it answers
    raise ProbeError(Reason.PROTOCOL, f"there is neither {METRICS} nor {HEALTH}: enable mod_http_openmetrics")


async def _ask_metrics(server: Server, told: Told, attempt: Attempt) -> ProbeError | None:
    try:
        answer = await server.ask(METRICS, attempt)
    except ProbeError as error:
        if error.reason is Reason.AUTH:
            return error
        raise
    if answer is not None:
        if _MARK not in answer.text:
            told.proves_nothing = True
            raise ProbeError(Reason.PROTOCOL, f"{METRICS} is not Prosody's")
        told.pages.append(METRICS)
        told.figures = figures_of_series(FIGURES, read_series(METRICS, answer.text, FIGURES))
    return None


async def _ask_health(server: Server, told: Told, attempt: Attempt) -> ProbeError | None:
    try:
        told.health = await server.ask_health(HEALTH, attempt)
    except ProbeError as error:
        if error.reason is Reason.AUTH:
            return error
        raise
    if told.health is not None:
        told.pages.append(HEALTH)
    return None
