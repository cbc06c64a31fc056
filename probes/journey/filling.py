"""Puts carried values into a step's request, each written as its place demands.

What a server has sent is never trusted with more than its place: a value in a path stays one piece of it, one
in JSON or XML one text, one in a form one field, one in a header one line. What a body is, its Content-Type
says; in one of any other type values stand as they are.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import quote, quote_plus
from xml.sax.saxutils import escape

from yarl import URL

from probes.failure import ProbeError
from probes.http.exchange import Request, build_request, join
from probes.http.page import PageSettings
from probes.sample import Reason

_PLACE = re.compile(r"\{\{ *([a-z][a-z0-9_]*) *\}\}")
_IN_AUTHORITY = re.compile(r"https?://[^/?#]*\{\{")
_NOT_IN_A_LINE = re.compile(r"[^\t\x20-\x7e\x80-\U0010ffff]")
_NOT_IN_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # XML 1.0, 2.2
_XML_MARKS = {'"': "&quot;", "'": "&apos;", "\t": "&#9;", "\n": "&#10;", "\r": "&#13;"}
_BEHIND_PATH = re.compile(r"[?#]")


@dataclass(frozen=True, slots=True)
class Carried:
    """A value, and the page it was found on."""

    value: str = field(repr=False)
    page: URL


def names_in(text: str) -> Iterator[str]:
    """The names of the values that `text` needs."""
    return (match[1] for match in _PLACE.finditer(text))


def begins_with_value(url: str) -> bool:
    """Whether `url` is itself, or begins with, what a page has said: the action of a form, a link."""
    return _PLACE.match(url) is not None


def names_host(url: str) -> bool:
    """Whether a value stands where the host is written."""
    return _IN_AUTHORITY.match(url) is not None


def fill_request(step: PageSettings, carried: Mapping[str, Carried], home: URL) -> Request:
    """The request of a step; raises ProbeError where a value does not fit its place."""
    url = _fill_url(step.url, carried, home)
    if not _may_get_all(url, step, carried, home):
        raise ProbeError(Reason.PERMISSION, f"what it is to send is not for {url.origin()}")
    return build_request(
        url,
        step.verb,
        {name: _fill(text, carried, _one_line) for name, text in step.headers.items()},
        {name: _fill(text, carried, str) for name, text in step.form.items()},
        _fill(step.body, carried, _writer_of(step)),
    )


def _may_get_all(url: URL, step: PageSettings, carried: Mapping[str, Carried], home: URL) -> bool:
    """A page may say where to go on, but not that passwords and tokens go to an origin that it names."""
    leading = _PLACE.match(step.url)
    has_content = step.headers or step.form or step.body
    if leading is None or not has_content:
        return True
    return url.origin() in (home.origin(), carried[leading[1]].page.origin())


def _fill(text: str, carried: Mapping[str, Carried], write: Callable[[str], str]) -> str:
    return _PLACE.sub(lambda match: write(carried[match[1]].value), text)


def _fill_url(text: str, carried: Mapping[str, Carried], home: URL) -> URL:
    leading = _PLACE.match(text)
    try:
        if leading is None:
            return home.join(URL(_fill_rest(text, carried))) if text else home
        said = carried[leading[1]]
        url = join(said.page, said.value + _fill_rest(text[leading.end() :], carried))
    except ValueError:
        raise ProbeError(Reason.PROTOCOL, "what was carried makes no URL") from None
    if url.scheme not in ("http", "https") or not url.raw_host:
        raise ProbeError(Reason.PROTOCOL, f"what was carried leads to {url.scheme or 'no'} scheme")
    return url


def _fill_rest(text: str, carried: Mapping[str, Carried]) -> str:
    """A URL, or what follows a value that begins one; in its path no value may lead up."""
    path = _BEHIND_PATH.split(text, maxsplit=1)[0]
    for piece in filter(_PLACE.search, path.split("/")):
        if _fill(piece, carried, _in_url) in (".", ".."):
            raise ProbeError(Reason.PROTOCOL, "what was carried makes no piece of a path")
    return _fill(text, carried, _in_url)


def _in_url(value: str) -> str:
    return quote(value, safe="")


def _in_json(value: str) -> str:
    return json.dumps(value)[1:-1]


def _in_xml(value: str) -> str:
    if _NOT_IN_XML.search(value):
        raise ProbeError(Reason.PROTOCOL, "what was carried does not fit into XML")
    return escape(value, _XML_MARKS)


def _one_line(value: str) -> str:
    if _NOT_IN_A_LINE.search(value):
        raise ProbeError(Reason.PROTOCOL, "what was carried does not fit into one line")
    return value


_WRITERS: Mapping[str, Callable[[str], str]] = {
    "json": _in_json,
    "xml": _in_xml,
    "x-www-form-urlencoded": quote_plus,
    "multipart/": _one_line,
}
"""How values are written into a body, by what its type holds."""


def _writer_of(step: PageSettings) -> Callable[[str], str]:
    types = [value.lower() for name, value in step.headers.items() if name.lower() == "content-type"]
    found = (write for mark, write in _WRITERS.items() if any(mark in kind for kind in types))
    return next(found, str)
