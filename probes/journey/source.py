"""Where in an answer a value stands that later steps need: `json:token`, `regex:name="t" value="([^"]+)"`."""

from __future__ import annotations

from collections.abc import Mapping
from html import unescape

from probes.failure import ProbeError
from probes.http.check import json_text
from probes.http.exchange import Answer
from probes.http.page import require_query
from probes.pattern import find_group
from probes.requirements import require, require_pattern
from probes.sample import Reason

KINDS = ("json", "regex", "header", "cookie")

_LONGEST = 16_384


def check_source(name: str, source: str) -> None:
    """Raises ValueError unless `source` says where a value stands."""
    kind, _, what = source.partition(":")
    require(kind in KINDS and bool(what), name, "json:JMESPATH, regex:PATTERN, header:NAME or cookie:NAME")
    if kind == "json":
        require_query(name, what)
    elif kind == "regex":
        require_pattern(name, what)


def find_value(source: str, answer: Answer, cookies: Mapping[str, str]) -> str:
    """The value at `source`; raises ProbeError where nothing stands there. `cookies`: those kept so far."""
    kind, _, what = source.partition(":")
    if kind == "json":
        found: str | None = json_text(answer, what)
    elif kind == "regex":
        found = _find_in_text(what, answer)
    elif kind == "header":
        found = answer.headers.get(what)
    else:
        found = cookies.get(what)
    if not found:
        raise ProbeError(Reason.PROTOCOL, f"nothing at {source}")
    if len(found) > _LONGEST or not _is_text(found):
        raise ProbeError(Reason.PROTOCOL, f"no text of at most {_LONGEST} characters at {source}")
    return found


def _find_in_text(pattern: str, answer: Answer) -> str | None:
    """HTML writes `&` in attributes as `&amp;`: what a browser would send is wanted."""
    found = find_group(pattern, answer.text)
    if not found or "html" not in answer.headers.get("Content-Type", ""):
        return found
    try:
        return unescape(found)
    except ValueError:  # the number of a character, of thousands of digits
        return None


def _is_text(found: str) -> bool:
    """Headers may hold bytes that are no text; they could not be sent on."""
    try:
        found.encode()
    except UnicodeEncodeError:
        return False
    return True
