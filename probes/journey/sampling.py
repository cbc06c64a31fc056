"""Takes the steps of a journey under one deadline and makes a sample of them."""

from __future__ import annotations

import time
from dataclasses import replace
from itertools import chain

from multidict import CIMultiDict
from yarl import URL

from probes.attempt import Attempt, run_attempt
from probes.failure import ProbeError
from probes.http.check import check, may_refuse_login
from probes.http.client import Client
from probes.http.exchange import Answer, Request, shown
from probes.http.masking import mask, secrets_of
from probes.http.sampling import request_url
from probes.journey import metrics
from probes.journey.filling import Carried, fill_request
from probes.journey.settings import Settings, Step
from probes.journey.source import find_value
from probes.sample import Sample, Target


async def probe(target: Target, settings: Settings, deadline_s: float) -> Sample:
    """Take every step once, until one fails; returns within `deadline_s`, raises nothing.

    The detail of a failure names its step; so does the fact `failed_step`.
    """
    journey = _Journey(target, settings)
    sample = await run_attempt(journey.run, deadline_s)
    return mask(sample, chain(secrets_of(settings), journey.secrets()))


class _Journey:
    def __init__(self, target: Target, settings: Settings) -> None:
        self._target, self._settings = target, settings
        self._carried: dict[str, Carried] = {}
        self._statuses: list[str] = []
        self._page: URL | None = None

    def secrets(self) -> tuple[str, ...]:
        """What has been carried: tokens and session ids."""
        return tuple(each.value for each in self._carried.values())

    async def run(self, attempt: Attempt) -> None:
        home = request_url(self._target.host, "")
        async with Client(self._target, self._settings, home, attempt) as client:
            for step in self._settings.steps:
                await self._time(step, home, client, attempt)

    async def _time(self, step: Step, home: URL, client: Client, attempt: Attempt) -> None:
        """Take a step, and keep how it went, however it ends."""
        answer, started_s, is_good = Answer(home), time.perf_counter(), False
        try:
            await self._take(step, home, client, answer)
            is_good = True
        except ProbeError as error:
            raise ProbeError(error.reason, f"step {step.name}: {error.detail}") from None
        finally:
            labels = (("step", step.name),)
            attempt.step = f"{client.phases.current or 'preparation'} of step {step.name}"
            attempt.values[metrics.STEP_SUCCESS.name, labels] = float(is_good)
            attempt.values[metrics.STEP_DURATION.name, labels] = time.perf_counter() - started_s
            self._keep(step, answer, client, attempt, is_good)

    async def _take(self, step: Step, home: URL, client: Client, answer: Answer) -> None:
        request = fill_request(step, self._carried, home)
        answer.url = request.url
        await client.ask(self._with_referrer(request), answer)
        check(answer, step)
        for name, source in step.carry.items():
            value = find_value(source, answer, client.cookies(answer.url))
            self._carried[name] = Carried(value, answer.url)
        self._page = answer.url

    def _with_referrer(self, request: Request) -> Request:
        """Say on which page the link or form stood, as browsers do: some portals refuse a form without it."""
        if self._page is None or self._page.origin() != request.url.origin():
            return request
        referrer = str(self._page.with_user(None).with_fragment(None))
        headers = CIMultiDict({"Referer": referrer})
        headers.update(request.headers)
        return replace(request, headers=headers)

    def _keep(self, step: Step, answer: Answer, client: Client, attempt: Attempt, is_good: bool) -> None:
        self._statuses.append(f"{step.name} {answer.status or 'no answer'}")
        attempt.facts |= {"url": shown(answer.url), "statuses": ", ".join(self._statuses)}
        attempt.facts |= client.connector.facts
        if not is_good:
            attempt.facts["failed_step"] = step.name
            attempt.is_repeatable = not may_refuse_login(answer, step)
        if client.connector.certificate_expiry is not None:
            attempt.measured(metrics.CERTIFICATE_EXPIRY, client.connector.certificate_expiry)
