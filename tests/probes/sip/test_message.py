"""SIP messages as they come over the wire, and what is none."""

from __future__ import annotations

from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.endpoint import Endpoint
from probes.sip import Settings
from probes.sip.message import MalformedMessage, Options, decode, message_length
from probes.sip.sampling import request_uri

REQUEST = Options("sip:room.test", "tcp", "abcdef0123456789")
LOCAL = Endpoint(ip_address("::1"), 40000)
RESPONSE = (
    b"SIP/2.0 200 OK\r\n"
    b"v: SIP/2.0/TCP [::1]:40000;rport=40001\r\n ;received=fd00::7; branch=z9hG4bKabcdef0123456789\r\n"
    b"Via: SIP/2.0/TCP other;branch=z9hG4bKother\r\n"
    b"CSEQ : 1   OPTIONS\r\n"
    b"l: 4\r\n\r\nbody"
)


def test_a_request_holds_what_every_server_needs() -> None:
    lines = REQUEST.encode(LOCAL).decode().split("\r\n")
    assert lines[0] == "OPTIONS sip:room.test SIP/2.0"
    assert lines[1] == "Via: SIP/2.0/TCP [::1]:40000;branch=z9hG4bKabcdef0123456789;rport"
    assert {"Max-Forwards: 70", "CSeq: 1 OPTIONS", "Content-Length: 0"} <= set(lines)
    assert lines[-2:] == ["", ""]


def test_compact_folded_and_oddly_written_headers_are_understood() -> None:
    response = decode(RESPONSE)
    assert response is not None
    assert (response.status, response.phrase) == (200, "OK")
    assert response.answers(REQUEST)
    assert response.via_parameter("received") == "fd00::7"
    assert response.headers["content-length"] == "4"


@pytest.mark.parametrize(
    ("old", "new"), [(b"Kabcdef", b"Kabcdee"), (b"OPTIONS", b"INVITE"), (b": 1 ", b": 2 "), (b"v:", b"x:")]
)
def test_a_response_to_something_else_is_no_answer(old: bytes, new: bytes) -> None:
    response = decode(RESPONSE.replace(old, new))
    assert response is not None
    assert not response.answers(REQUEST)


def test_a_request_of_the_peers_own_is_no_response() -> None:
    assert decode(REQUEST.encode(LOCAL)) is None


@pytest.mark.parametrize("blank", [b"", b"\r\n\r\n"])
def test_the_end_of_a_message_in_a_stream_is_known_from_its_head(blank: bytes) -> None:
    whole = blank + RESPONSE
    head = len(whole) - len(b"body")
    assert [message_length(whole[:end]) for end in (0, 10, head - 1)] == [None, None, None]
    assert message_length(whole[:head]) == message_length(whole + b"SIP/2.0") == len(whole)
    assert decode(whole) == decode(RESPONSE)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n", "not a SIP message"),
        (b"SIP/2.0 200 OK\r\nContent-Length: -1\r\n\r\n", "a Content-Length that is no length"),
        (b"SIP/2.0 200 OK\r\nContent-Length: 9999999999\r\n\r\n", "a Content-Length that is no length"),
        (b"SIP/2.0 200 OK\r\n" + b"x" * 20_000, "a head of more than 16384 bytes"),
    ],
)
def test_what_no_sip_peer_sends_is_refused_at_once(data: bytes, why: str) -> None:
    with pytest.raises(MalformedMessage, match=why):
        message_length(data)


@given(st.binary(max_size=80))
def test_bytes_of_strangers_are_read_or_refused(data: bytes) -> None:
    for raw in (data, b"SIP/2.0 200 OK\r\n" + data + b"\r\n\r\n", RESPONSE[:40] + data + RESPONSE[40:]):
        for read in (decode, message_length):
            try:
                read(raw)
            except MalformedMessage:
                continue


@pytest.mark.parametrize(
    ("host", "settings", "uri"),
    [
        ("10.0.0.1", Settings(), "sip:10.0.0.1"),
        ("[fd00::1]:5070", Settings(user="801"), "sip:801@[fd00::1]:5070"),
        ("room.test:5070", Settings(), "sip:room.test:5070"),
        ("room.test", Settings(port=5070), "sip:room.test:5070"),
        ("room.test:5060", Settings(), "sip:room.test"),
        ("room.test:5061", Settings(transport="tls"), "sip:room.test"),
        ("room.test:5070", Settings(domain="thanhhoa.test"), "sip:thanhhoa.test"),
        ("https://room.test:8443", Settings(), "sip:room.test"),
        ("10.0.0.1", Settings(user="801", domain="room.test"), "sip:801@room.test"),
    ],
)
def test_whom_options_asks_for(host: str, settings: Settings, uri: str) -> None:
    assert request_uri(host, settings) == uri
