"""The DNS probe against real servers (dnsmasq, unbound), and against peers that misbehave."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dns.message
import pytest

from probes.dns import Settings
from probes.dns.sampling import probe
from probes.sample import IPAddress, Reason, Sample, Target
from probes.testing import OPENSSL_MISSING, Authority, Handler, hang, has_openssl, make_authority, serve_tcp
from tests.probes.daemons import free_port, need
from tests.probes.datagrams import Reply, serve_udp, silence
from tests.probes.servers import dnsmasq, unbound

NAMES = (
    "--local=/lw.test/",
    "--host-record=ok.lw.test,10.1.2.3,fd00::3",
    "--cname=alias.lw.test,ok.lw.test",
    "--mx-host=lw.test,mail.lw.test,10",
    "--ptr-record=3.2.1.10.in-addr.arpa,ok.lw.test",
    *(f"--txt-record=long.lw.test,{letter * 250}" for letter in "abcdefgh"),
)


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with dnsmasq(*NAMES) as port:
        yield f"127.0.0.1:{port}"


async def measure(server: str, deadline_s: float = 2.0, **settings: Any) -> Sample:
    return await probe(Target("t", server), Settings(**settings), deadline_s)


def value(sample: Sample, metric: str, server: str) -> float | None:
    return sample.values.get((f"linkwatch_dns_{metric}", (("server", server),)))


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_a_name_that_is_there(server: str, transport: str) -> None:
    sample = await measure(server, query="ok.lw.test", answers=("10.1.2.3",), transport=transport)
    assert (sample.ok, sample.facts["answers"], sample.facts["rcode"]) == (True, "10.1.2.3", "NOERROR")
    assert value(sample, "server_success", server) == 1
    assert value(sample, "response_code", server) == 0
    assert value(sample, "answers", server) == 1
    assert 0 < (value(sample, "query_seconds", server) or 0) <= sample.duration_s


@pytest.mark.parametrize(
    ("settings", "answers"),
    [
        ({"query": "OK.lw.test.", "record": "aaaa", "answers": ("FD00:0::3",)}, "fd00::3"),
        ({"query": "alias.lw.test", "answers": ("10.1.2.3",)}, "10.1.2.3"),
        ({"query": "alias.lw.test", "record": "CNAME", "answers": ("OK.LW.test",)}, "ok.lw.test."),
        ({"query": "lw.test", "record": "MX", "answers": ("10 mail.lw.test",)}, "10 mail.lw.test."),
        ({"query": "10.1.2.3", "record": "PTR", "answers": ("ok.lw.test",)}, "ok.lw.test."),
        ({"query": "ok.lw.test", "answer_patterns": (r"^10\.1\.", r"\.3$"), "match": "exact"}, "10.1.2.3"),
        ({"query": "ok.lw.test", "answers": ("10.9.9.9", "10.1.2.3")}, "10.1.2.3"),
        ({"query": "ok.lw.test", "record": "MX", "match": "exact"}, None),
        ({"query": "none.lw.test", "rcodes": ("nxdomain",)}, None),
    ],
)
async def test_what_is_expected_in_many_ways(
    server: str, settings: dict[str, Any], answers: str | None
) -> None:
    sample = await measure(server, **settings)
    assert (sample.ok, sample.detail) == (True, "")
    assert sample.facts.get("answers") == answers


@pytest.mark.parametrize(
    ("settings", "reason", "detail"),
    [
        ({"query": "none.lw.test"}, Reason.PROTOCOL, "NXDOMAIN, expected NOERROR"),
        ({"query": "foreign.example"}, Reason.AUTH, "REFUSED, expected NOERROR"),
        (
            {"query": "ok.lw.test", "answers": ("10.9.9.9",)},
            Reason.PROTOCOL,
            "none of 10.9.9.9, but 10.1.2.3",
        ),
        (
            {"query": "ok.lw.test", "answers": ("10.9.9.9", "10.1.2.3"), "match": "all"},
            Reason.PROTOCOL,
            "no 10.9.9.9, but 10.1.2.3",
        ),
        (
            {"query": "ok.lw.test", "answer_patterns": ("^192",), "match": "all"},
            Reason.PROTOCOL,
            "no '^192', but 10.1.2.3",
        ),
        ({"query": "ok.lw.test", "match": "exact"}, Reason.PROTOCOL, "10.1.2.3, not expected"),
        ({"query": "ok.lw.test", "record": "MX"}, Reason.PROTOCOL, "no record of the type"),
        ({"query": "ok.lw.test", "dnssec": True}, Reason.PROTOCOL, "the resolver has not verified"),
    ],
)
async def test_what_is_not_expected_is_said(
    server: str, settings: dict[str, Any], reason: Reason, detail: str
) -> None:
    sample = await measure(server, **settings)
    assert (sample.ok, sample.reason) == (False, reason)
    assert sample.detail.startswith(detail)
    assert value(sample, "server_success", server) == 0
    assert value(sample, "response_code", server) is not None


async def test_an_answer_too_long_for_udp_is_fetched_over_tcp(server: str) -> None:
    sample = await measure(server, query="long.lw.test", record="TXT", answer_patterns=("h{250}",))
    assert sample.ok
    assert sample.facts["transport"] == "tcp, since the answer over UDP was cut"
    assert value(sample, "answers", server) == 8
    assert len(sample.facts["answers"]) <= 301


ZONE = """
$ORIGIN lw.test.
$TTL 60
@ SOA ns.lw.test. admin.lw.test. {serial} 3600 600 86400 60
@ NS ns.lw.test.
ns A 127.0.0.1
portal A 10.1.2.3
"""

PASSED_ON = "for-downstream: no\n  for-upstream: yes"
"""Resolved as if the zone lay on another server."""


def authority(folder: Path, serial: int, options: str = "for-downstream: yes", zone: str = "") -> str:
    """The clause of a server that holds the zone lw.test."""
    file = folder / f"zone-{serial}"
    file.write_text(zone or ZONE.format(serial=serial))
    return f'auth-zone:\n  name: "lw.test"\n  zonefile: "{file}"\n  {options}\n'


async def test_the_authority_of_a_zone_gives_its_serial(tmp_path: Path) -> None:
    with unbound(tmp_path, rest=authority(tmp_path, 2026112201)) as port:
        server = f"127.0.0.1:{port}"
        sample = await measure(server, query="lw.test", record="SOA", authoritative=True)
        assert (sample.ok, value(sample, "zone_serial", server)) == (True, 2026112201)
        assert sample.facts["flags"] == "authoritative"


async def test_a_resolver_that_only_passes_on_is_not_authoritative(tmp_path: Path) -> None:
    with unbound(tmp_path, rest=authority(tmp_path, 1, PASSED_ON)) as port:
        sample = await measure(f"127.0.0.1:{port}", query="portal.lw.test", authoritative=True)
    assert (sample.reason, sample.detail) == (Reason.PROTOCOL, "the answer is not authoritative")


async def test_resolvers_that_agree(server: str, tmp_path: Path) -> None:
    with dnsmasq(*NAMES) as port:
        other = f"127.0.0.1:{port}"
        sample = await measure(server, query="ok.lw.test", resolvers=(other,))
    assert sample.ok
    assert [value(sample, "server_success", name) for name in (server, other)] == [1, 1]
    assert sample.facts[f"{other} answers"] == "10.1.2.3"


async def test_resolvers_that_disagree_are_named_with_what_they_say(server: str) -> None:
    with dnsmasq("--address=/lw.test/10.66.6.6") as port:
        other = f"127.0.0.1:{port}"
        sample = await measure(server, query="ok.lw.test", resolvers=(other,))
        absent = await measure(other, query="x.lw.test", rcodes=("NOERROR", "NXDOMAIN"), resolvers=(server,))
    assert sample.reason is Reason.PROTOCOL
    assert sample.detail == f"the resolvers disagree: {server} says 10.1.2.3; {other} says 10.66.6.6"
    assert value(sample, "server_success", other) == 1
    assert absent.detail == f"the resolvers disagree: {other} says 10.66.6.6; {server} says NXDOMAIN"


async def test_a_secondary_that_lags_behind_disagrees(tmp_path: Path) -> None:
    with (
        unbound(tmp_path, rest=authority(tmp_path, 7)) as first,
        unbound(tmp_path, rest=authority(tmp_path, 6)) as second,
    ):
        names = [f"127.0.0.1:{port}" for port in (first, second)]
        sample = await measure(names[0], query="lw.test", record="SOA", resolvers=(names[1],))
    assert sample.reason is Reason.PROTOCOL
    assert [value(sample, "zone_serial", name) for name in names] == [7, 6]


async def test_a_port_behind_a_resolver_goes_before_that_of_the_settings(server: str) -> None:
    host, _, port = server.partition(":")
    with dnsmasq(*NAMES) as other:
        sample = await measure(host, query="ok.lw.test", port=int(port), resolvers=(f"{host}:{other}",))
    assert (sample.ok, len(sample.facts)) == (True, 8)


async def test_a_dead_resolver_among_several_is_named_and_the_others_are_still_measured(server: str) -> None:
    dead = f"127.0.0.1:{free_port()}"
    sample = await measure(server, query="ok.lw.test", resolvers=(dead,))
    assert (sample.reason, sample.detail) == (Reason.REFUSED, f"{dead}: Connection refused, in query")
    assert [value(sample, "server_success", name) for name in (server, dead)] == [1, 0]
    assert value(sample, "query_seconds", dead) is None


async def test_a_resolver_outside_the_scope_is_never_asked(server: str) -> None:
    asked: list[IPAddress] = []

    def allows(address: IPAddress) -> bool:
        asked.append(address)
        return str(address) == "127.0.0.1"

    settings = Settings(query="ok.lw.test", resolvers=("127.0.0.2:53",))
    sample = await probe(Target("t", server, allows), settings, 1.0)
    assert sample.reason is Reason.PERMISSION
    assert len(asked) == 2


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_a_closed_port_is_refused(transport: str) -> None:
    sample = await measure(f"127.0.0.1:{free_port()}", transport=transport)
    assert sample.reason is Reason.REFUSED


async def test_a_silent_server_ends_at_the_deadline() -> None:
    async with serve_udp(silence) as udp, serve_tcp(hang) as tcp:
        over_udp = await measure(f"127.0.0.1:{udp}", 0.1)
        over_tcp = await measure(f"127.0.0.1:{tcp}", 0.1, transport="tcp")
    for sample in (over_udp, over_tcp):
        assert (sample.reason, sample.detail) == (Reason.TIMEOUT, "no end of query within 0.1 s")
        assert sample.duration_s < 0.2


async def test_an_address_that_is_a_url_is_no_resolver() -> None:
    sample = await measure("https://user:secret@127.0.0.1/")
    assert sample.reason is Reason.RESOLVE
    assert "secret" not in repr(sample)


def answered(request: bytes, address: str = "10.1.2.3") -> bytes:
    query = dns.message.from_wire(request)
    response = dns.message.make_response(query)
    response.answer.append(dns.rrset.from_text(query.question[0].name, 60, "IN", "A", address))
    return response.to_wire()


def another_id(request: bytes) -> bytes:
    return bytes([request[0] ^ 1]) + request[1:]


async def test_an_answer_with_a_spoofed_id_is_passed_over() -> None:
    def spoof_first(request: bytes) -> Iterable[bytes]:
        return [another_id(answered(request, "10.66.6.6")), answered(request)]

    async with serve_udp(spoof_first) as port:
        sample = await measure(f"127.0.0.1:{port}", query="ok.lw.test")
    assert (sample.ok, sample.facts["answers"]) == (True, "10.1.2.3")


@pytest.mark.parametrize("code", [dns.rcode.FORMERR, dns.rcode.NOTIMP])
async def test_an_old_server_that_knows_no_extensions_is_asked_without_them(code: dns.rcode.Rcode) -> None:
    def refuse_options(request: bytes) -> Iterable[bytes]:
        if dns.message.from_wire(request).edns < 0:
            return [answered(request)]
        return [request[:2] + bytes([0x80, code]) + bytes(8)]

    async with serve_udp(refuse_options) as port:
        sample = await measure(f"127.0.0.1:{port}", query="ok.lw.test")
        told = await measure(f"127.0.0.1:{port}", query="ok.lw.test", rcodes=(dns.rcode.to_text(code),))
    assert (sample.ok, sample.facts["answers"]) == (True, "10.1.2.3")
    assert (told.ok, told.facts["rcode"]) == (True, dns.rcode.to_text(code))


def drop_options(request: bytes) -> Iterable[bytes]:
    return [] if dns.message.from_wire(request).edns >= 0 else [answered(request)]


async def test_a_server_that_drops_what_has_extensions_is_asked_without_them() -> None:
    async with serve_udp(drop_options) as port:
        sample = await measure(f"127.0.0.1:{port}", 1.0, query="ok.lw.test")
    assert (sample.ok, sample.facts["answers"]) == (True, "10.1.2.3")
    assert sample.facts["extensions"] == "asked without extensions, since there was no answer with them"
    assert (value(sample, "query_seconds", f"127.0.0.1:{port}") or 1) < 0.4


async def test_a_late_answer_to_the_first_query_is_an_answer() -> None:
    heard: list[bytes] = []

    def lag(request: bytes) -> Iterable[bytes]:
        heard.append(request)
        return [answered(heard[0])] if len(heard) == 2 else []

    async with serve_udp(lag) as port:
        sample = await measure(f"127.0.0.1:{port}", 1.0, query="ok.lw.test")
    assert (sample.ok, "extensions" in sample.facts) == (True, False)
    assert (value(sample, "query_seconds", f"127.0.0.1:{port}") or 0) > 0.4


OTHER_QUESTION = dns.message.make_response(dns.message.make_query("other.test", "A")).to_wire()


@pytest.mark.parametrize(
    "reply",
    [
        lambda request: [b"\xff"],
        lambda request: [b"\xff" * 500],
        lambda request: [request],
        lambda request: [another_id(answered(request))],
        lambda request: [request[:2] + OTHER_QUESTION[2:]],
    ],
    ids=["byte", "noise", "echo", "id", "question"],
)
async def test_what_answers_no_question_of_ours_is_told_apart_from_silence(reply: Reply) -> None:
    async with serve_udp(reply) as port:
        sample = await measure(f"127.0.0.1:{port}", 0.1, query="ok.lw.test")
    assert sample.reason is Reason.PROTOCOL
    assert sample.detail == "no answer to query, only: a packet that does not answer the question"


async def test_an_answer_that_is_cut_off_cannot_be_read() -> None:
    async with serve_udp(lambda request: [answered(request)[:-20]]) as port:
        sample = await measure(f"127.0.0.1:{port}", query="ok.lw.test")
    assert sample.reason is Reason.PROTOCOL
    assert sample.detail.startswith("an answer that cannot be read")


def over_tcp(answer: bytes) -> Handler:
    async def handle(reader: Any, writer: Any) -> None:
        await reader.readexactly(2)
        writer.write(answer)
        await writer.drain()

    return handle


@pytest.mark.parametrize(
    ("answer", "detail"),
    [
        (b"", "the server closed the connection without an answer"),
        (b"\0\x20short", "the server closed the connection without an answer"),
        (b"HTTP/1.1 400 Bad Request\r\n" + bytes(20_000), "a packet that does not answer the question"),
    ],
)
async def test_a_stream_that_is_no_dns(answer: bytes, detail: str) -> None:
    async with serve_tcp(over_tcp(answer)) as port:
        sample = await measure(f"127.0.0.1:{port}", transport="tcp")
    assert (sample.reason, sample.detail) == (Reason.PROTOCOL, detail)


async def test_a_flood_of_forged_answers_ends_at_the_deadline() -> None:
    async with serve_udp(lambda request: [another_id(request)] * 2000) as port:
        started_s = time.monotonic()
        sample = await measure(f"127.0.0.1:{port}", 0.3)
    assert sample.reason is Reason.PROTOCOL
    assert time.monotonic() - started_s < 0.6


def signed_zone(folder: Path, *options: str) -> tuple[str, Path]:
    """The zone with signatures, and the file with its key."""
    keygen, signer = need("ldns-keygen", "ldnsutils"), need("ldns-signzone", "ldnsutils")
    (folder / "plain").write_text(ZONE.format(serial=1))
    run = {"cwd": folder, "check": True, "capture_output": True, "text": True}
    name = subprocess.run([keygen, "-k", "-a", "ECDSAP256SHA256", "lw.test"], **run).stdout.strip()  # type: ignore[call-overload]
    subprocess.run([signer, *options, "-f", "signed", "plain", name], **run)  # type: ignore[call-overload]
    return (folder / "signed").read_text(), folder / f"{name}.key"


@pytest.mark.parametrize("expired", [False, True])
async def test_a_validating_resolver_says_whether_the_signatures_are_good(
    tmp_path: Path, expired: bool
) -> None:
    dates = ("-i", "20200101", "-e", "20200201") if expired else ()
    zone, key = signed_zone(tmp_path, *dates)
    trusting = f'module-config: "validator iterator"\n  trust-anchor-file: "{key}"'
    with unbound(tmp_path, trusting, authority(tmp_path, 1, PASSED_ON, zone)) as port:
        sample = await measure(f"127.0.0.1:{port}", query="portal.lw.test", dnssec=True)
    if expired:
        assert sample.reason is Reason.PROTOCOL
        # Which of RFC 8914's codes follows differs from version to version.
        assert re.match(r"SERVFAIL, expected NOERROR: \d+ \((DNSSEC|DNSKEY|Signature) \w+\)", sample.detail)
    else:
        assert (sample.ok, sample.facts["flags"]) == (True, "authenticated")


@pytest.fixture(scope="module")
def authority_of_tests(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    if not has_openssl():
        pytest.skip(OPENSSL_MISSING)
    return make_authority(tmp_path_factory.mktemp("ca"))


@contextmanager
def unbound_over_tls(folder: Path, ca: Authority, names: str, days: int = 90) -> Iterator[str]:
    """Holds the zone lw.test; its certificate is valid for `names`."""
    certificate = ca.issue(names, days)
    port = free_port()
    server = f'interface: 127.0.0.1@{port}\n  tls-port: {port}\n  tls-service-pem: "{certificate}"'
    server += f'\n  tls-service-key: "{ca.folder / "key.pem"}"'
    with unbound(folder, server, authority(folder, 1)):
        yield f"127.0.0.1:{port}"


async def test_a_resolver_over_tls(tmp_path: Path, authority_of_tests: Authority) -> None:
    ca_file = str(authority_of_tests.ca_file)
    with unbound_over_tls(tmp_path, authority_of_tests, "DNS:dns.lw.test,IP:127.0.0.1") as server:
        by_address = await measure(server, query="portal.lw.test", transport="tls", ca_file=ca_file)
        by_name = await measure(
            server, query="portal.lw.test", transport="tls", ca_file=ca_file, server_name="dns.lw.test"
        )
    for sample in (by_address, by_name):
        assert (sample.ok, sample.facts["answers"]) == (True, "10.1.2.3")
        assert sample.values["linkwatch_tls_certificate_expiry_timestamp_seconds", ()] > time.time()


@pytest.mark.parametrize(("names", "days"), [("DNS:other.lw.test", 90), ("IP:127.0.0.1", -1)])
async def test_a_resolver_whose_certificate_is_wrong(
    tmp_path: Path, authority_of_tests: Authority, names: str, days: int
) -> None:
    ca_file = str(authority_of_tests.ca_file)
    with unbound_over_tls(tmp_path, authority_of_tests, names, days) as server:
        refused = await measure(server, query="portal.lw.test", transport="tls", ca_file=ca_file)
        unverified = await measure(server, query="portal.lw.test", transport="tls", verify=False)
    assert refused.reason is Reason.TLS
    assert refused.detail.startswith("certificate of 127.0.0.1: ")
    assert unverified.ok


async def test_each_resolver_over_tls_has_a_name_of_its_own(
    tmp_path: Path, authority_of_tests: Authority
) -> None:
    ca_file = str(authority_of_tests.ca_file)
    with (
        unbound_over_tls(tmp_path, authority_of_tests, "DNS:one.lw.test") as one,
        unbound_over_tls(tmp_path, authority_of_tests, "DNS:two.lw.test") as two,
    ):

        async def compare(resolver: str) -> Sample:
            return await measure(
                one,
                query="portal.lw.test",
                transport="tls",
                ca_file=ca_file,
                server_name="one.lw.test",
                resolvers=(resolver,),
            )

        named, unnamed = await compare(f"{two}#two.lw.test"), await compare(two)
    assert (named.ok, value(named, "server_success", two)) == (True, 1), named.detail
    assert unnamed.reason is Reason.TLS
    assert unnamed.detail.startswith(f"{two}: certificate of 127.0.0.1: ")


async def test_a_server_that_speaks_no_tls() -> None:
    async with serve_tcp(over_tcp(b"\0\x04nope")) as port:
        sample = await measure(f"127.0.0.1:{port}", transport="tls")
    assert sample.reason is Reason.TLS
    assert sample.detail.startswith("handshake failed")


async def test_a_handshake_that_never_ends_is_a_timeout() -> None:
    async with serve_tcp(hang) as port:
        sample = await measure(f"127.0.0.1:{port}", 0.2, transport="tls")
    assert (sample.reason, sample.detail) == (Reason.TIMEOUT, "no end of tls within 0.2 s")
