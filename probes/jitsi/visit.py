"""The way of a participant: page, signalling, log-in, focus and relays, each if the one before it is good."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple
from xml.etree.ElementTree import Element

from yarl import URL

from probes.attempt import Attempt, run_attempt
from probes.failure import ProbeError
from probes.http.client import Client
from probes.http.exchange import shown
from probes.jitsi import metrics
from probes.jitsi.bosh import BoshStream
from probes.jitsi.configjs import Announced
from probes.jitsi.finding import Finding, Part, Reading, State
from probes.jitsi.focus import ask_focus
from probes.jitsi.login import NoGuestsError, log_in
from probes.jitsi.relays import Relay, ask_relays, read_turn
from probes.jitsi.sasl import Account
from probes.jitsi.settings import Settings
from probes.jitsi.stream import StanzaStream
from probes.jitsi.web import Web
from probes.jitsi.websocket import WebsocketStream
from probes.sample import Labels, Reason, Sample, Target

_LEAVE_S = 0.3
"""How long taking leave may take."""

_STREAMS: dict[str, Callable[[Client, URL, str], StanzaStream]] = {
    "websocket": WebsocketStream,
    "bosh": BoshStream,
}


class Line(NamedTuple):
    """An open stream, and what the server offers on it."""

    name: str
    stream: StanzaStream
    features: Element


@dataclass(slots=True)
class Visit:
    """One visit. Of the time that is left a step may take half, where others follow it."""

    target: Target
    settings: Settings
    ends_s: float
    findings: list[Finding] = field(default_factory=list)
    values: dict[tuple[str, Labels], float] = field(default_factory=dict)
    facts: dict[str, str] = field(default_factory=dict)
    page: URL = field(default_factory=URL)
    guest_domain: str = ""

    async def run(self) -> Reading:
        """As far as one gets; raises nothing."""
        async with AsyncExitStack() as stack:
            announced = await self._see_page()
            if announced is not None:
                await self._go_in(announced, stack)
        return Reading(tuple(self.findings), self.values, self.facts)

    async def _see_page(self) -> Announced | None:
        web, announced = Web(self.target, self.settings), []

        async def look(attempt: Attempt) -> None:
            announced.append(await web.visit(attempt))

        sample = await self._try(look)
        self._note(Part.WEB, sample, web.place, good=str(web.page))
        if not announced:
            return None
        self.page = web.page
        self.facts |= {"url": shown(web.page), "domain": announced[0].domain}
        if announced[0].guessed:
            self.facts["guessed"] = f"{', '.join(announced[0].guessed)}: config.js computes it"
        return announced[0]

    async def _go_in(self, announced: Announced, stack: AsyncExitStack) -> None:
        accounts = _accounts(announced, self.settings)
        lines = await self._open_lines(announced, accounts[0], stack)
        if not lines:
            return
        self.guest_domain = announced.guest_domain
        inside = [await self._log_in(account, lines, stack) for account in accounts]
        streams = [stream for stream in inside if stream is not None]
        if streams:
            await self._ask_services(announced, streams[0])

    async def _open_lines(self, announced: Announced, account: Account, stack: AsyncExitStack) -> list[Line]:
        """Every way in that config.js announces; clients take the one that suits them, so all must work."""
        names = sorted(_STREAMS, key=lambda name: (name == "bosh") is not announced.prefers_bosh)
        ways = [(name, url) for name in names if (url := getattr(announced, name)) is not None]
        looks = await asyncio.gather(*(self._open(name, url, account, stack) for name, url in ways))
        for (name, url), (sample, _) in zip(ways, looks, strict=True):
            self._note(Part.SIGNALLING, sample, f"{name} {shown(url)}", good=f"{name} {shown(url)}")
        return [line for _, line in looks if line is not None]

    async def _open(
        self, name: str, url: URL, account: Account, stack: AsyncExitStack
    ) -> tuple[Sample, Line | None]:
        lines: list[Line] = []

        async def look(attempt: Attempt) -> None:
            attempt.step = "the opening of a stream"
            client = await stack.enter_async_context(
                Client(self.target, self.settings.access(), url, attempt)
            )
            stream = _STREAMS[name](client, self._door(url, account), account.domain)
            stack.push_async_callback(_leave, stream)
            lines.append(Line(name, stream, await stream.open()))

        sample = await self._time(name, look)
        return sample, lines[0] if lines else None

    async def _log_in(
        self, account: Account, lines: list[Line], stack: AsyncExitStack
    ) -> StanzaStream | None:
        """Over the line that clients prefer; for another domain over one more of that kind."""
        line = lines[0]
        if line.stream.domain != account.domain:
            sample, another = await self._open(line.name, line.stream.url, account, stack)
            if another is None:
                self._note(Part.LOG_IN, sample, f"{line.name} to {account.domain}", good="")
                return None
            line = another
        refused: list[NoGuestsError] = []

        async def look(attempt: Attempt) -> None:
            attempt.step = f"the log-in of {account}"
            try:
                await log_in(line.stream, line.features, account, may_tell=self._may_tell(line.stream.url))
            except NoGuestsError as error:
                if account.domain == self.guest_domain:  # announced to them, so they must be let in
                    raise
                refused.append(error)

        sample = await self._time("log_in", look)
        if refused:  # that may be as it should be: nobody has said who else might log in
            self.facts["not_asked"] = refused[0].detail
            return None
        self._note(Part.LOG_IN, sample, line.name, good=str(account))
        return line.stream if sample.ok else None

    def _door(self, url: URL, account: Account) -> URL:
        """`url` with the token in it, as lib-jitsi-meet shows it."""
        if not account.token:
            return url
        if not self._may_tell(url):
            raise ProbeError(Reason.PERMISSION, "a token is shown to the host of the page alone, and in TLS")
        return url.update_query(token=account.token)

    def _may_tell(self, url: URL) -> bool:
        """Password and token themselves go to the host of the page alone, and in TLS."""
        return url.scheme in ("https", "wss") and url.host == self.page.host

    async def _ask_services(self, announced: Announced, stream: StanzaStream) -> None:
        sample = await self._time("focus", partial(ask_focus, stream, announced.focus))
        self._note(Part.FOCUS, sample, announced.focus, good=announced.focus)
        relays: list[Relay] = []

        async def look(attempt: Attempt) -> None:
            relays.extend(await ask_relays(stream, announced.domain, attempt))

        sample = await self._try(look)
        if sample.reason is not None:
            self._note(Part.TURN, sample, announced.domain, good="")
            return
        started_s = time.perf_counter()
        reading = await read_turn(self.target, self.settings, tuple(relays), self._left_s())
        if reading.findings:
            self.values[metrics.PHASE.name, (("phase", "turn"),)] = time.perf_counter() - started_s
        self.findings += reading.findings
        self.facts |= reading.facts

    def _left_s(self) -> float:
        return max(0.01, self.ends_s - asyncio.get_running_loop().time())

    async def _time(self, phase: str, look: Callable[[Attempt], Awaitable[None]]) -> Sample:
        sample = await self._try(look)
        self.values[metrics.PHASE.name, (("phase", phase),)] = sample.duration_s
        return sample

    async def _try(self, look: Callable[[Attempt], Awaitable[None]]) -> Sample:
        sample = await run_attempt(look, self._left_s() / 2)
        self.values |= sample.values
        self.facts |= sample.facts
        return sample

    def _note(self, part: Part, sample: Sample, place: str, good: str) -> None:
        state = State.GOOD if sample.ok else State.FAILED
        detail = good if sample.ok else f"{place}: {sample.detail}"
        self.findings.append(Finding(part, state, sample.reason, detail))


def _accounts(announced: Announced, settings: Settings) -> list[Account]:
    """Who has to get in: guests where they have a domain of their own, whoever is set; else guests."""
    accounts = [Account(announced.guest_domain)] if announced.guest_domain else []
    if settings.token:
        accounts.append(Account(announced.domain, token=settings.token))
    if settings.user:
        accounts.append(Account(announced.user_domain, settings.user, settings.password))
    return accounts or [Account(announced.domain)]


async def _leave(stream: StanzaStream) -> None:
    with suppress(ProbeError, OSError, TimeoutError):
        async with asyncio.timeout(_LEAVE_S):
            await stream.close()
