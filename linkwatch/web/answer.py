"""JSON answers: times, cursors, query parameters, ETag and 304."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

from aiohttp import ETag, web

from linkwatch.web.problem import Problem, bad_request

PAGE_SIZE = 50
PAGE_SIZE_MAX = 200

_CACHING = {"Cache-Control": "private, no-cache", "Vary": "Authorization, Cookie"}


def rfc3339(at: float | None) -> str | None:
    """Seconds since the epoch -> `2021-05-04T08:30:00.000Z`."""
    if at is None:
        return None
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def json_answer(
    request: web.Request, payload: Mapping[str, Any], volatile: Mapping[str, Any] | None = None
) -> web.Response:
    """The payload, or 304 if the caller already has it.

    The tag is weak: it covers the body that this caller sees without the `volatile` fields (ages, which
    change with every request and mean nothing new). Compared weakly (RFC 9110 §13.1.2).
    """
    text = _dump(payload)
    tag = ETag(hashlib.sha256(text.encode()).hexdigest()[:32], is_weak=True)
    if any(known.value in (tag.value, "*") for known in request.if_none_match or ()):
        response = web.Response(status=HTTPStatus.NOT_MODIFIED, headers=_CACHING)
    else:
        whole = f"{text[:-1]},{_dump(volatile)[1:]}" if volatile else text
        response = web.Response(text=whole, content_type="application/json", headers=_CACHING)
    response.etag = tag
    return response


def parameters(request: web.Request, *allowed: str) -> Mapping[str, str]:
    """The query parameters; unknown and repeated ones are the caller's mistake."""
    for name in request.query:
        if name not in allowed:
            raise bad_request(f"Unknown parameter {name!r}; allowed: {', '.join(allowed)}.")
        if len(request.query.getall(name)) > 1:
            raise bad_request(f"Parameter {name!r} comes more than once.")
    return request.query


def page_size(query: Mapping[str, str]) -> int:
    """The parameter `limit`."""
    text = query.get("limit", str(PAGE_SIZE))
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= PAGE_SIZE_MAX):
        raise bad_request(f"limit is a number from 1 to {PAGE_SIZE_MAX}.")
    return int(text)


def plain_text(name: str, text: str, length_max: int) -> str:
    """A text that a person wrote, without space around it: letters and line breaks, not too many."""
    if len(text) > length_max:
        raise Problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"{name} has at most {length_max} characters.")
    if not all(letter.isprintable() or letter in "\r\n\t" for letter in text):
        raise bad_request(f"{name} holds characters that are no text.")
    return text.strip()


def write_cursor(position: str) -> str:
    """An opaque cursor for a position in a list."""
    return base64.urlsafe_b64encode(position.encode()).decode().rstrip("=")


def read_cursor(cursor: str) -> str:
    """The position behind a cursor."""
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        return base64.b64decode(padded.encode(), altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        raise bad_request("cursor is not one that this server gave out.") from None


def _dump(payload: Mapping[str, Any]) -> str:
    return json.dumps(payload, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
