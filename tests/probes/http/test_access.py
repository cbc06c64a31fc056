"""Logins, client certificates, proxies and address families, against real servers."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from probes.http import Settings
from probes.http.sampling import probe
from probes.sample import IPAddress, Reason, Sample, Target
from probes.testing import OPENSSL_MISSING, Authority, hang, has_openssl, make_authority, serve_tcp
from tests.probes.backlog import full_backlog
from tests.probes.http.pages import measure, redirect_to, serve, text
from tests.probes.http.peers import lighttpd, tinyproxy
from tests.probes.tls.peers import nginx, s_server

LOGIN = {"username": "noc", "password": "s3cret-pw"}


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    if not has_openssl():
        pytest.skip(OPENSSL_MISSING)
    return make_authority(tmp_path_factory.mktemp("ca"))


# Logins


@pytest.mark.parametrize("scheme", ["basic", "digest"])
async def test_a_login_opens_the_page_of_a_real_server(tmp_path: Path, scheme: str) -> None:
    with lighttpd(tmp_path, scheme) as port:
        url = f"http://127.0.0.1:{port}/"
        good = await measure(url, Settings(**LOGIN, scheme=scheme, body_matches="xin chào"))
        bad = await measure(url, Settings(username="noc", password="wrong-pw", scheme=scheme))
        nobody = await measure(url)
    assert good.ok, good.detail
    assert (bad.reason, nobody.reason) == (Reason.AUTH, Reason.AUTH)
    assert bad.detail == "status 401, expected 2xx"


async def test_a_bearer_token_is_sent() -> None:
    async def listen(request: web.Request) -> web.Response:
        return web.Response(status=200 if request.headers.get("Authorization") == "Bearer t0ken" else 403)

    async with serve({"/": listen}) as url:
        assert (await measure(url, Settings(bearer_token="t0ken"))).ok
        assert (await measure(url, Settings(bearer_token="other"))).reason is Reason.AUTH


@pytest.mark.parametrize("scheme", ["basic", "digest"])
async def test_a_redirect_to_another_origin_gets_no_login_even_if_it_asks(scheme: str) -> None:
    heard: list[str | None] = []

    async def ask_for_login(request: web.Request) -> web.Response:
        heard.append(request.headers.get("Authorization"))
        return web.Response(
            status=401, headers={"WWW-Authenticate": 'Digest realm="r", nonce="n", qop="auth"'}
        )

    async with serve({"/": ask_for_login}) as other, serve({"/": redirect_to(other)}) as url:
        sample = await measure(url, Settings(**LOGIN, scheme=scheme))
    assert sample.reason is Reason.AUTH
    assert heard == [None]


async def test_a_server_that_echoes_a_secret_does_not_bring_it_into_the_sample() -> None:
    async def echo(request: web.Request) -> web.Response:
        token = request.headers["Authorization"].split()[1]
        raise web.HTTPFound(f"/{token}/nowhere")

    async with serve({"/": echo}) as url:
        sample = await measure(url, Settings(bearer_token="s3cret.t0ken"))
    assert sample.facts["url"] == f"{url}/***/nowhere"
    assert "s3cret" not in repr(sample)


# Client certificates


async def test_nginx_lets_in_who_shows_a_certificate(tmp_path: Path, authority: Authority) -> None:
    files = (authority.issue("IP:127.0.0.1", 90), authority.folder / "key.pem")
    wants = f"ssl_client_certificate {authority.ca_file}; ssl_verify_client on;"
    shown = {"client_cert_file": str(files[0]), "client_key_file": str(files[1])}
    with nginx(tmp_path, {"closed": (files, wants)}) as ports:
        url = f"https://127.0.0.1:{ports['closed']}/"
        good = await measure(url, Settings(ca_file=str(authority.ca_file), **shown))
        bare = await measure(url, Settings(ca_file=str(authority.ca_file)))
    assert good.ok, good.detail
    assert (bare.reason, bare.detail) == (Reason.PROTOCOL, "status 400, expected 2xx")


async def test_a_server_that_refuses_the_connection_without_a_certificate_is_a_tls_failure(
    authority: Authority,
) -> None:
    files = (authority.issue("IP:127.0.0.1", 90), authority.folder / "key.pem")
    wants = ("-Verify", "1", "-verify_return_error", "-CAfile", str(authority.ca_file), "-www")
    with s_server(files, *wants) as port:
        sample = await measure(f"https://127.0.0.1:{port}/", Settings(ca_file=str(authority.ca_file)))
    assert sample.reason is Reason.TLS
    assert sample.detail == "the server ended TLS: tlsv13 alert certificate required"


async def test_an_encrypted_key_opens_with_its_password_alone_and_nobody_is_asked_for_it(
    tmp_path: Path, authority: Authority
) -> None:
    certificate, key = authority.issue("IP:127.0.0.1", 90), authority.folder / "key.pem"
    locked = tmp_path / "locked.pem"
    locked.write_bytes(
        load_pem_private_key(key.read_bytes(), None).private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"0pen-sesame")
        )
    )
    shown: dict[str, Any] = {"client_cert_file": str(certificate), "client_key_file": str(locked)}
    async with serve({"/": text("x")}, authority.server_context()) as url:
        trusted = {"ca_file": str(authority.ca_file)}
        good = await measure(url, Settings(**trusted, **shown, client_key_password="0pen-sesame"))
        bad = await measure(url, Settings(**trusted, **shown))
    assert good.ok, good.detail
    assert bad.reason is Reason.ERROR
    assert bad.detail.startswith(f"client_cert_file {certificate}: no certificate with its key")


async def test_a_missing_client_certificate_is_named(tmp_path: Path) -> None:
    sample = await measure("https://127.0.0.1:1/", Settings(client_cert_file=str(tmp_path / "none.pem")))
    assert (sample.reason, sample.detail.split(": ")[-1]) == (Reason.ERROR, "No such file or directory")


# Proxies


@pytest.mark.parametrize("is_secure", [False, True])
async def test_a_page_is_fetched_through_a_real_proxy(
    tmp_path: Path, authority: Authority, is_secure: bool
) -> None:
    tls = authority.server_context() if is_secure else None
    async with serve({"/a": text("behind")}, tls) as url:
        with tinyproxy(tmp_path) as port:
            settings = Settings(
                proxy=f"http://127.0.0.1:{port}", body_matches="behind", ca_file=str(authority.ca_file)
            )
            sample = await measure(f"{url}/a", settings)
        logged = (tmp_path / "tinyproxy.log").read_text()
    assert sample.ok, sample.detail
    assert sample.facts["proxy"] == "127.0.0.1"
    assert f"CONNECT {url.removeprefix('https://')}" in logged if is_secure else f"GET {url}/a" in logged
    assert ("linkwatch_http_phase_seconds", (("phase", "proxy"),)) in sample.values


@pytest.mark.parametrize("is_secure", [False, True])
async def test_a_proxy_gets_its_own_login_and_refuses_others(
    tmp_path: Path, authority: Authority, is_secure: bool
) -> None:
    heard: list[str | None] = []

    async def listen(request: web.Request) -> web.Response:
        heard.append(request.headers.get("Proxy-Authorization"))
        return web.Response()

    tls = authority.server_context() if is_secure else None
    async with serve({"/": listen}, tls) as url:
        with tinyproxy(tmp_path, "BasicAuth noc s3cretpw") as port:
            trusted = str(authority.ca_file)
            good = await measure(
                url, Settings(proxy=f"http://noc:s3cretpw@127.0.0.1:{port}", ca_file=trusted)
            )
            bad = await measure(url, Settings(proxy=f"http://127.0.0.1:{port}", ca_file=trusted))
    assert good.ok, good.detail
    assert heard == [None]
    assert bad.reason is Reason.PROXY, bad
    assert bad.detail == "the proxy refuses the login (status 407)"
    assert "s3cretpw" not in repr(good) + repr(bad)


async def test_an_expired_certificate_behind_a_proxy_still_tells_its_date(
    tmp_path: Path, authority: Authority
) -> None:
    async with serve({"/": text("late")}, authority.server_context(days=-5)) as url:
        with tinyproxy(tmp_path) as port:
            settings = Settings(proxy=f"http://127.0.0.1:{port}", ca_file=str(authority.ca_file))
            sample = await measure(url, settings)
    assert (sample.reason, sample.detail) == (Reason.TLS, "certificate of 127.0.0.1: certificate has expired")
    assert ("linkwatch_tls_certificate_expiry_timestamp_seconds", ()) in sample.values


async def test_a_proxy_that_cannot_reach_the_server_says_with_which_status(tmp_path: Path) -> None:
    async with serve_tcp(hang) as closed:
        pass
    with tinyproxy(tmp_path) as port:
        sample = await measure(f"https://127.0.0.1:{closed}/", Settings(proxy=f"http://127.0.0.1:{port}"))
    assert (sample.reason, sample.detail) == (
        Reason.PROTOCOL,
        "the proxy opens no tunnel (status 500)",
    )


async def test_a_proxy_that_does_not_listen_is_named() -> None:
    async with serve_tcp(hang) as port:
        pass
    sample = await measure("https://127.0.0.1:1/", Settings(proxy=f"http://127.0.0.1:{port}"))
    assert (sample.reason, sample.detail) == (Reason.PROXY, "proxy 127.0.0.1: Connection refused")


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_proxy_that_is_not_there_at_all_says_nothing_of_the_target(scheme: str) -> None:
    """Its queue is full: it answers no more than one that is switched off."""
    with full_backlog() as port:
        settings = Settings(proxy=f"http://127.0.0.1:{port}")
        sample = await measure(f"{scheme}://127.0.0.1:1/", settings, deadline_s=0.5)
    assert (sample.reason, sample.detail) == (Reason.PROXY, "proxy 127.0.0.1: no answer")


async def test_a_proxy_that_does_not_allow_the_way_is_told_from_a_server_that_does_not() -> None:
    for status, reason in ((b"403 Forbidden", Reason.PROXY), (b"502 Bad Gateway", Reason.PROTOCOL)):
        async with serve_tcp(says(b"HTTP/1.1 " + status + b"\r\n\r\n")) as port:
            sample = await measure("https://127.0.0.1:1/", Settings(proxy=f"http://127.0.0.1:{port}"))
        assert sample.reason is reason, sample


def says(answer: bytes) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        await writer.drain()

    return handle


@pytest.mark.parametrize(
    "answer",
    [b"", b"SSH-2.0-x\r\n\r\n", b"HTTP/1.1 20", b"a" * 100_000, b"HTTP/1.1 200 OK\r\n\r\nown words"],
)
async def test_garbage_from_a_proxy_is_laid_to_the_proxy(answer: bytes) -> None:
    async with serve_tcp(says(answer)) as port:
        sample = await measure("https://127.0.0.1:1/", Settings(proxy=f"http://127.0.0.1:{port}"))
    assert sample.reason is Reason.PROXY
    assert "proxy" in sample.detail


async def test_a_proxy_that_hangs_is_left_at_the_deadline() -> None:
    async with serve_tcp(hang) as port:
        settings = Settings(proxy=f"http://127.0.0.1:{port}")
        sample = await measure("https://127.0.0.1:1/", settings, deadline_s=0.3)
    assert (sample.reason, sample.detail) == (Reason.TIMEOUT, "no end of proxy within 0.3 s")


@pytest.mark.parametrize("outside", ["127.0.0.2", "127.0.0.3"])
async def test_neither_a_proxy_nor_what_lies_behind_it_is_reached_outside_the_scope(outside: str) -> None:
    reached: list[int] = []

    async def note(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        reached.append(1)

    def allows(address: IPAddress) -> bool:
        return str(address) != outside

    async with serve_tcp(note, host="127.0.0.3") as port:
        target = Target("t", "http://127.0.0.2:1/", allows)
        sample = await probe(target, Settings(proxy=f"http://127.0.0.3:{port}"), 2.0)
    assert sample.reason is Reason.PERMISSION
    assert not reached


# IPv4 and IPv6


@pytest.fixture
def both_families(monkeypatch: pytest.MonkeyPatch) -> None:
    """The name portal.test has an address of each kind, whatever the resolver of this machine says."""

    def look_up(_host: str, _port: None, **_more: object) -> list[tuple[Any, ...]]:
        return [(0, 0, 0, "", (address, 0)) for address in ("::1", "127.0.0.1")]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)


async def both(port: int, deadline_s: float = 5.0) -> list[Sample]:
    url = f"http://portal.test:{port}/"
    return [await measure(url, Settings(family=family), deadline_s) for family in ("ipv4", "ipv6")]


async def test_each_family_is_asked_on_its_own(both_families: None) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await says(b"HTTP/1.1 204 No Content\r\n\r\n")(reader, writer)

    async with serve_tcp(answer) as port:
        over_ipv4, over_ipv6 = await both(port)
    assert (over_ipv4.ok, over_ipv4.facts["address"]) == (True, "127.0.0.1")
    assert not over_ipv6.ok  # any would have answered over IPv4
    async with serve_tcp(answer, host="::1") as port:
        over_ipv4, over_ipv6 = await both(port)
    assert (over_ipv6.ok, over_ipv6.facts["address"]) == (True, "::1")
    assert over_ipv4.reason is Reason.REFUSED


async def test_a_page_whose_ipv6_leads_nowhere_is_reached_as_browsers_reach_it(both_families: None) -> None:
    async with serve_tcp(says(b"HTTP/1.1 204 No Content\r\n\r\n")) as port:
        with full_backlog("::1", port):
            sample = await measure(f"http://portal.test:{port}/")
            over_ipv4, over_ipv6 = await both(port, deadline_s=0.6)
    assert sample.ok, sample.detail
    told = {name: sample.facts[name] for name in ("address", "family", "not_reached")}
    assert told == {"address": "127.0.0.1", "family": "ipv4", "not_reached": "::1: no answer"}
    assert (over_ipv4.ok, over_ipv6.reason) == (True, Reason.TIMEOUT)


async def test_a_name_without_an_address_of_that_family_says_so() -> None:
    sample = await measure("http://127.0.0.1:1/", Settings(family="ipv6"))
    assert (sample.reason, sample.detail) == (Reason.RESOLVE, "127.0.0.1 has no IPv6 address in the scope")
