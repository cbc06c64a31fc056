"""The page and its config.js: whether a browser would get Jitsi, and what it is told."""

from __future__ import annotations

import asyncio
import time

from yarl import URL

from probes.attempt import Attempt
from probes.failure import ProbeError
from probes.http.client import Client
from probes.http.exchange import Answer, build_request, shown
from probes.http.sampling import request_url
from probes.jitsi import metrics
from probes.jitsi.configjs import Announced, UselessConfig, read_config
from probes.jitsi.settings import Settings
from probes.jitsi.tokens import ScriptError
from probes.pattern import is_found
from probes.sample import Reason, Target

_MOST_REDIRECTS = 5
_IS_JITSI = r"(?i)lib-jitsi-meet|JitsiMeetJS|jitsi[ -]?videobridge|<title>\s*Jitsi Meet"
"""A brand changes title and pictures, never the name of the library that the page loads."""


class Web:
    """One visit. `place`: what is asked for now; `page`: where the page was found in the end."""

    def __init__(self, target: Target, settings: Settings) -> None:
        self._target, self._settings = target, settings
        self.place = target.host
        self.page = URL()

    async def visit(self, attempt: Attempt) -> Announced:
        """What config.js announces; raises ProbeError, OSError."""
        home = home_url(self._target, self._settings)
        async with Client(self._target, self._settings.access(_MOST_REDIRECTS), home, attempt) as client:
            try:
                page = await self._fetch(home, "page", client, attempt)
                if not is_found(_IS_JITSI, page.text):
                    raise ProbeError(Reason.PROTOCOL, "a page, but not one of Jitsi Meet")
                self.page = page.url
                config = await self._fetch(page.url.join(URL("config.js")), "config", client, attempt)
                return await asyncio.to_thread(_read, config, page.url)  # as long as the stranger likes
            finally:
                attempt.facts |= client.connector.facts
                if client.connector.certificate_expiry is not None:
                    attempt.measured(metrics.CERTIFICATE_EXPIRY, client.connector.certificate_expiry)

    async def _fetch(self, url: URL, phase: str, client: Client, attempt: Attempt) -> Answer:
        self.place, attempt.step = shown(url), phase
        answer, started_s = Answer(url), time.perf_counter()
        await client.ask(build_request(url, "GET", {}, {}, ""), answer)
        attempt.values[metrics.PHASE.name, (("phase", phase),)] = time.perf_counter() - started_s
        if answer.status != 200:
            reason = Reason.AUTH if answer.status in (401, 403) else Reason.PROTOCOL
            raise ProbeError(reason, f"status {answer.status}")
        if answer.is_cut:
            raise ProbeError(Reason.PROTOCOL, "it has no end")
        return answer


def home_url(target: Target, settings: Settings) -> URL:
    """Where the page should be: browsers take https where nothing else is said. Raises ProbeError."""
    url = request_url(target.host, settings.url)
    return url if "://" in settings.url or "://" in target.host else url.with_scheme("https")


def _read(config: Answer, page: URL) -> Announced:
    if config.text.lstrip().startswith("<"):
        raise ProbeError(Reason.PROTOCOL, "a page instead of the script: there is no config.js")
    try:
        return read_config(config.text, page)
    except (ScriptError, UselessConfig) as error:
        raise ProbeError(Reason.PROTOCOL, str(error)) from None
