"""What is sent to one page and what comes back; which request follows a redirect."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from encodings import normalize_encoding
from encodings.aliases import aliases
from urllib.parse import urlencode

from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from probes.failure import ProbeError
from probes.sample import Reason

_KEEP_METHOD = {307, 308}
_FORM_TYPE = "application/x-www-form-urlencoded"
_LONGEST_SHOWN = 500
_PARAMETERS = re.compile(r";[^/]*")
# Python's own reader of such headers, which aiohttp uses, takes half a minute for one of 60 kB made for it.
_CHARSET = re.compile(r"""; *charset=["']?([\w.:-]{1,40})""", re.ASCII | re.IGNORECASE)
_CODECS = frozenset(aliases.values()) - {"utf_7"}
"""Those that pages are written in. Python knows more: with punycode a page of 1 MB takes a minute to read,
others give texts that cannot be written again; and each name that it does not know stays in memory."""


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
    redirects: int = 0

    @property
    def text(self) -> str:
        """The body, in the charset that the server has named, if there is such a one; without its mark."""
        body = self.body or b""
        try:
            decoded = body.decode(_codec(self.headers.get("Content-Type", "")), "replace")
        except LookupError:  # packings count as codecs, too
            decoded = body.decode("utf-8", "replace")
        return decoded.removeprefix("\ufeff")


def build_request(
    url: URL, method: str, headers: Mapping[str, str], form: Mapping[str, str], body: str
) -> Request:
    """The request for a page, before any redirect."""
    if not form:
        return Request(url, method, headers, body)
    typed = CIMultiDict({"Content-Type": _FORM_TYPE})
    typed.update(headers)
    return Request(url, method, typed, urlencode(form))


def join(page: URL, text: str) -> URL:
    """Where `text`, which a server has sent, leads from `page`; raises ValueError if it is no URL."""
    url = page.join(URL(text))
    _ = url.port  # only now yarl finds out that it is none
    return url


def redirect(request: Request, status: int, location: str) -> Request:
    """The request that follows a redirect.

    Headers and body of the settings may hold keys: another origin gets none of them.
    """
    try:
        url = join(request.url, location)
    except ValueError:
        raise ProbeError(Reason.PROTOCOL, "redirect to something that is no URL") from None
    if url.scheme not in ("http", "https") or not url.raw_host:
        raise ProbeError(Reason.PROTOCOL, f"redirect to {url.scheme or 'no'} scheme")
    if status not in _KEEP_METHOD and request.method != "HEAD":
        request = replace(request, method="GET", body="")
    if url.origin() != request.url.origin():
        request = replace(request, headers={}, body="")
    return replace(request, url=url)


def shown(url: URL) -> str:
    """A URL for people: without user, password, query and `;jsessionid=…`, which may be secret."""
    text = _PARAMETERS.sub("", str(url.with_user(None).with_query(None).with_fragment(None)))
    # Cut anywhere else it might end in the middle of a secret, which could not be recognised any more.
    return text if len(text) <= _LONGEST_SHOWN else f"{url.scheme}://{(url.raw_host or '')[:60]}/…"


def _codec(content_type: str) -> str:
    match = _CHARSET.search(content_type)
    name = normalize_encoding(match[1]).lower() if match else ""
    codec = aliases.get(name, name)
    return codec if codec in _CODECS else "utf-8"
