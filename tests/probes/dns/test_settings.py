"""What the settings of a DNS probe accept, and what they say when they do not."""

from __future__ import annotations

import re
from typing import Any

import pytest

from probes.dns import Settings
from probes.dns.expectation import expected_records, question_of


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"query": "a..b"}, "query: must be a domain name, not 'a..b'"),
        ({"query": "x" * 70}, "query: must be a domain name"),
        ({"record": "AA"}, "record: must be a type such as A, AAAA, MX or SOA, not 'AA'"),
        ({"record": "AXFR"}, "record: must be one type of data, not 'AXFR'"),
        ({"rcodes": ("NXDOMIAN",)}, "rcodes: must be codes such as NOERROR or NXDOMAIN, not 'NXDOMIAN'"),
        ({"rcodes": ()}, "rcodes: must be at least one"),
        (
            {"query": "x.vn", "answers": ("10.1.2",)},
            "answers: '10.1.2' is not the data of a record of type A",
        ),
        ({"answer_patterns": ("(",)}, "answer_patterns: not a regular expression"),
        ({"match": "some"}, "match: must be one of any, all, exact"),
        ({"match": "all"}, "match: must be any or exact, where no answers are expected"),
        ({"transport": "doh"}, "transport: must be one of udp, tcp, tls"),
        ({"resolvers": ("10.0.0.1:0",)}, "resolvers: '0' is not a port"),
        ({"resolvers": ("",)}, "resolvers: must be HOST, HOST:PORT or HOST:PORT#NAME"),
        ({"resolvers": ("10.0.0.1#a.vn",)}, "resolvers: must be without #NAME where transport is not tls"),
        (
            {"transport": "tls", "resolvers": ("10.0.0.1#a.vn", "10.0.0.1#b.vn")},
            "resolvers: must be named once",
        ),
        ({"resolvers": ("10.0.0.1", "10.0.0.1")}, "resolvers: must be named once each"),
    ],
)
def test_a_wrong_setting_says_what_is_allowed(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        Settings(**given)


@pytest.mark.parametrize(
    ("query", "record", "asked"),
    [
        ("thanhhoa.gov.vn", "", "thanhhoa.gov.vn. A"),
        (".", "", ". NS"),
        ("thanhhóa.vn", "aaaa", "xn--thanhha-q0a.vn. AAAA"),
        ("10.1.2.3", "PTR", "3.2.1.10.in-addr.arpa. PTR"),
        ("_sip._udp.x.vn", "SRV", "_sip._udp.x.vn. SRV"),
    ],
)
def test_what_is_asked(query: str, record: str, asked: str) -> None:
    question = question_of(Settings(query=query, record=record))
    assert f"{question.name} {question.type.name}" == asked


@pytest.mark.parametrize(
    ("record", "written", "shown"),
    [
        ("AAAA", "FD00:0::3", "fd00::3"),
        ("MX", "10 Mail.X.vn", "10 mail.x.vn."),
        ("TXT", "v=spf1 -all", '"v=spf1 -all"'),
    ],
)
def test_expected_records_are_compared_as_data_not_as_they_are_written(
    record: str, written: str, shown: str
) -> None:
    assert expected_records(Settings(query="x.vn", record=record, answers=(written,))) == (shown,)
