"""Digest and Basic, by the examples of the standards."""

from __future__ import annotations

import pytest

from probes.rtsp.login import Login, choose_login

RFC_2617 = (
    'Digest realm="testrealm@host.com", qop="auth,auth-int", '
    'nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", opaque="5ccc069c403ebaf9f0171e9517f40e41"'
)
RFC_7616 = (
    'Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm=SHA-256, '
    'nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", '
    'opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"'
)
CAMERA = 'Digest realm="IP Camera(12345)", nonce="abc", stale="FALSE"'


def choose(*challenges: str, user: str = "u", password: str = "p") -> Login:
    login = choose_login(challenges, user, password)
    assert login is not None
    return login


def test_the_example_of_rfc_2617() -> None:
    said = choose(RFC_2617, user="Mufasa", password="Circle Of Life").authorize(
        "GET", "/dir/index.html", "0a4f113b"
    )
    assert 'response="6629fae49393a05397450978507c4ef1"' in said
    assert 'opaque="5ccc069c403ebaf9f0171e9517f40e41"' in said
    assert 'qop=auth, nc=00000001, cnonce="0a4f113b"' in said


def test_the_example_of_rfc_7616() -> None:
    login = choose(RFC_7616, user="Mufasa", password="Circle of Life")
    said = login.authorize("GET", "/dir/index.html", "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ")
    assert 'response="753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"' in said
    assert "algorithm=SHA-256" in said


def test_a_camera_without_qop_gets_the_old_form() -> None:
    said = choose(CAMERA, user="admin", password="12345").authorize("DESCRIBE", "rtsp://cam/1", "x")
    assert said == (
        'Digest username="admin", realm="IP Camera(12345)", nonce="abc", uri="rtsp://cam/1", '
        'response="8105d348d6d36c146d49d56261229b31"'
    )


def test_each_use_of_a_nonce_has_its_number() -> None:
    login = choose(RFC_2617)
    login.authorize("DESCRIBE", "rtsp://cam/1", "x")
    assert "nc=00000002" in login.authorize("SETUP", "rtsp://cam/1/video", "y")


def test_basic() -> None:
    assert choose('Basic realm="cam"').authorize("DESCRIBE", "rtsp://cam/", "x") == "Basic dTpw"


def test_the_way_that_shows_least_of_the_password_is_taken() -> None:
    assert choose('Basic realm="cam"', CAMERA).scheme == "digest"
    assert choose('Basic realm="cam"', CAMERA, RFC_7616).parameters["algorithm"] == "SHA-256"


@pytest.mark.parametrize(
    "challenge",
    [
        "",
        "Negotiate",
        'Digest realm="x", nonce="y", algorithm=MD4',
        'Digest realm="x", nonce="y", qop="auth-int"',
        'Digest realm="x\r\nX-Evil: 1", nonce="y"',
    ],
)
def test_ways_that_are_not_known_or_not_clean_are_left(challenge: str) -> None:
    assert choose_login([challenge], "u", "p") is None


def test_a_password_is_not_shown() -> None:
    assert "p4ss" not in repr(choose(CAMERA, password="p4ss"))
