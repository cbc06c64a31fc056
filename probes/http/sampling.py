"""Runs one exchange under a deadline and makes a sample of it."""

from __future__ import annotations

import asyncio
import time

import aiohttp
from yarl import URL

from probes.failure import ProbeError, reason_of_errno
from probes.http import metrics
from probes.http.connector import CheckedConnector
from probes.http.exchange import Answer, exchange, shown
from probes.http.settings import Settings
from probes.pattern import is_found
from probes.phases import Phases
from probes.sample import Labels, Reason, Sample, Target

_AUTH_STATUS = {401, 403, 407}


async def probe(target: Target, settings: Settings, deadline_s: float) -> Sample:
    """Ask once; returns within `deadline_s`, raises nothing. What was seen before a failure is kept."""
    at, started, phases = time.time(), time.monotonic(), Phases()
    try:
        answer = Answer(request_url(target.host, settings.url))
    except ValueError:
        return Sample(at, 0.0, False, Reason.RESOLVE, f"{target.host}: not an address that makes a URL")
    connector = CheckedConnector(target, settings, phases)
    failure = await _run(connector, settings, answer, phases, deadline_s)
    duration_s = time.monotonic() - started
    values, facts = _values(answer, phases, connector), _facts(answer, connector)
    if failure is None:
        return Sample(at, duration_s, True, values=values, facts=facts)
    return Sample(at, duration_s, False, failure.reason, failure.detail, values, facts)


def request_url(host: str, url: str) -> URL:
    """The URL to ask for: that of the settings, or its path on the target's host, which may be a URL."""
    if "://" in url:
        return URL(url)
    if "://" not in host:
        host = f"http://[{host}]" if host.count(":") > 1 and not host.startswith("[") else f"http://{host}"
    base = URL(host)
    if base.scheme not in ("http", "https") or not base.host:
        raise ValueError("no host")
    return base.join(URL(url)) if url else base


async def _run(
    connector: CheckedConnector, settings: Settings, answer: Answer, phases: Phases, deadline_s: float
) -> ProbeError | None:
    session = aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.CookieJar(unsafe=True),  # portals set one and redirect to themselves
        timeout=aiohttp.ClientTimeout(total=None),
        trust_env=False,
    )
    try:
        async with asyncio.timeout(deadline_s):
            await exchange(session, settings, answer)
        phases.enter("")
        return check(answer, settings)
    except Exception as error:
        return _failure(error, phases, deadline_s)
    finally:
        connector.abort()
        await session.close()


def check(answer: Answer, settings: Settings) -> ProbeError | None:
    """What is wrong with an answer, if anything."""
    status = answer.status or 0
    if not settings.expects(status):
        reason = Reason.AUTH if status in _AUTH_STATUS else Reason.PROTOCOL
        return ProbeError(reason, f"status {status}, expected {', '.join(settings.status)}")
    for header, pattern in settings.header_matches.items():
        if not is_found(pattern, ", ".join(answer.headers.getall(header, []))):
            return ProbeError(Reason.PROTOCOL, f"header {header} does not match {pattern!r}")
    return _check_body(answer, settings)


def _check_body(answer: Answer, settings: Settings) -> ProbeError | None:
    if not settings.body_matches and not settings.body_not_matches:
        return None
    text = _decode(answer)
    where = f"the first {settings.max_body_bytes} bytes of the body" if answer.is_cut else "the body"
    if settings.body_matches and not is_found(settings.body_matches, text):
        return ProbeError(Reason.PROTOCOL, f"{where} does not match {settings.body_matches!r}")
    if settings.body_not_matches and is_found(settings.body_not_matches, text):
        return ProbeError(Reason.PROTOCOL, f"{where} matches {settings.body_not_matches!r}")
    return None


def _decode(answer: Answer) -> str:
    body = answer.body or b""
    try:
        return body.decode(answer.charset, "replace")
    except LookupError:
        return body.decode("utf-8", "replace")


def _failure(error: Exception, phases: Phases, deadline_s: float) -> ProbeError:
    match error:
        case ProbeError():
            return error
        case TimeoutError():
            return ProbeError(Reason.TIMEOUT, f"no end of {phases.current} within {deadline_s:g} s")
        case aiohttp.ServerDisconnectedError():
            return ProbeError(Reason.PROTOCOL, "the server closed the connection without an answer")
        case aiohttp.ClientResponseError() | aiohttp.ClientPayloadError():
            return ProbeError(Reason.PROTOCOL, f"not an HTTP answer, in {phases.current}")
        case OSError():
            what = error.strerror or type(error).__name__
            return ProbeError(reason_of_errno(error.errno, Reason.PROTOCOL), f"{what}, in {phases.current}")
    return ProbeError(Reason.ERROR, f"{type(error).__name__}, in {phases.current or 'preparation'}")


def _values(answer: Answer, phases: Phases, connector: CheckedConnector) -> dict[tuple[str, Labels], float]:
    values: dict[tuple[str, Labels], float] = {
        (metrics.PHASE.name, (("phase", phase),)): seconds for phase, seconds in phases.finished_s.items()
    }
    if answer.status is not None:
        values[metrics.STATUS_CODE.name, ()] = float(answer.status)
        values[metrics.REDIRECTS.name, ()] = float(answer.redirects)
    if answer.body is not None:
        values[metrics.RESPONSE_BYTES.name, ()] = float(len(answer.body))
    if connector.certificate_expiry is not None:
        values[metrics.CERTIFICATE_EXPIRY.name, ()] = connector.certificate_expiry
    return values


def _facts(answer: Answer, connector: CheckedConnector) -> dict[str, str]:
    facts = {"url": shown(answer.url), **connector.facts}
    if answer.is_cut:
        facts["body"] = "longer than max_body_bytes, the rest was not read"
    return facts
