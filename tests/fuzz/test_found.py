"""What fuzzing has found, each with the input that showed it: it stays mended."""

from __future__ import annotations

import struct
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from cryptography.x509 import Certificate, load_der_x509_certificate
from OpenSSL.crypto import FILETYPE_ASN1, load_certificate
from yarl import URL

from probes import registry
from probes.conversation import Stream
from probes.endpoint import Endpoint
from probes.failure import ProbeError
from probes.http import Settings as HttpSettings
from probes.http.certificate import earliest_expiry
from probes.http.exchange import Request, redirect
from probes.http.page import PageSettings
from probes.journey.filling import Carried, fill_request
from probes.rtsp.login import choose_login
from probes.rtsp.message import Answer, Garbage, Reader
from probes.sample import Reason, Target
from probes.sip.message import message_length
from probes.snmp.interfaces import clean_text
from probes.testing import serve_tcp
from probes.tls.chain import describe, name_flaw, shown_certificates
from tests.fuzz.contents import Shown
from tests.fuzz.corpus import captures
from tests.fuzz.datagrams import read_dns
from tests.fuzz.live import lives
from tests.fuzz.streams import MAIL, Tape, measured, speaker
from tests.probes.datagrams import serve_udp
from tests.probes.http.pages import measure, raw

HOME = URL("http://portal.lw.test/")


@pytest.fixture
def quick() -> Iterator[None]:
    """Little time of its own, whatever the machine does meanwhile; each of these took 0.3 s to minutes."""
    began_s = time.thread_time()
    yield
    assert time.thread_time() - began_s < 0.5


def feed(data: bytes, size: int) -> list[object]:
    reader = Reader()
    return [
        message for place in range(0, len(data), size) for message in reader.feed(data[place : place + size])
    ]


# Time


def test_a_status_line_of_spaces_is_read_in_no_time(quick: None) -> None:
    head = b"RTSP/1.0 200" + b" " * 16_000 + b"\nx\r\n\r\n"
    assert [message.status for message in feed(head, 65_536) if isinstance(message, Answer)] == [200]


def test_a_thousand_headers_of_one_name_cost_no_more_than_others(quick: None) -> None:
    assert len(feed((b"RTSP/1.0 200 OK\r\n" + b"a:\r\n" * 4000 + b"\r\n") * 20, 65_536)) == 20


def test_a_head_is_read_once_however_its_body_dribbles(quick: None) -> None:
    head = b"RTSP/1.0 200 OK\r\nContent-Length: 1000\r\n" + b"a:\r\n" * 3900 + b"\r\n"
    reader = Reader()
    assert not list(reader.feed(head))
    assert len([message for _ in range(1000) for message in reader.feed(b"x")]) == 1


def test_a_challenge_of_one_long_word_is_read_in_no_time(quick: None) -> None:
    assert choose_login(["Digest " + "a" * 16_000], "noc", "s3cret") is not None


class Dribble(Tape):
    """Comes in pieces of one size."""

    def __init__(self, data: bytes, size: int) -> None:
        super().__init__(data)
        self._pieces = (data[place : place + size] for place in range(0, len(data), size))


@pytest.mark.parametrize(
    ("data", "size"),
    [
        (b"SIP/2.0 200 OK\r\nContent-Length: 40000\r\n" + b"a:\r\n" * 3900 + b"\r\n" + b"x" * 1000, 1000),
        (b"SIP/2.0 200 OK\r\nContent-Length: 40000\r\n\r\n" + b"x" * 5000, 1),
        (b"\r\n" * 30_000, 2),
    ],
    ids=["long head", "long body", "blank lines"],
)
def test_a_stream_that_dribbles_costs_what_it_brings(data: bytes, size: int, quick: None) -> None:
    async def steps(_attempt: Any) -> None:
        stream = Stream(Dribble(data, size), Endpoint.of(("127.0.0.1", 9)), message_length)
        await stream.ask(b"?", lambda message: None)

    assert measured(steps) == Reason.PROTOCOL


@pytest.mark.parametrize("line", [b"\n", b"EHLO\n"])
def test_a_peer_who_says_nothing_but_line_ends_is_soon_left(line: bytes, quick: None) -> None:
    assert speaker(MAIL)(b"220 x\r\n" + line * 60_000) == Reason.PROTOCOL


def test_thousands_of_options_are_not_read_for_an_explanation(quick: None) -> None:
    question = captures("dns", "mx")[0][12:26]
    options = b"\0\x0f\0\2\0\1" * 10_000
    record = b"\0\0\x29\x04\xd0\0\0\0\0" + struct.pack("!H", len(options)) + options
    message = b"\x12\x34\x81\x80\0\1\0\0\0\0\0\1" + question + record
    assert [read_dns(message) for _ in range(10)] == [Reason.PROTOCOL] * 10


