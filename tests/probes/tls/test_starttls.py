"""STARTTLS against real servers of every protocol, with and without TLS."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from probes.sample import Reason, Sample, Target
from probes.starttls import UPGRADES
from probes.testing import hang, serve_tcp
from probes.tls import Settings
from probes.tls.sampling import probe
from tests.probes.tls import peers
from tests.probes.tls.pki import NAME, Pki


@pytest.fixture(scope="module")
def files(pki: Pki) -> peers.Files:
    return pki.files("starttls", pki.server(), pki.intermediate)


@pytest.fixture(scope="module")
def mail(files: peers.Files, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, int]]:
    with peers.dovecot(tmp_path_factory.mktemp("dovecot"), files) as ports:
        yield ports


async def measure(pki: Pki, starttls: str, port: int, deadline_s: float = 5.0) -> Sample:
    settings = Settings(starttls=starttls, server_name=NAME, ca_file=str(pki.ca_file))
    return await probe(Target("t", f"127.0.0.1:{port}"), settings, deadline_s)


def assert_good(sample: Sample) -> None:
    assert sample.ok, sample.detail
    assert sample.facts["certificate_0"].startswith(f"CN={NAME}, issued by CN=LinkWatch test CA")
    phases = {dict(labels)["phase"] for metric, labels in sample.values if metric.endswith("phase_seconds")}
    assert phases == {"resolve", "connect", "starttls", "tls"}


async def test_smtp(pki: Pki, files: peers.Files) -> None:
    with peers.aiosmtpd(files) as port:
        assert_good(await measure(pki, "smtp", port))


async def test_smtp_without_starttls(pki: Pki) -> None:
    with peers.aiosmtpd(None) as port:
        sample = await measure(pki, "smtp", port)
    assert (sample.reason, sample.detail) == (Reason.PROTOCOL, "the server does not offer STARTTLS")


@pytest.mark.parametrize("protocol", ["imap", "pop3"])
async def test_imap_and_pop3(pki: Pki, mail: dict[str, int], protocol: str) -> None:
    assert_good(await measure(pki, protocol, mail[protocol]))


async def test_imap_where_pop3_is_spoken(pki: Pki, mail: dict[str, int]) -> None:
    sample = await measure(pki, "imap", mail["pop3"])
    assert sample.reason is Reason.PROTOCOL
    assert sample.detail.startswith("the server's answer to its greeting: +OK Dovecot")


async def test_xmpp(pki: Pki, files: peers.Files, tmp_path: Path) -> None:
    with peers.prosody(tmp_path, files, NAME) as port:
        assert_good(await measure(pki, "xmpp", port))


async def test_xmpp_without_starttls_and_for_a_host_that_is_not_served(pki: Pki, tmp_path: Path) -> None:
    with peers.prosody(tmp_path, None, NAME) as port:
        refused = await measure(pki, "xmpp", port)
        stranger = await probe(Target("t", f"127.0.0.1:{port}"), Settings(starttls="xmpp"), 5.0)
    assert (refused.reason, refused.detail) == (Reason.PROTOCOL, "the server does not offer STARTTLS")
    assert stranger.reason is Reason.PROTOCOL
    assert stranger.detail.startswith("the server's answer to the stream: <stream:error><host-unknown ")


async def test_ldap(pki: Pki, files: peers.Files, tmp_path: Path) -> None:
    with peers.slapd(tmp_path, files) as port:
        assert_good(await measure(pki, "ldap", port))


async def test_ldap_without_starttls(pki: Pki, tmp_path: Path) -> None:
    with peers.slapd(tmp_path, None) as port:
        sample = await measure(pki, "ldap", port)
    assert sample.reason is Reason.PROTOCOL
    assert sample.detail == "the server's answer to STARTTLS: result 2"


async def test_an_answer_of_ldap_with_lengths_in_long_form(pki: Pki) -> None:
    """As Active Directory writes them."""
    answer = bytes.fromhex("3084000000100201017884000000070a01340400040000")[:22]

    async def say(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        writer.write(answer)
        await writer.drain()

    async with serve_tcp(say) as port:
        sample = await measure(pki, "ldap", port)
    assert sample.detail == "the server's answer to STARTTLS: result 52"


async def test_what_is_slipped_in_behind_the_consent_is_never_believed(pki: Pki) -> None:
    async def inject(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"+OK hello\r\n")
        await reader.readline()
        writer.write(b"+OK begin\r\n+OK everything is fine\r\n")
        await writer.drain()
        await reader.read()

    async with serve_tcp(inject) as port:
        sample = await measure(pki, "pop3", port)
    assert sample.reason is Reason.TLS
    assert sample.detail.startswith("handshake failed: ")


@pytest.mark.parametrize("protocol", UPGRADES)
async def test_a_peer_that_says_nothing_is_left_at_the_deadline(pki: Pki, protocol: str) -> None:
    async with serve_tcp(hang) as port:
        sample = await measure(pki, protocol, port, deadline_s=0.2)
    assert (sample.reason, sample.detail) == (Reason.TIMEOUT, "no end of starttls within 0.2 s")


GARBAGE = {
    "endless line": b"2" * 200_000,
    "endless lines": b"220-more\r\n" * 10_000,
    "binary": bytes(range(256)) * 300,
    "tags": b"<stream:stream>" + b"<a>" * 30_000,
    "long LDAP": b"\x30\x84\xff\xff\xff\xff" + b"\0" * 1000,
    "nothing": b"",
}


@pytest.mark.parametrize("protocol", UPGRADES)
@pytest.mark.parametrize("said", GARBAGE.values(), ids=GARBAGE)
async def test_garbage_is_a_protocol_failure(pki: Pki, protocol: str, said: bytes) -> None:
    async def say(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(said)
        await writer.drain()

    async with serve_tcp(say) as port:
        sample = await measure(pki, protocol, port)
    assert sample.reason is not None
    assert sample.duration_s < 3
    assert len(sample.detail) < 250
    assert sample.detail.isprintable()
