"""What is sent to one page and what comes back; which request follows a redirect."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from urllib.parse import urlencode

from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from probes.failure import ProbeError
from probes.sample import Reason

_KEEP_METHOD = {307, 308}
_FORM_TYPE = "application/x-www-form-urlencoded"


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

    @property
    def text(self) -> str:
        """The body, in the charset that the server has named, if there is such a one."""
        body = self.body or b""
        try:
            return body.decode(self.charset, "replace")
        except LookupError:
            return body.decode("utf-8", "replace")


def build_request(
    url: URL, method: str, headers: Mapping[str, str], form: Mapping[str, str], body: str
) -> Request:
    """The request for a page, before any redirect."""
    if not form:
        return Request(url, method, headers, body)
    typed = CIMultiDict({"Content-Type": _FORM_TYPE})
    typed.update(headers)
    return Request(url, method, typed, urlencode(form))


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