# Errors that nobody had thought of


@pytest.mark.parametrize("place", ["http://portal.lw.test:x/", "http://portal.lw.test:99999/", "//a:b:c/"])
def test_a_port_that_is_none_makes_no_url(place: str) -> None:
    with pytest.raises(ProbeError) as failure:
        redirect(Request(HOME, "GET", {}, ""), 302, place)
    assert failure.value.reason is Reason.PROTOCOL
    with pytest.raises(ProbeError) as failure:
        fill_request(PageSettings(url="{{v}}"), {"v": Carried(place, HOME)}, HOME)
    assert failure.value.reason is Reason.PROTOCOL


def changed(change: Callable[[bytes], bytes]) -> bytes:
    der = change(captures("tls", "certificate")[0])
    assert len(der) == len(captures("tls", "certificate")[0])
    return der


def shown(der: bytes) -> tuple[Certificate | None, ...]:
    secured: Any = Shown(der, load_certificate(FILETYPE_ASN1, der))
    return shown_certificates(secured)


def test_a_certificate_of_a_version_that_does_not_exist_cannot_be_read() -> None:
    [certificate] = chain = shown(
        changed(lambda der: der.replace(b"\xa0\x03\x02\x01\x02", b"\xa0\x03\x02\x01\x22"))
    )
    assert describe(chain) == {"certificate_0": "cannot be read"}
    assert name_flaw(certificate, "portal.test") == "it cannot be read"


def test_names_that_stand_twice_in_a_certificate_are_a_flaw_of_it() -> None:
    names, constraints = b"\x06\x03\x55\x1d\x11", b"\x06\x03\x55\x1d\x13"
    [certificate] = chain = shown(changed(lambda der: der.replace(constraints, names)))
    assert describe(chain)["certificate_0"].startswith("CN=portal.test")
    assert name_flaw(certificate, "portal.test") == "not for portal.test: its names cannot be read"


def test_the_untouched_certificate_is_good() -> None:
    assert name_flaw(load_der_x509_certificate(captures("tls", "certificate")[0]), "portal.test") == ""


def test_what_cannot_become_rtsp_is_refused_at_once() -> None:
    with pytest.raises(Garbage):
        feed(b"OPTIONS " + b"x" * 16_384, 1000)


def test_a_page_with_a_certificate_of_no_version_has_no_date_of_expiry() -> None:
    der = changed(lambda der: der.replace(b"\xa0\x03\x02\x01\x02", b"\xa0\x03\x02\x01\x22"))
    connection: Any = Shown(der, load_certificate(FILETYPE_ASN1, der))
    assert earliest_expiry(connection) is None


@pytest.mark.parametrize(
    "parameter", [b'nonce="\xa8"', b'nonce="a\x02b"', b"nonce=x, realm=\xe8", b'nonce="x", domain="//a:b"']
)
async def test_a_call_for_a_digest_that_makes_no_sense_is_a_refused_login(parameter: bytes) -> None:
    call = b'HTTP/1.1 401 x\r\nWWW-Authenticate: Digest realm="noc", ' + parameter + b"\r\n"
    async with serve_tcp(raw(call + b"Content-Length: 0\r\n\r\n")) as port:
        login = HttpSettings(username="noc", password="s3cret", scheme="digest")
        sample = await measure(f"http://127.0.0.1:{port}/", login)
    assert sample.reason is Reason.AUTH


@pytest.mark.parametrize("byte", ["\u07be", "\u2028", "\x85", "\x00", "\r\n"])
def test_texts_of_a_device_are_one_line_that_can_be_shown(byte: str) -> None:
    assert clean_text(f"ge-0/0/1{byte} uplink{byte}".encode()) == "ge-0/0/1  uplink"


def test_a_device_with_endless_names_fills_no_memory() -> None:
    assert len(clean_text(b"x" * 60_000)) == 255


async def test_an_empty_object_id_is_a_malformed_answer() -> None:
    """gufo-snmp makes a RuntimeError of it, which escaped from the probe."""
    empty = bytes.fromhex(
        "302c02010004067075626c6963a21f02047b369de70201000201003011300f060b2b060102011f01010112030600"
    )
    [live] = (each for each in lives() if each.name == "snmp v1")
    async with serve_udp(lambda request: [live.address(request, empty)]) as port:
        sample = await registry.load_sampling("snmp").probe(
            Target("t", f"127.0.0.1:{port}"), registry.settings_of("snmp")(**live.settings), 1.0
        )
    assert (sample.reason, sample.detail) == (Reason.PROTOCOL, "malformed answer")
