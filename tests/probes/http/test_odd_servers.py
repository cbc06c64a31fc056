"""The HTTP probe against odd servers: what browsers forgive is no failure, the rest has a reason."""

from __future__ import annotations

import asyncio
import time

import pytest

from probes.http import Settings
from probes.sample import Reason
from probes.testing import serve_tcp
from tests.probes.http.pages import measure, raw


@pytest.mark.parametrize(
    "head",
    [b"Content-Security-Policy: " + b"a" * 30_000, b"\r\n".join(b"X-%d: a" % i for i in range(300))],
    ids=["long", "many"],
)
async def test_headers_that_browsers_put_up_with_are_no_failure(head: bytes) -> None:
    answer = b"HTTP/1.1 200 OK\r\n" + head + b"\r\nContent-Length: 2\r\n\r\nok"
    async with serve_tcp(raw(answer)) as port:
        sample = await measure(f"http://127.0.0.1:{port}", deadline_s=2.0)
    assert sample.ok, sample.detail


async def test_a_body_that_breaks_off_is_told_from_what_is_no_http() -> None:
    async def break_off(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc")
        await writer.drain()

    async with serve_tcp(break_off) as port:
        sample = await measure(f"http://127.0.0.1:{port}")
    assert (sample.reason, sample.detail) == (Reason.PROTOCOL, "the body is cut off or badly packed")


@pytest.mark.parametrize("charset", ["punycode", "idna", "undefined", "unicode_escape", "utf-7", "zlib", "x"])
async def test_a_charset_that_no_page_has_neither_stops_us_nor_keeps_us_busy(charset: str) -> None:
    body = b"xin ch\xc3\xa0o " + b"\\ud800+2AA-" + b"-" + b"zz" * 500_000
    head = f"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset={charset}\r\nContent-Length: {len(body)}\r\n"
    async with serve_tcp(raw(f"{head}\r\n".encode() + body)) as port:
        started_s = time.process_time()
        sample = await measure(
            f"http://127.0.0.1:{port}", Settings(body_matches="chào", max_body_bytes=2_000_000)
        )
        took_s = time.process_time() - started_s
    assert sample.ok, sample.detail
    assert took_s < 2


@pytest.mark.parametrize(
    "kind", ["text/html; Charset='latin-1'", 'text/html;charset="ISO-8859-1"', "text/plain; a=b; charset=l1"]
)
async def test_the_charset_of_a_page_is_understood(kind: str) -> None:
    head = f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: 4\r\n\r\n"
    async with serve_tcp(raw(head.encode() + "chào".encode("latin-1"))) as port:
        sample = await measure(f"http://127.0.0.1:{port}", Settings(body_matches="^chào$"))
    assert sample.ok, sample.detail


async def test_a_type_of_content_made_to_keep_us_busy_does_not() -> None:
    answer = b"HTTP/1.1 200 OK\r\nContent-Type: a/b;" + b'a="\\' * 7500 + b"x\r\nContent-Length: 0\r\n\r\n"
    async with serve_tcp(raw(answer)) as port:
        started_s = time.process_time()
        sample = await measure(f"http://127.0.0.1:{port}")
        took_s = time.process_time() - started_s
    assert sample.ok, sample.detail
    assert took_s < 0.5


async def test_a_long_redirect_makes_no_long_texts() -> None:
    for location in (f"http://{'a.' * 5000}vn/", f"/{'a' * 10_000}"):
        answer = f"HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n"
        async with serve_tcp(raw(answer.encode())) as port:
            sample = await measure(f"http://127.0.0.1:{port}")
        assert not sample.ok
        assert max(map(len, (sample.detail, *sample.facts.values()))) < 600


async def test_cookies_that_are_none_do_not_fill_our_log(caplog: pytest.LogCaptureFixture) -> None:
    cookies = b"".join(b"Set-Cookie: a b%d=c\r\n" % place for place in range(100))
    async with serve_tcp(raw(b"HTTP/1.1 200 OK\r\n" + cookies + b"Content-Length: 0\r\n\r\n")) as port:
        assert (await measure(f"http://127.0.0.1:{port}")).ok
    assert caplog.records == []


async def test_a_header_in_another_charset_can_be_looked_at() -> None:
    answer = b"HTTP/1.1 200 OK\r\nServer: C\xf4ng portal\r\nContent-Length: 0\r\n\r\n"
    async with serve_tcp(raw(answer)) as port:
        sample = await measure(f"http://127.0.0.1:{port}", Settings(header_matches={"Server": "portal"}))
    assert sample.ok, sample.detail


async def test_a_json_body_may_begin_with_a_byte_order_mark() -> None:
    async with serve_tcp(
        raw(b'HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n\xef\xbb\xbf{"up": true}')
    ) as port:
        sample = await measure(
            f"http://127.0.0.1:{port}", Settings(json_matches={"up": "true"}, body_matches="^{")
        )
    assert sample.ok, sample.detail


@pytest.mark.parametrize("host", ["xn--a", "a..b", "x" * 70])
async def test_a_redirect_to_a_host_that_cannot_be_has_a_reason(host: str) -> None:
    answer = f"HTTP/1.1 302 Found\r\nLocation: http://{host}/\r\nContent-Length: 0\r\n\r\n"
    async with serve_tcp(raw(answer.encode())) as port:
        sample = await measure(f"http://127.0.0.1:{port}")
    assert sample.reason in (Reason.RESOLVE, Reason.PROTOCOL), sample


@pytest.mark.parametrize("challenge", ['realm="x"', 'realm="x", nonce="n", qop="new"', 'realm="x", nonce=""'])
async def test_a_login_that_cannot_be_answered_is_an_auth_failure(challenge: str) -> None:
    head = f"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\nWWW-Authenticate: Digest {challenge}\r\n\r\n"
    async with serve_tcp(raw(head.encode())) as port:
        settings = Settings(username="noc", password="s3cret-pw", scheme="digest")
        sample = await measure(f"http://127.0.0.1:{port}", settings)
    assert (sample.reason, sample.detail) == (Reason.AUTH, "the server's call for a digest makes no sense")
