from __future__ import annotations

from http import HTTPStatus
from ipaddress import ip_address, ip_network

import pytest

from linkwatch.config.settings import ServerSettings
from linkwatch.web.peer import find_peer, same_origin
from linkwatch.web.problem import Problem

PROXIES = ServerSettings(trusted_proxy=(ip_network("10.0.0.0/24"),), plain=(ip_network("172.16.0.0/12"),))


@pytest.mark.parametrize("remote", ["127.0.0.1", "::1", "::ffff:127.0.0.1", "127.9.9.9"])
def test_loopback_is_local(remote):
    assert find_peer(remote, {}, False, ServerSettings()).is_local


def test_plain_http_from_elsewhere_is_refused_unless_its_network_may():
    with pytest.raises(Problem) as refused:
        find_peer("192.168.1.1", {}, False, PROXIES)
    assert refused.value.status is HTTPStatus.FORBIDDEN
    assert not find_peer("172.16.0.9", {}, False, PROXIES).is_encrypted
    assert find_peer("192.168.1.1", {}, True, PROXIES).is_encrypted


def test_behind_proxies_the_rightmost_untrusted_address_counts():
    headers = {"X-Forwarded-For": "127.0.0.1, 192.168.7.7, 10.0.0.3"}
    peer = find_peer("10.0.0.2", headers, False, PROXIES)
    assert (peer.address, peer.is_local) == (ip_address("192.168.7.7"), False)


def test_an_untrusted_peer_cannot_name_another_address():
    peer = find_peer("172.16.0.9", {"X-Forwarded-For": "127.0.0.1"}, False, PROXIES)
    assert (peer.address, peer.is_local) == (ip_address("172.16.0.9"), False)


def test_an_unreadable_address_is_the_callers_mistake():
    with pytest.raises(Problem) as refused:
        find_peer("10.0.0.2", {"X-Forwarded-For": "unknown"}, False, PROXIES)
    assert refused.value.status is HTTPStatus.BAD_REQUEST


@pytest.mark.parametrize(
    ("origin", "expected"),
    [(None, True), ("http://localhost:8080", True), ("http://evil.example", False), ("null", False)],
)
def test_a_form_of_another_site_is_told_from_our_own(origin, expected):
    headers = {"Host": "localhost:8080"} | ({"Origin": origin} if origin else {})
    assert same_origin(headers) is expected
