"""What answers come to, those of hostile servers above all."""

from __future__ import annotations

import struct
import time
from collections.abc import Sequence
from contextlib import suppress

import dns.edns
import dns.flags
import dns.message
import dns.rrset
import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.dns.message import MOST_RECORDS, Answer, MalformedAnswerError, Question, read_answer

LONG_NAME = ".".join("a" * 126)
HEADER_BYTES = 12


def ask(name: str = "ok.lw.test", record: str = "A") -> tuple[Question, dns.message.Message]:
    question = Question.parse(name, record, authenticated=False)
    return question, dns.message.from_wire(question.make_query())


def answer_with(records: Sequence[str], name: str = "ok.lw.test", record: str = "A") -> Answer:
    """What comes of an answer that holds these records, written `NAME TYPE DATA`."""
    question, query = ask(name, record)
    response = dns.message.make_response(query)
    for line in records:
        owner, type_, data = line.split(" ", 2)
        response.answer.append(dns.rrset.from_text(owner, 60, "IN", type_, data))
    return read_answer(question, query.to_wire(), response.to_wire())


def test_aliases_are_followed_in_whatever_order_they_come() -> None:
    found = answer_with(["b. A 10.0.0.1", "a. CNAME b.", "ok.lw.test. CNAME a.", "c. A 10.0.0.9"])
    assert found.records == ("10.0.0.1",)
    assert found.aliases == ("a.", "b.")


def test_records_of_another_name_do_not_count() -> None:
    assert answer_with(["evil.test. A 10.66.6.6"]).records == ()


def test_aliases_in_a_circle_cannot_be_read() -> None:
    with pytest.raises(MalformedAnswerError):
        answer_with(["ok.lw.test. CNAME a.", "a. CNAME ok.lw.test."])


def test_the_code_of_an_error_may_reach_into_the_options() -> None:
    question, query = ask()
    response = dns.message.make_response(query)
    response.use_edns(0, options=[dns.edns.EDEOption(dns.edns.EDECode.PROHIBITED, "not\nfor\x1b[1myou")])
    response.set_rcode(dns.rcode.BADVERS)
    found = read_answer(question, query.to_wire(), response.to_wire())
    assert found.code_text == "BADVERS"
    assert found.explanation.startswith("18 (Prohibited): not")
    assert found.explanation.isprintable()


def test_an_error_may_leave_the_question_out_an_answer_may_not() -> None:
    question, query = ask()
    head = query.to_wire()[:2]
    refused = read_answer(question, query.to_wire(), head + struct.pack("!5H", 0x8005, 0, 0, 0, 0))
    assert refused.code_text == "REFUSED"
    with pytest.raises(ValueError, match="does not answer the question"):
        read_answer(question, query.to_wire(), head + struct.pack("!5H", 0x8000, 0, 0, 0, 0))


def test_a_name_may_come_back_in_other_case() -> None:
    question, query = ask()
    response = dns.message.make_response(query).to_wire()
    loud = response[:HEADER_BYTES] + response[HEADER_BYTES:].replace(b"test", b"TeST")
    assert read_answer(question, query.to_wire(), loud).code == 0


def test_an_answer_that_is_cut_is_not_read_further() -> None:
    question, query = ask()
    response = dns.message.make_response(query)
    response.flags |= dns.flags.TC
    assert read_answer(question, query.to_wire(), response.to_wire() + b"\xc0").is_truncated


def bomb(record: int, data: bytes, size: int) -> tuple[Question, bytes, bytes]:
    """A message of `size` bytes, full of records whose names have 126 labels."""
    question, query = ask(LONG_NAME, "NS")
    wire = query.to_wire()
    asked = wire[HEADER_BYTES : HEADER_BYTES + 253 + 4]
    one = b"\xc0\x0c" + struct.pack("!HHIH", record, 1, 60, len(data)) + data
    count = (size - HEADER_BYTES - len(asked)) // len(one)
    return question, wire, wire[:2] + struct.pack("!5H", 0x8180, 1, count, 0, 0) + asked + one * count


@pytest.mark.parametrize("size", [1232, 65_535])
@pytest.mark.parametrize(("record", "data"), [(2, b"\xc0\x0c"), (5, b"\xc0\x0c"), (16, b"\0"), (41, b"")])
def test_a_message_made_to_keep_us_busy_does_not(size: int, record: int, data: bytes) -> None:
    question, query, message = bomb(record, data, size)
    used = []
    for _ in range(3):
        started_s = time.thread_time()
        with suppress(MalformedAnswerError):
            assert len(read_answer(question, query, message).records) <= MOST_RECORDS
        used.append(time.thread_time() - started_s)
    assert min(used) < 0.2  # dnspython's own reader: up to 20 s


GOOD = ["ok.lw.test. CNAME a.", "a. A 10.0.0.1", "a. A 10.0.0.2"]


@st.composite
def damaged(draw: st.DrawFn) -> tuple[Question, bytes, bytes]:
    """A good answer with bytes changed behind its id, and with its end cut off or grown."""
    question, query = ask()
    response = dns.message.make_response(query)
    response.answer = [dns.rrset.from_text(o, 60, "IN", t, d) for o, t, d in map(str.split, GOOD)]
    wire = bytearray(response.to_wire())
    for place, byte in draw(st.lists(st.tuples(st.integers(2, len(wire) - 1), st.integers(0, 255)))):
        wire[place] = byte
    length = draw(st.integers(0, len(wire)))
    return question, query.to_wire(), bytes(wire[:length]) + draw(st.binary(max_size=20))


@given(damaged())
def test_any_damage_is_read_or_refused_in_words(case: tuple[Question, bytes, bytes]) -> None:
    with suppress(ValueError):
        found = read_answer(*case)
        assert found.code_text
        assert all(text.isprintable() for text in (*found.records, *found.aliases, found.explanation))


@given(st.binary(max_size=400), st.sampled_from(["A", "TXT", "SOA", "MX", "SRV", "CAA", "NAPTR", "DNSKEY"]))
def test_any_records_behind_a_good_question_are_read_or_refused(rest: bytes, record: str) -> None:
    question, query = ask(record=record)
    head = dns.message.make_response(query)
    head.use_edns(False)
    wire = head.to_wire()
    message = wire[:6] + b"\0\2\0\1\0\1" + wire[HEADER_BYTES:] + rest
    try:
        found = read_answer(question, query.to_wire(), message)
    except MalformedAnswerError:
        return
    assert all(text.isprintable() for text in found.records)
