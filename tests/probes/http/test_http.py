"""The HTTP probe against real servers, good and bad."""

from __future__ import annotations

import asyncio
import gzip
import ssl
import time
from contextlib import suppress
from pathlib import Path

import pytest
from aiohttp import web

from probes.http import Settings
from probes.http.sampling import probe
from probes.sample import IPAddress, Reason, Target
from probes.testing import OPENSSL_MISSING, Authority, hang, has_openssl, make_authority, serve_tcp
from tests.probes.backlog import full_backlog
from tests.probes.http.pages import PHASE, measure, phases, raw, redirect_to, serve, text, value


async def test_a_page_gives_status_size_and_phases_that_add_up() -> None:
    async with serve({"/": text("xin chào")}) as url:
        sample = await measure(url)
    assert sample.ok, sample.detail
    assert value(sample, "http_status_code") == 200
    assert value(sample, "http_response_bytes") == len("xin chào".encode())
    assert phases(sample) == {"resolve", "connect", "first_byte", "transfer"}
    total_s = sum(seconds for (metric, _), seconds in sample.values.items() if metric == PHASE)
    assert total_s == pytest.approx(sample.duration_s, abs=0.05)
    assert total_s <= sample.duration_s


async def test_a_page_made_for_a_careless_pattern_holds_nobody_up() -> None:
    """Python's own engine would try 2**40 ways through these letters, with the whole service waiting."""
    async with serve({"/": text("a" * 500_000 + "!")}) as url:
        sample = await measure(url, Settings(body_matches="^(a+)+$", body_not_matches="(a|a)+b"))
    assert sample.reason is Reason.PROTOCOL
    assert sample.duration_s < 1.0


async def test_first_byte_and_transfer_are_told_apart() -> None:
    async def slow(request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(0.1)
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"one")
        await asyncio.sleep(0.2)
        await response.write(b"two")
        return response

    async with serve({"/": slow}) as url:
        sample = await measure(url)
    assert sample.values[PHASE, (("phase", "first_byte"),)] >= 0.1
    assert sample.values[PHASE, (("phase", "transfer"),)] >= 0.2


async def test_a_path_is_asked_for_on_the_targets_address() -> None:
    async with serve({"/health": text("ok")}) as url:
        sample = await probe(Target("t", url.removeprefix("http://")), Settings(url="/health"), 5.0)
    assert sample.ok
    assert sample.facts["url"] == f"{url}/health"


async def test_method_headers_and_body_are_sent_and_linkwatch_names_itself() -> None:
    async def echo(request: web.Request) -> web.Response:
        said = (request.method, request.headers["X-Key"], await request.text(), request.headers["User-Agent"])
        return web.Response(text=" ".join(said))

    settings = Settings(
        method="POST", headers={"X-Key": "k1"}, body="ping", body_matches="^POST k1 ping LinkWatch"
    )
    async with serve({"/": echo}) as url:
        sample = await measure(url, settings)
    assert sample.ok, sample.detail


@pytest.mark.parametrize(
    ("settings", "detail"),
    [
        (Settings(body_matches="đóng cửa"), "the body does not match 'đóng cửa'"),
        (Settings(body_not_matches="chào"), "the body matches 'chào'"),
        (Settings(status=("404", "5xx")), "status 200, expected 404, 5xx"),
        (Settings(header_matches={"Content-Type": "json"}), "header Content-Type does not match 'json'"),
        (Settings(header_matches={"X-None": "."}), "header X-None does not match '.'"),
    ],
)
async def test_an_answer_that_is_not_as_it_should_be_says_how(settings: Settings, detail: str) -> None:
    async with serve({"/": text("xin chào")}) as url:
        sample = await measure(url, settings)
    assert (sample.ok, sample.reason, sample.detail) == (False, Reason.PROTOCOL, detail)
    assert value(sample, "http_status_code") == 200


async def test_a_server_that_poses_as_a_proxy_refuses_no_login() -> None:
    async with serve({"/": text("", status=407)}) as url:
        assert (await measure(url)).reason is Reason.PROTOCOL


@pytest.mark.parametrize("status", [401, 403])
async def test_a_refused_login_is_an_auth_failure_unless_expected(status: int) -> None:
    async with serve({"/": text("", status=status)}) as url:
        assert (await measure(url)).reason is Reason.AUTH
        assert (await measure(url, Settings(status=(str(status),)))).ok


async def test_redirects_are_followed_and_counted() -> None:
    async with serve({"/": redirect_to("/a"), "/a": redirect_to("b?x=1"), "/b": text("end")}) as url:
        sample = await measure(url, Settings(body_matches="end"))
        stopped = await measure(url, Settings(max_redirects=1))
        unfollowed = await measure(url, Settings(max_redirects=0, status=("302",)))
    assert sample.ok, sample.detail
    assert value(sample, "http_redirects") == 2
    assert sample.facts["url"] == f"{url}/b"
    assert (stopped.reason, stopped.detail) == (Reason.PROTOCOL, "more than 1 redirects")
    assert unfollowed.ok


