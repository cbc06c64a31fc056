"""STUN, TURN and SIP over TLS: against coturn and Kamailio, with certificates right and wrong."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from probes import registry
from probes.sample import Reason, Sample, Target
from probes.testing import OPENSSL_MISSING, Authority, hang, has_openssl, make_authority, serve_tcp
from tests.probes.coturn import USER, coturn, free_port
from tests.probes.datagrams import serve_udp
from tests.probes.sip.kamailio import kamailio

EXPIRY = ("linkwatch_tls_certificate_expiry_timestamp_seconds", ())
LOGIN = {"user": "lw", "password": "secret"}
DAY_S = 86_400


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    if not has_openssl():
        pytest.skip(OPENSSL_MISSING)
    return make_authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def ports(authority: Authority) -> Iterator[dict[str, int]]:
    """Servers with TLS by the kind of probe that speaks with them."""
    certificate, key = authority.issue("DNS:meet.test,IP:127.0.0.1", 90), authority.folder / "key.pem"
    with coturn(*USER, "--cert", str(certificate), "--pkey", str(key)) as turn_port:
        sip_port = free_port()
        with kamailio(tls_port=sip_port, certificate=certificate, key=key):
            yield {"stun": turn_port, "turn": turn_port, "sip": sip_port}


@pytest.fixture(params=["stun", "turn", "sip"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


async def ask(kind: str, port: int, deadline_s: float = 5.0, **given: Any) -> Sample:
    login = LOGIN if kind == "turn" else {}
    settings = registry.settings_of(kind)(transport="tls", **login, **given)
    return await registry.load_sampling(kind).probe(Target("t", f"127.0.0.1:{port}"), settings, deadline_s)


async def test_the_port_of_a_web_address_is_not_asked_in_another_protocol(kind: str) -> None:
    """A meeting server is written as its page; its STUN and SIP stand at their own ports."""
    heard: list[bytes] = []
    settings = registry.settings_of(kind)(**LOGIN if kind == "turn" else {})
    async with serve_udp(lambda request: heard.append(request) or []) as port:
        target = Target("t", f"https://127.0.0.1:{port}")
        await registry.load_sampling(kind).probe(target, settings, 0.2)
    assert heard == []


async def test_an_answer_over_tls_comes_with_the_date_of_the_certificate(
    kind: str, ports: dict[str, int], authority: Authority
) -> None:
    sample = await ask(kind, ports[kind], ca_file=str(authority.ca_file))
    assert sample.ok, sample.detail
    assert sample.values[EXPIRY] == pytest.approx(time.time() + 90 * DAY_S, abs=DAY_S)
    assert sample.facts["tls_version"].startswith("TLSv1.")


async def test_the_name_in_the_certificate_may_be_another_than_the_address(
    kind: str, ports: dict[str, int], authority: Authority
) -> None:
    ca_file = str(authority.ca_file)
    assert (await ask(kind, ports[kind], ca_file=ca_file, server_name="meet.test")).ok
    sample = await ask(kind, ports[kind], ca_file=ca_file, server_name="portal.test")
    assert sample.reason is Reason.TLS
    assert "portal.test" in sample.detail
    assert EXPIRY in sample.values


async def test_a_certificate_of_nobody_we_trust_is_refused_unless_told_otherwise(
    kind: str, ports: dict[str, int]
) -> None:
    assert (await ask(kind, ports[kind])).reason is Reason.TLS
    assert (await ask(kind, ports[kind], verify=False)).ok


async def test_plain_text_behind_the_port_is_told(kind: str) -> None:
    async def speak(reader: Any, writer: Any) -> None:
        await reader.read(100)
        writer.write(b"SIP/2.0 400 Bad Request\r\n\r\n")
        await writer.drain()

    async with serve_tcp(speak) as port:
        assert (await ask(kind, port)).reason is Reason.TLS


async def test_a_handshake_that_hangs_ends_at_the_deadline(kind: str) -> None:
    async with serve_tcp(hang) as port:
        sample = await ask(kind, port, deadline_s=0.2)
    assert (sample.reason, sample.detail) == (Reason.TIMEOUT, "no end of tls within 0.2 s")


async def test_the_port_of_the_settings_counts_before_that_of_the_address(ports: dict[str, int]) -> None:
    """So that one target can have a page at one port and a relay at another."""
    settings = registry.settings_of("stun")(port=ports["stun"])
    for address in ("127.0.0.1", f"127.0.0.1:{free_port()}", "https://127.0.0.1/"):
        assert (await registry.load_sampling("stun").probe(Target("t", address), settings, 5.0)).ok
