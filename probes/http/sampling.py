"""Runs one exchange under a deadline and makes a sample of it."""

from __future__ import annotations

from functools import partial

from yarl import URL

from probes.attempt import Attempt, run_attempt
from probes.failure import ProbeError
from probes.http import metrics
from probes.http.check import check, may_refuse_login
from probes.http.client import Client
from probes.http.exchange import Answer, build_request, shown
from probes.http.masking import mask, secrets_of
from probes.http.settings import Settings
from probes.sample import Reason, Sample, Target


async def probe(target: Target, settings: Settings, deadline_s: float) -> Sample:
    """Ask once; returns within `deadline_s`, raises nothing. What was seen before a failure is kept."""
    sample = await run_attempt(partial(_ask, target, settings), deadline_s)
    return mask(sample, secrets_of(settings))


def request_url(host: str, url: str) -> URL:
    """The URL to ask for: that of the settings, or its path on the target's host, which may be a URL.

    Raises ProbeError.
    """
    if "://" in url:
        return URL(url)
    if "://" not in host:
        host = f"http://[{host}]" if host.count(":") > 1 and not host.startswith("[") else f"http://{host}"
    try:
        base = URL(host)
        if base.scheme in ("http", "https") and base.host:
            return base.join(URL(url)) if url else base
    except ValueError:
        pass
    raise ProbeError(Reason.RESOLVE, "the target's address does not make a URL")


async def _ask(target: Target, settings: Settings, attempt: Attempt) -> None:
    home = request_url(target.host, settings.url)
    request = build_request(home, settings.verb, settings.headers, settings.form, settings.body)
    answer = Answer(home)
    async with Client(target, settings, home, attempt) as client:
        try:
            await client.ask(request, answer)
            check(answer, settings)
        finally:
            attempt.step = client.phases.current or "preparation"
            attempt.is_repeatable = not may_refuse_login(answer, settings)
            _keep(answer, client, attempt)


def _keep(answer: Answer, client: Client, attempt: Attempt) -> None:
    for phase, seconds in client.phases.finished_s.items():
        attempt.values[metrics.PHASE.name, (("phase", phase),)] = seconds
    if answer.status is not None:
        attempt.measured(metrics.STATUS_CODE, answer.status)
        attempt.measured(metrics.REDIRECTS, answer.redirects)
    if answer.body is not None:
        attempt.measured(metrics.RESPONSE_BYTES, len(answer.body))
    if client.connector.certificate_expiry is not None:
        attempt.measured(metrics.CERTIFICATE_EXPIRY, client.connector.certificate_expiry)
    attempt.facts |= {"url": shown(answer.url), **client.connector.facts}
    if answer.is_cut:
        attempt.facts["body"] = "longer than max_body_bytes, the rest was not read"
