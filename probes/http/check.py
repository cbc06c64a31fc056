"""Whether an answer is what it should be."""

from __future__ import annotations

from collections.abc import Mapping

from probes.failure import ProbeError
from probes.http.exchange import Answer
from probes.http.page import PageSettings
from probes.jsonquery import find_text, read_json
from probes.pattern import is_found
from probes.sample import Reason

_AUTH_STATUS = {401, 403}


def check(answer: Answer, page: PageSettings) -> None:
    """Raises ProbeError, which quotes the settings and nothing of the answer: that may hold secrets."""
    status = answer.status or 0
    if not page.expects(status):
        reason = Reason.AUTH if status in _AUTH_STATUS else Reason.PROTOCOL
        raise ProbeError(reason, f"status {status}, expected {', '.join(page.status)}")
    for header, pattern in page.header_matches.items():
        if not is_found(pattern, _readable(answer.headers.getall(header, []))):
            raise ProbeError(Reason.PROTOCOL, f"header {header} does not match {pattern!r}")
    _check_body(answer, page)
    if page.json_matches:
        _check_json(answer, page.json_matches)


def may_refuse_login(answer: Answer, page: PageSettings) -> bool:
    """Whether a wrong log-in may be what this answers: many portals say so on a page with status 200."""
    is_sent = bool(page.form or page.body)
    return is_sent and answer.status is not None and answer.status < 500


def json_text(answer: Answer, query: str) -> str:
    """What JMESPath finds in the body; raises ProbeError where there is nothing, or no JSON."""
    if answer.is_cut:
        raise ProbeError(Reason.PROTOCOL, "the JSON body is longer than max_body_bytes")
    try:
        document = read_json(answer.body or b"")
    except ValueError as error:
        raise ProbeError(Reason.PROTOCOL, f"the body is {error}") from None
    try:
        found = find_text(query, document)
    except ValueError as error:
        raise ProbeError(Reason.PROTOCOL, f"JSON {query} {error}") from None
    if found is None:
        raise ProbeError(Reason.PROTOCOL, f"JSON {query} is not there")
    return found


def _readable(values: list[str]) -> str:
    """Bytes that are no UTF-8 come in a form that no pattern can be looked for in."""
    return ", ".join(values).encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _check_body(answer: Answer, page: PageSettings) -> None:
    if not page.body_matches and not page.body_not_matches:
        return
    where = f"the first {len(answer.body or b'')} bytes of the body" if answer.is_cut else "the body"
    if page.body_matches and not is_found(page.body_matches, answer.text):
        raise ProbeError(Reason.PROTOCOL, f"{where} does not match {page.body_matches!r}")
    if page.body_not_matches and is_found(page.body_not_matches, answer.text):
        raise ProbeError(Reason.PROTOCOL, f"{where} matches {page.body_not_matches!r}")


def _check_json(answer: Answer, expected: Mapping[str, str]) -> None:
    for query, pattern in expected.items():
        if not is_found(pattern, json_text(answer, query)):
            raise ProbeError(Reason.PROTOCOL, f"JSON {query} does not match {pattern!r}")