async def test_a_login_page_that_sets_a_cookie_and_redirects_to_itself_ends() -> None:
    async def page(request: web.Request) -> web.Response:
        if "seen" in request.cookies:
            return web.Response(text="welcome")
        return web.Response(status=302, headers={"Location": "/", "Set-Cookie": "seen=1; Path=/"})

    async with serve({"/": page}) as url:
        assert (await measure(url)).ok


async def test_a_redirect_out_of_scope_is_never_connected_to() -> None:
    reached = []

    async def outside(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        reached.append(1)

    asked: list[IPAddress] = []

    def allows(address: IPAddress) -> bool:
        asked.append(address)
        return str(address) == "127.0.0.1"

    async with (
        serve_tcp(outside, host="127.0.0.2") as port,
        serve({"/": redirect_to(f"http://127.0.0.2:{port}/")}) as url,
    ):
        sample = await probe(Target("t", url, allows), Settings(), 5.0)
    assert sample.reason is Reason.PERMISSION
    assert sample.detail == "127.0.0.2 is outside the scope (127.0.0.2)"
    assert [str(address) for address in asked] == ["127.0.0.1", "127.0.0.2"]
    assert not reached


@pytest.mark.parametrize(
    "location", ["ftp://127.0.0.1/", "file:///etc/passwd", "http://[::1", "javascript:1"]
)
async def test_a_redirect_to_anything_but_http_is_not_followed(location: str) -> None:
    async with serve({"/": redirect_to(location)}) as url:
        sample = await measure(url)
    assert sample.reason is Reason.PROTOCOL


async def test_headers_of_the_settings_do_not_follow_to_another_origin() -> None:
    heard: list[str | None] = []

    async def listen(request: web.Request) -> web.Response:
        heard.append(request.headers.get("Authorization"))
        return web.Response()

    settings = Settings(headers={"Authorization": "Bearer t0ken"})
    async with serve({"/": listen}) as other, serve({"/": redirect_to(other), "/same": listen}) as url:
        assert (await measure(url, settings)).ok
        assert (await measure(f"{url}/same", settings)).ok
    assert heard == [None, "Bearer t0ken"]


async def test_an_oversized_body_is_cut_and_says_so() -> None:
    async with serve({"/": text("x" * 300_000)}) as url:
        sample = await measure(url, Settings(max_body_bytes=100_000))
    assert sample.ok
    assert value(sample, "http_response_bytes") == 100_000
    assert "longer" in sample.facts["body"]


async def test_an_endless_body_ends_at_the_cap() -> None:
    async def endless(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b"y" * 10_000)

    async with serve({"/": endless}) as url:
        assert (await measure(url, Settings(max_body_bytes=50_000))).ok


async def test_a_packed_body_of_200_mb_is_cut() -> None:
    async def bomb(_request: web.Request) -> web.Response:
        packed = gzip.compress(b"0" * 200_000_000, compresslevel=1)
        return web.Response(body=packed, headers={"Content-Encoding": "gzip"})

    async with serve({"/": bomb}) as url:
        sample = await measure(url, Settings(max_body_bytes=50_000))
    assert sample.ok, sample.detail
    assert value(sample, "http_response_bytes") == 50_000


async def test_nothing_listens() -> None:
    async with serve_tcp(hang) as port:
        pass
    sample = await measure(f"http://127.0.0.1:{port}")
    assert (sample.reason, sample.detail) == (Reason.REFUSED, "127.0.0.1: Connection refused")


async def test_a_name_that_cannot_exist() -> None:
    sample = await measure(f"http://{'x' * 70}.invalid/")
    assert sample.reason is Reason.RESOLVE


HANGING = {
    "first_byte": hang,
    "transfer": raw(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc"),
}


@pytest.mark.parametrize("phase", HANGING)
async def test_a_server_that_hangs_is_left_at_the_deadline_and_the_phase_is_named(phase: str) -> None:
    async with serve_tcp(HANGING[phase]) as port:
        started = time.monotonic()
        sample = await measure(f"http://127.0.0.1:{port}", deadline_s=0.3)
        took_s = time.monotonic() - started
    assert (sample.reason, sample.detail) == (Reason.TIMEOUT, f"no end of {phase} within 0.3 s")
    assert 0.3 <= took_s < 2
    assert phase not in phases(sample)


async def test_a_handshake_that_hangs_is_left_at_the_deadline() -> None:
    async with serve_tcp(hang) as port:
        started = time.monotonic()
        sample = await measure(f"https://127.0.0.1:{port}", deadline_s=0.3)
        took_s = time.monotonic() - started
    assert (sample.reason, sample.detail) == (Reason.TIMEOUT, "no end of tls within 0.3 s")
    assert took_s < 2


async def test_a_full_backlog_that_swallows_the_connection_is_a_timeout() -> None:
    with full_backlog() as port:
        sample = await measure(f"http://127.0.0.1:{port}", deadline_s=0.3)
    assert (sample.reason, sample.detail) == (Reason.TIMEOUT, "no end of connect within 0.3 s")


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"SSH-2.0-OpenSSH_9.2\r\n", Reason.PROTOCOL),
        (b"HTTP/1.1 twohundred OK\r\n\r\n", Reason.PROTOCOL),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", Reason.PROTOCOL),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnope", Reason.PROTOCOL),
        (b"HTTP/1.1 200 OK\r\nX: " + b"a" * 100_000 + b"\r\n\r\n", Reason.PROTOCOL),
        (b"HTTP/1.1 302 Found\r\nLocation: \x00\xff\r\n\r\n", Reason.PROTOCOL),
    ],
)
async def test_garbage_is_a_protocol_failure(answer: bytes, reason: Reason) -> None:
    async with serve_tcp(raw(answer)) as port:
        sample = await measure(f"http://127.0.0.1:{port}", deadline_s=2.0)
    assert (sample.ok, sample.reason) == (False, reason), sample


