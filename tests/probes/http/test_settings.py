"""What the settings of an HTTP probe accept, and what they say when they do not."""

from __future__ import annotations

import re
from typing import Any

import pytest
from multidict import CIMultiDict
from yarl import URL

from probes.failure import ProbeError
from probes.http import Settings
from probes.http.exchange import Request, redirect, shown
from probes.http.sampling import request_url


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"status": ("2x",)}, "status: must be 200, 2xx or 200-299, not '2x'"),
        ({"status": ()}, "status: must be at least one of 200, 2xx, 200-299"),
        ({"body_matches": "("}, "body_matches: not a regular expression: missing ): ("),
        ({"header_matches": {"Server": "["}}, "header_matches.Server: not a regular expression"),
        ({"method": "GET /"}, "method: must be a method such as GET or HEAD"),
        ({"headers": {"X Key": "1"}}, "headers: must be named by letters, digits and dashes"),
        ({"headers": {"X-Key": "1\r\nHost: x"}}, "headers: must be of one line each"),
        ({"url": "ftp://host/"}, "url: must be http://HOST/… or https://HOST/…"),
        ({"url": "index.html"}, "url: must be a full URL, or a path that begins with /"),
        ({"max_redirects": 99}, "max_redirects: must be 0 to 20"),
        ({"json_matches": {"a[": "x"}}, "json_matches: 'a[': Invalid jmespath expression"),
        ({"json_matches": {"nosuch(a)": "x"}}, "json_matches: 'nosuch(a)': Unknown function: nosuch()"),
        ({"json_matches": {"a": "("}}, "json_matches.a: not a regular expression"),
        ({"form": {"a": "1"}, "body": "x"}, "form: must be left out beside body"),
        ({"family": "ipv5"}, "family: must be one of any, ipv4, ipv6"),
        ({"family": "ipv4", "proxy": "http://a:1"}, "family: must be left out beside proxy"),
        ({"scheme": "ntlm", "username": "u"}, "scheme: must be basic or digest"),
        ({"password": "hidden"}, "password: must be left out without username"),
        ({"username": "a:b"}, "username: must be without a colon"),
        ({"username": "u", "bearer_token": "t"}, "bearer_token: must be left out beside username"),
        ({"bearer_token": "t\nX: y"}, "bearer_token: must be of letters, digits and -._~+/ alone"),
        ({"client_key_file": "k.pem"}, "client_key_file: must be left out without client_cert_file"),
        ({"proxy": "https://proxy:1"}, "proxy: must be http://HOST:PORT or"),
        ({"proxy": "http://proxy"}, "proxy: must be http://HOST:PORT or"),
        ({"proxy": "http://proxy:x"}, "proxy: must be http://HOST:PORT or"),
    ],
)
def test_a_wrong_setting_says_what_is_allowed(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        Settings(**given)


@pytest.mark.parametrize(
    ("status", "right", "wrong"),
    [
        (("2xx",), [200, 299], [199, 300]),
        (("200-204", "401"), [200, 204, 401], [205, 400]),
        (("404",), [404], [200]),
    ],
)
def test_status_patterns(status: tuple[str, ...], right: list[int], wrong: list[int]) -> None:
    settings = Settings(status=status)
    assert all(map(settings.expects, right))
    assert not any(map(settings.expects, wrong))


@pytest.mark.parametrize(
    ("host", "url", "wanted"),
    [
        ("10.0.0.1", "", "http://10.0.0.1/"),
        ("10.0.0.1:8443", "/x", "http://10.0.0.1:8443/x"),
        ("fd00::1", "/x", "http://[fd00::1]/x"),
        ("[fd00::1]:81", "", "http://[fd00::1]:81/"),
        ("https://portal.example/app/", "/health", "https://portal.example/health"),
        ("10.0.0.1", "https://portal.example/", "https://portal.example/"),
    ],
)
def test_the_url_comes_from_settings_and_address(host: str, url: str, wanted: str) -> None:
    assert request_url(host, url) == URL(wanted)


def test_a_form_is_posted_unless_told_otherwise() -> None:
    assert Settings(form={"a": "1"}).verb == "POST"
    assert Settings(form={"a": "1"}, method="PUT").verb == "PUT"
    assert Settings(body="x").verb == "GET"


def test_a_url_is_shown_without_what_may_be_secret() -> None:
    assert shown(URL("https://user:pw@host:8443/a?token=t#f")) == "https://host:8443/a"
    assert shown(URL("http://host/a;jsessionid=S1D/b;v=1?q")) == "http://host/a/b"
    assert shown(URL("http://host")) == "http://host"
    assert shown(URL("http://host/t%20%E1%BB%87")) == "http://host/t%20%E1%BB%87"


POST = Request(URL("https://a.example/x"), "POST", CIMultiDict({"X-Key": "k"}), "body")


def test_after_see_other_a_post_becomes_a_get_without_body() -> None:
    assert redirect(POST, 303, "/y") == Request(URL("https://a.example/y"), "GET", POST.headers, "")


def test_a_temporary_redirect_keeps_method_and_body() -> None:
    assert redirect(POST, 307, "y") == Request(URL("https://a.example/y"), "POST", POST.headers, "body")


@pytest.mark.parametrize("location", ["http://a.example/y", "https://b.example/y", "https://a.example:444/y"])
def test_another_origin_gets_neither_headers_nor_body(location: str) -> None:
    assert redirect(POST, 307, location) == Request(URL(location), "POST", {}, "")


@pytest.mark.parametrize("location", ["mailto:x@y", "http://", "ftp://a.example/"])
def test_a_redirect_to_something_else_is_refused(location: str) -> None:
    with pytest.raises(ProbeError):
        redirect(POST, 302, location)
