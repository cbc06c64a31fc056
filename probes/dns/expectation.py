"""What is asked and expected by the settings, and what is wrong with an answer. Pure."""

from __future__ import annotations

import dns.rcode

from probes.bytestream import quote
from probes.dns.message import Answer, Question, normalize_record, parse_code
from probes.dns.settings import Settings
from probes.failure import ProbeError
from probes.pattern import is_found
from probes.sample import Reason

_LONGEST_SHOWN = 300

_NOT_FOR_US = (dns.rcode.REFUSED, dns.rcode.NOTAUTH)


def question_of(settings: Settings) -> Question:
    """What is asked; raises ValueError."""
    return Question.parse(settings.query, settings.record, authenticated=settings.dnssec)


def expected_codes(settings: Settings) -> frozenset[int]:
    """The response codes that are right, as numbers; raises ValueError."""
    return frozenset(map(parse_code, settings.rcodes))


def expected_records(settings: Settings) -> tuple[str, ...]:
    """The records expected, as answers show them; raises ValueError."""
    question = question_of(settings)
    return tuple(normalize_record(question, record) for record in settings.answers)


def require_readable(settings: Settings) -> None:
    """Raises ValueError with what is allowed."""
    expected_codes(settings)
    expected_records(settings)


def check(answer: Answer, settings: Settings) -> ProbeError | None:
    """What is wrong with an answer, if anything."""
    if answer.is_truncated:
        return ProbeError(Reason.PROTOCOL, "an answer that is cut, even over a stream")
    if answer.code not in expected_codes(settings):
        return _wrong_code(answer, settings)
    if settings.authoritative and not answer.is_authoritative:
        return ProbeError(Reason.PROTOCOL, "the answer is not authoritative")
    if settings.dnssec and not answer.is_authenticated:
        return ProbeError(Reason.PROTOCOL, "the resolver has not verified the answer (no AD flag)")
    if answer.code != dns.rcode.NOERROR:
        return None
    wrong = _wrong_records(answer.records, settings)
    return ProbeError(Reason.PROTOCOL, wrong) if wrong else None


def shorten(text: str) -> str:
    """What a server sent, short enough for one line."""
    return quote(text, _LONGEST_SHOWN)


def _wrong_code(answer: Answer, settings: Settings) -> ProbeError:
    reason = Reason.AUTH if answer.code in _NOT_FOR_US else Reason.PROTOCOL
    why = f": {shorten(answer.explanation)}" if answer.explanation else ""
    return ProbeError(reason, f"{answer.code_text}, expected {', '.join(settings.rcodes)}{why}")


def _wrong_records(records: tuple[str, ...], settings: Settings) -> str:
    """What is missing or too much, or nothing."""
    expected, patterns = expected_records(settings), settings.answer_patterns
    missing = [text for text in expected if text not in records]
    missing += [repr(text) for text in patterns if not any(is_found(text, record) for record in records)]
    if settings.match == "any" and not expected and not patterns:
        return "" if records else "no record of the type that was asked for"
    if settings.match == "any":
        is_there = len(missing) < len(expected) + len(patterns)
        return "" if is_there else f"none of {', '.join(missing)}, but {_shown(records)}"
    if missing:
        return f"no {', '.join(missing)}, but {_shown(records)}"
    other = [one for one in records if one not in expected and not any(is_found(p, one) for p in patterns)]
    return f"{_shown(tuple(other))}, not expected" if settings.match == "exact" and other else ""


def _shown(records: tuple[str, ...]) -> str:
    return shorten(", ".join(records)) or "no records"