async def test_a_server_that_closes_without_an_answer() -> None:
    async def close(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async with serve_tcp(close) as port:
        sample = await measure(f"http://127.0.0.1:{port}")
    assert sample.reason is Reason.PROTOCOL


async def test_secrets_stay_out_of_samples_and_settings() -> None:
    settings = Settings(headers={"Authorization": "Bearer s3cret"}, body="s3cret", url="/?token=s3cret")
    async with serve({"/": text("", status=500)}) as url:
        sample = await probe(Target("t", url.replace("//", "//user:s3cret@")), settings, 5.0)
    assert sample.reason is Reason.PROTOCOL
    assert "s3cret" not in repr(sample) + repr(settings)


async def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    async with serve({"/": text("direct")}) as url:
        assert (await measure(url)).ok


# TLS


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    if not has_openssl():
        pytest.skip(OPENSSL_MISSING)
    return make_authority(tmp_path_factory.mktemp("ca"))


async def test_https_gives_the_tls_phase_and_the_expiry(authority: Authority) -> None:
    async with serve({"/": text("secure")}, authority.server_context(days=90)) as url:
        sample = await measure(url, Settings(ca_file=str(authority.ca_file)))
    assert sample.ok, sample.detail
    assert phases(sample) == {"resolve", "connect", "tls", "first_byte", "transfer"}
    days = (value(sample, "tls_certificate_expiry_timestamp_seconds") - time.time()) / 86_400
    assert days == pytest.approx(90, abs=0.1)
    assert sample.facts["tls_version"] == "TLSv1.3"


async def test_an_expired_certificate_fails_and_still_tells_when_it_expired(authority: Authority) -> None:
    async with serve({"/": text("late")}, authority.server_context(days=-5)) as url:
        sample = await measure(url, Settings(ca_file=str(authority.ca_file)))
        unverified = await measure(url, Settings(verify=False))
    assert (sample.reason, sample.detail) == (Reason.TLS, "certificate of 127.0.0.1: certificate has expired")
    for each in (sample, unverified):
        days = (value(each, "tls_certificate_expiry_timestamp_seconds") - time.time()) / 86_400
        assert days == pytest.approx(-5, abs=0.1)
    assert unverified.ok


async def test_a_server_that_shows_a_bad_certificate_and_then_hangs_still_tells_why(
    authority: Authority,
) -> None:
    context, calls = authority.server_context(days=-1), []

    async def show_once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        calls.append(1)
        if len(calls) > 1:
            await hang(reader, writer)
        with suppress(ssl.SSLError):
            await writer.start_tls(context)

    async with serve_tcp(show_once) as port:
        url = f"https://127.0.0.1:{port}"
        sample = await measure(url, Settings(ca_file=str(authority.ca_file)), deadline_s=0.7)
    assert sample.reason is Reason.TLS
    assert sample.detail.endswith("certificate has expired")
    assert len(calls) == 2


async def test_a_certificate_for_another_name_or_of_an_unknown_authority_fails(authority: Authority) -> None:
    async with serve({"/": text("who")}, authority.server_context("DNS:elsewhere.test")) as url:
        named = await measure(url, Settings(ca_file=str(authority.ca_file)))
        unknown = await measure(url)
    assert named.reason is unknown.reason is Reason.TLS
    assert "IP address mismatch" in named.detail
    assert "unable to get local issuer certificate" in unknown.detail


async def test_a_server_that_does_not_speak_tls() -> None:
    async with serve({"/": text("plain")}) as url:
        sample = await measure(url.replace("http:", "https:"))
    assert sample.reason is Reason.TLS


async def test_a_missing_ca_file_is_named(tmp_path: Path, authority: Authority) -> None:
    async with serve({"/": text("x")}, authority.server_context()) as url:
        sample = await measure(url, Settings(ca_file=str(tmp_path / "none.pem")))
    assert sample.reason is Reason.ERROR
    assert sample.detail.endswith("none.pem: No such file or directory")
