"""One request and its redirects: every hop is a fresh connection that the connector checks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from importlib.metadata import PackageNotFoundError, version

import aiohttp
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from probes.failure import ProbeError
from probes.http.settings import Settings
from probes.sample import Reason

_REDIRECTS = {301, 302, 303, 307, 308}
_KEEP_METHOD = {307, 308}


@dataclass(frozen=True, slots=True)
class Request:
    """What is sent to one hop."""

    url: URL
    method: str
    headers: Mapping[str, str] = field(repr=False)
    body: str = field(repr=False)


@dataclass(slots=True)
class Answer:
    """What has come back so far; of several hops the last."""

    url: URL
    status: int | None = None
    headers: CIMultiDictProxy[str] = field(default_factory=lambda: CIMultiDictProxy(CIMultiDict()))
    body: bytes | None = None
    is_cut: bool = False
    charset: str = "utf-8"
    redirects: int = 0


async def exchange(session: aiohttp.ClientSession, settings: Settings, answer: Answer) -> None:
    """Ask for `answer.url`, follow redirects, and fill `answer`; raises ProbeError or aiohttp's errors."""
    request = Request(answer.url, settings.method, settings.headers, settings.body)
    while True:
        async with session.request(
            request.method,
            _without_second_login(request),
            headers={"User-Agent": _user_agent(), **request.headers},
            data=request.body.encode() or None,
            allow_redirects=False,
        ) as response:
            answer.url, answer.status, answer.headers = request.url, response.status, response.headers
            if settings.max_redirects == 0 or not _is_redirect(response):
                await _read_body(response, settings.max_body_bytes, answer)
                return
        if answer.redirects >= settings.max_redirects:
            raise ProbeError(Reason.PROTOCOL, f"more than {settings.max_redirects} redirects")
        answer.redirects += 1
        request = redirect(request, answer.status, answer.headers["Location"])


def redirect(request: Request, status: int, location: str) -> Request:
    """The request that follows a redirect.

    Headers and body of the settings may hold keys: another origin gets none of them.
    """
    try:
        url = request.url.join(URL(location))
    except ValueError:
        raise ProbeError(Reason.PROTOCOL, "redirect to something that is no URL") from None
    if url.scheme not in ("http", "https") or not url.host:
        raise ProbeError(Reason.PROTOCOL, f"redirect to {url.scheme or 'no'} scheme")
    if status not in _KEEP_METHOD and request.method != "HEAD":
        request = replace(request, method="GET", body="")
    if url.origin() != request.url.origin():
        request = replace(request, headers={}, body="")
    return replace(request, url=url)


def shown(url: URL) -> str:
    """A URL for people: without user, password and query, which may be secret."""
    return str(url.with_user(None).with_query(None).with_fragment(None))


def _without_second_login(request: Request) -> URL:
    """aiohttp refuses a user in the URL beside an Authorization header: the header counts."""
    has_header = any(name.lower() == "authorization" for name in request.headers)
    return request.url.with_user(None) if has_header else request.url


def _is_redirect(response: aiohttp.ClientResponse) -> bool:
    return response.status in _REDIRECTS and "Location" in response.headers


async def _read_body(response: aiohttp.ClientResponse, limit: int, answer: Answer) -> None:
    answer.charset = response.charset or "utf-8"
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > limit:
            answer.is_cut = True
            break
    answer.body = bytes(body[:limit])


def _user_agent() -> str:
    try:
        return f"LinkWatch/{version('linkwatch')}"
    except PackageNotFoundError:
        return "LinkWatch"
