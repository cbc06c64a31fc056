"""The HTTP probe against odd servers: what browsers forgive is no failure, the rest has a reason."""

from __future__ import annotations

import asyncio
import time
from itertools import pairwise

import pytest

from probes.http import Settings
from probes.sample import Reason
from probes.testing import Handler, serve_tcp
from tests.probes.http.pages import measure, raw, value


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


def in_pieces(answer: bytes, *places: int) -> Handler:
    """A peer that sends these bytes in segments, cut at these places."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        for start, end in pairwise((0, *places, len(answer))):
            writer.write(answer[start:end])
            await writer.drain()
            await asyncio.sleep(0.001)
        await reader.read()

    return handle


BROKEN = (Reason.PROTOCOL, "the body is cut off or badly packed")
NO_HTTP = (Reason.PROTOCOL, "not an HTTP answer, in transfer")
GOOD = (None, "")


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        ("HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nxin chào!", GOOD),  # letters counted for bytes
        ("HTTP/1.0 200 OK\r\nContent-Length: 8\r\nConnection: close\r\n\r\nxin chào\r\n\r\n", GOOD),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nxin\r\n0\r\n\r\nchào", GOOD),
        ("HTTP/1.1 204 No Content\r\n\r\nxin", GOOD),
        ("HTTP/1.1 200 OK\nContent-Length: 3\n\nxin chào", GOOD),
        (
            "HTTP/1.1 103 Early Hints\r\nX: a\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nxin chào",
            GOOD,
        ),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nxin", BROKEN),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nxinchào\r\n0\r\n\r\n", BROKEN),
        ("HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\nxin", NO_HTTP),
        ("xin\r\n\r\nchào", NO_HTTP),
    ],
    ids=[
        "more",
        "more-1.0",
        "more-chunks",
        "empty",
        "lf",
        "hints",
        "chunk",
        "chunk-end",
        "length",
        "no-http",
    ],
)
async def test_the_verdict_does_not_hang_on_how_the_answer_was_cut_into_packets(
    answer: str, verdict: tuple[Reason | None, str]
) -> None:
    """It is that of browsers and of curl: they take what the answer says is its body, and no more."""
    data = answer.encode()
    head = next(data.index(end) + len(end) for end in (b"\r\n\r\n", b"\n\n") if end in data)
    found = {}
    for name, places in {
        "whole": (),
        "behind the head": (head,),
        "in the blank line": (head - 1,),
        "within the body": (head + 1,),
        "bytes": tuple(range(1, len(data))),
    }.items():
        async with serve_tcp(in_pieces(data, *places)) as port:
            sample = await measure(f"http://127.0.0.1:{port}", deadline_s=2.0)
        found[name] = (sample.reason, sample.detail)
    assert found == dict.fromkeys(found, verdict)


async def test_of_an_answer_with_too_much_the_body_is_what_it_says() -> None:
    answer = "HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nxin chào!".encode()
    async with serve_tcp(raw(answer)) as port:
        sample = await measure(f"http://127.0.0.1:{port}", Settings(body_matches="^xin ch"))
    assert sample.ok, sample.detail
    assert value(sample, "http_response_bytes") == 8


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
