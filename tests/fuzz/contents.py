"""Parsers of what is inside of answers: pages, JSON, values to be carried, certificates, stapled answers."""

from __future__ import annotations

from functools import cache
from typing import Any

from cryptography.x509 import Certificate, load_der_x509_certificate
from multidict import CIMultiDict, CIMultiDictProxy
from OpenSSL.crypto import FILETYPE_ASN1, X509, Error, load_certificate
from yarl import URL

from probes.http.certificate import earliest_expiry
from probes.http.check import check
from probes.http.exchange import Answer, Request, redirect
from probes.http.page import PageSettings
from probes.journey.filling import Carried, fill_request
from probes.journey.source import find_value
from probes.tls.chain import describe, name_flaw, shown_certificates
from probes.tls.staple import read_staple
from tests.fuzz.corpus import captures
from tests.fuzz.harness import Case, ended

_HOME = URL("http://portal.lw.test/login")
_LONGEST_BODY = 200_000
_NAMES = ("portal.test", "127.0.0.1", "fd00::1", "cổng.test")
_JSON_WORDS = (b"[" * 5000, b'{"a":' * 3000, b'"\\ud800"', b"1e400", b"-0", b"123456789012345678901234567890")
_URL_WORDS = (
    b"//",
    b"http://",
    b"https://[::1",
    b"http://a:99999/",
    b"javascript:",
    b"@",
    b"%zz",
    b"\\\\",
    b"xn--a-",
    b"#",
)

PAGE = PageSettings(
    body_matches=r"Xin\s+chào|token",
    body_not_matches=r"(a+)+\$",
    json_matches={"access.token": "t0", "rows[?ok].id | sort(@) | [0]": ".", "length(link)": r"\d"},
)
TEXT = PageSettings(body_matches="Xin chào", header_matches={"Server": "nginx"})
SOURCES = (
    *("json:access.token", "json:rows[*].id", r'regex:name="csrf" value="([^"]*)"', r"regex:(\w+)"),
    *("header:Location", "cookie:session"),
)
NEXT = (
    PageSettings(url="/pay/{{v}}?id={{v}}", form={"v": "{{v}}"}),
    PageSettings(url="/pay", headers={"X-V": "{{v}}"}, body='{"v": "{{v}}"}', method="POST"),
    PageSettings(url="/pay", headers={"Content-Type": "application/json"}, body='{"v": "{{v}}"}'),
    PageSettings(url="{{v}}"),
)


def cases() -> tuple[Case, ...]:
    """All of them."""
    bodies = (_JSON, _HTML)
    return (
        Case("http body", bodies, read_body, _LONGEST_BODY, _JSON_WORDS),
        Case("http redirect", _LOCATIONS, read_location, 8_000, _URL_WORDS),
        Case("journey values", (*bodies, *_LOCATIONS), carry, _LONGEST_BODY, (*_JSON_WORDS, *_URL_WORDS)),
        Case("tls certificate", captures("tls", "certificate"), read_certificate, 20_000, DER_WORDS),
        Case("tls staple", captures("tls", "staple"), read_answer, 20_000, DER_WORDS),
    )


_JSON = b'{"access": {"token": "t0ken"}, "link": "/pay?id=7", "rows": [{"id": 1, "ok": true}, {"id": 2}]}'
_HTML = '<html><title>Cổng</title><input name="csrf" value="a1&amp;b2"><body>Xin chào</body></html>'.encode()
_LOCATIONS = (
    *(b"/page", b"http://portal.lw.test/pay?id=7#top", b"https://user:pw@other.lw.test:8443/a/../b;c?d=%20"),
    *(b"//cdn.lw.test/x", b"http://[fd00::1]:80/", b"../up", b"?q=1", "http://cổng.lw.test/đường".encode()),
)
DER_WORDS = (
    *(b"\x06\x03\x55\x1d\x11", b"\x06\x03\x55\x1d\x13", b"\x30\x00", b"\x05\x00", b"\x17\x0d", b"\x18\x0f"),
    *(b"\xa0\x03\x02\x01\x03", b"\x82\x0bportal.test", b"\x87\x04\x7f\0\0\1", b"\x31\x00", b"\x1e\x02\xd8\0"),
)


def _answer(body: bytes) -> Answer:
    """A whole answer with this body, in one of the charsets that servers name."""
    charset = ("utf-8", "latin-1", "utf-16", "windows-1258", "x-unknown")[len(body) % 5]
    text = body.decode("latin-1").translate({13: 32, 10: 32})[:8000]
    headers = CIMultiDict({"Location": text, "Content-Type": f"text/html; charset={charset}"})
    return Answer(_HOME, 200, CIMultiDictProxy(headers), body)


def read_body(body: bytes) -> str:
    def look(page: PageSettings) -> str:
        check(_answer(body), page)
        return "good"

    ended(lambda: look(TEXT))
    return ended(lambda: look(PAGE))


def read_location(data: bytes) -> str:
    text = data.decode("utf-8", "surrogateescape")

    def steps() -> str:
        asked = Request(_HOME, "POST", {"X-Key": "secret"}, "secret")
        onward = redirect(asked, 302 if len(data) % 2 else 307, text)
        assert onward.url.scheme in ("http", "https")
        assert onward.url.raw_host
        if onward.url.origin() != _HOME.origin():
            assert "secret" not in f"{onward.headers} {onward.body}", "no other origin gets any"
        return "same origin" if onward.url.origin() == _HOME.origin() else "another"

    return ended(steps)


def carry(data: bytes) -> str:
    """Whatever a page says is carried into every place that a step has."""
    answer, found = _answer(data), 0

    def steps(source: str, step: PageSettings) -> str:
        value = find_value(source, answer, {"session": data.decode("latin-1")})
        request = fill_request(step, {"v": Carried(value, _HOME)}, _HOME)
        assert all("\n" not in text and "\r" not in text for text in request.headers.values())
        if not step.url.startswith("{{"):
            assert (request.url.host, request.url.path[:4]) == (_HOME.host, "/pay"), (
                "a value stays in its place"
            )
        return "carried"

    step = NEXT[len(data) % len(NEXT)]
    for source in SOURCES:
        found += ended(lambda source=source: steps(source, step)) == "carried"  # type: ignore[misc]
    return "carried" if found else "nothing"


class Shown:
    """As much of a SecureStream, and of Python's own, as shows certificates."""

    def __init__(self, der: bytes, certificate: X509) -> None:
        self.connection = self
        self._der, self._certificate = der, certificate

    def getpeercert(self, *, binary_form: bool) -> bytes:
        return self._der

    def get_peer_cert_chain(self) -> list[X509]:
        return [self._certificate]


def read_certificate(der: bytes) -> str:
    try:
        shown = load_certificate(FILETYPE_ASN1, der)  # what OpenSSL lets into a handshake
    except Error:
        return "none"
    handshake: Any = Shown(der, shown)
    earliest_expiry(handshake)
    [certificate] = chain = shown_certificates(handshake)
    assert all(text.isprintable() for text in describe(chain).values())
    flaws = [name_flaw(certificate, name) for name in _NAMES]
    if certificate is None:
        return "unreadable"
    read_staple(captures("tls", "staple")[0], certificate)
    return "for another name" if all(flaws) else "for the name"


def read_answer(der: bytes) -> str:
    staple = read_staple(der, _certificate())
    return staple.status if staple.status in ("good", "revoked", "unknown", "unreadable") else "no answer"


@cache
def _certificate() -> Certificate:
    return load_der_x509_certificate(captures("tls", "certificate")[0])
