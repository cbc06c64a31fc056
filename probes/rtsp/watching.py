"""One camera, look after look: what is remembered between them, and the sample of each."""

from __future__ import annotations

import time
from functools import partial

from probes.attempt import Attempt, run_attempt
from probes.connection import connect_any
from probes.failure import ProbeError
from probes.resolve import parse_address, resolve, split_host_port
from probes.rtsp import metrics
from probes.rtsp.control import Control, TurnedAway
from probes.rtsp.login import Login
from probes.rtsp.rtp import Look
from probes.rtsp.settings import Settings
from probes.rtsp.verdict import Memory, Verdict, judge, loss_ratio
from probes.rtsp.viewing import Viewing
from probes.sample import Reason, Sample, Target

FAREWELL_S = 0.3
"""How long to wait for the answer to TEARDOWN, with which a camera says that it has stopped sending."""

LOGIN_PAUSE_S = 600.0
"""A refused login is not tried again before: after five to seven of them cameras lock the address out."""


class Watcher:
    """Looks at one camera."""

    def __init__(self, target: Target, settings: Settings) -> None:
        self._target, self._settings = target, settings
        self._memory = Memory()
        self._login_from_s = 0.0

    async def probe(self, deadline_s: float) -> Sample:
        """Look once; returns within `deadline_s`, raises nothing. What was seen before a failure is kept."""
        farewell_s = min(FAREWELL_S, deadline_s / 2)
        ends_s = time.monotonic() + deadline_s - farewell_s
        steps = partial(self._look, ends_s=ends_s, farewell_s=farewell_s)
        return await run_attempt(steps, deadline_s - farewell_s)

    async def close(self) -> None:
        """There is nothing to let go of: every look ends what it began."""

    async def _look(self, attempt: Attempt, *, ends_s: float, farewell_s: float) -> None:
        try:
            viewing, look, ended_s = await self._view(attempt, ends_s, farewell_s)
        except TurnedAway as turned_away:
            viewing, look, ended_s = await self._view(attempt, ends_s, farewell_s, turned_away.login)
        verdict = judge(
            look,
            ended_s,
            settings=self._settings,
            known=self._memory.known,
            is_own_loss=viewing.is_own_loss,
        )
        self._memory.remember(look.key_frames)
        _record(attempt, look, ended_s, verdict, is_own_loss=viewing.is_own_loss)
        if verdict.failure is not None:
            raise verdict.failure

    async def _view(
        self, attempt: Attempt, ends_s: float, farewell_s: float, login: Login | None = None
    ) -> tuple[Viewing, Look, float]:
        """One connection, and what was seen over it until when."""
        viewing, control = await self._open(attempt, login)
        try:
            return viewing, *await viewing.watch(ends_s - _MARGIN_S)
        finally:
            if control.is_refused:
                self._login_from_s = time.monotonic() + LOGIN_PAUSE_S
            await viewing.leave(farewell_s)

    async def _open(self, attempt: Attempt, login: Login | None) -> tuple[Viewing, Control]:
        attempt.step = "resolve"
        if self._target.host.lower().startswith("rtsp://"):
            raise ProbeError(Reason.RESOLVE, _URL_GIVEN)
        host, port = split_host_port(self._target.host, self._settings.port)
        addresses = await resolve(self._target, host)
        attempt.step = "connect"
        connected, facts = await connect_any(addresses, port)
        attempt.facts.update(facts)
        may_log_in = time.monotonic() >= self._login_from_s
        url = stream_url(host, port, self._settings.path)
        viewing = partial(Viewing, connected=connected, url=url, settings=self._settings, attempt=attempt)
        control = await Control.open(connected, self._settings, may_log_in=may_log_in, login=login)
        return viewing(control), control


_URL_GIVEN = "the address is a URL: give HOST:PORT, and its path, user and password as settings"
"""One that is for players is easily pasted; its port would be passed over without a word."""

_MARGIN_S = 0.05
"""So much earlier a look ends by itself, before its deadline ends it."""


async def probe(target: Target, settings: Settings, deadline_s: float) -> Sample:
    """Look once at a camera of which nothing is remembered."""
    return await Watcher(target, settings).probe(deadline_s)


def stream_url(host: str, port: int, path: str) -> str:
    """The URL of a stream; the usual port is left out, as some cameras know their URLs only without it."""
    address = parse_address(host)
    name = f"[{host}]" if address is not None and address.version == 6 else host
    return f"rtsp://{name}{'' if port == 554 else f':{port}'}{path or '/'}"


def _record(attempt: Attempt, look: Look, ended_s: float, verdict: Verdict, *, is_own_loss: bool) -> None:
    """What was measured. Rates are those of the time in which video could come: from the first packet on."""
    attempt.measured(metrics.VIDEO, float(verdict.is_playing))
    attempt.measured(metrics.PACKETS, float(look.continuity.packets))
    if verdict.is_frozen is not None:
        attempt.measured(metrics.FROZEN, float(verdict.is_frozen))
    if look.first_packet_s is None:
        return
    watched_s = max(ended_s - look.first_packet_s, 1e-3)
    attempt.measured(metrics.FIRST_PACKET, max(0.0, look.first_packet_s - look.started_s))
    attempt.measured(metrics.PAUSE, max(look.longest_pause_s, ended_s - look.last_frame_s))
    attempt.measured(metrics.FRAME_RATE, look.frames / watched_s)
    attempt.measured(metrics.BYTE_RATE, look.payload_bytes / watched_s)
    if not is_own_loss:
        attempt.measured(metrics.LOSS, loss_ratio(look))
