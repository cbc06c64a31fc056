"""The TLS probe against nginx and openssl's server, with a certificate of every kind."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.x509 import Certificate, ocsp

from probes.sample import Reason, Sample, Target
from probes.testing import hang, serve_tcp
from probes.tls import METRICS, Settings
from probes.tls.sampling import probe
from tests.probes.tls.peers import Files, nginx, s_server
from tests.probes.tls.pki import NAME, Identity, Pki, make

EXPIRY = "linkwatch_tls_certificate_expiry_timestamp_seconds"
CHAIN_EXPIRY = "linkwatch_tls_chain_expiry_timestamp_seconds"
NEW_TLS = "ssl_protocols TLSv1.2 TLSv1.3;"
OLD_TLS = "ssl_protocols TLSv1.1; ssl_ciphers ALL:@SECLEVEL=0;"


@pytest.fixture(scope="module")
def server(pki: Pki) -> Identity:
    return pki.server()


@pytest.fixture(scope="module")
def ports(pki: Pki, server: Identity, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, int]]:
    folder, above = tmp_path_factory.mktemp("nginx"), pki.intermediate
    late_ca = make("LinkWatch late CA", pki.root, days=-3, is_ca=True)
    good = pki.files("good", server, above)
    servers: dict[str, tuple[Files, str]] = {
        "good": (good, NEW_TLS),
        "whole": (pki.files("whole", server, above, pki.root), NEW_TLS),
        "expired": (pki.files("expired", pki.server(days=-5), above), NEW_TLS),
        "other name": (pki.files("other", pki.server(names=("elsewhere.test",)), above), NEW_TLS),
        "nameless": (pki.files("nameless", make(NAME, above, days=9), above), NEW_TLS),
        "self-signed": (pki.files("self", make(NAME, None, days=9, names=(NAME,))), NEW_TLS),
        "no intermediate": (pki.files("alone", server), NEW_TLS),
        "late CA": (pki.files("late", make(NAME, late_ca, days=90, names=(NAME,)), late_ca), NEW_TLS),
        "no CA": (
            pki.files("no-ca", make("sub.test", server, days=9, names=(NAME,)), server, above),
            NEW_TLS,
        ),
        "unneeded": (pki.files("unneeded", server, above, late_ca), NEW_TLS),
        "old": (good, OLD_TLS),
        "1.2": (good, "ssl_protocols TLSv1.2;"),
    }
    for status in ("good", "revoked"):
        file = folder / f"{status}.der"
        file.write_bytes(pki.staple(server, ocsp.OCSPCertStatus[status.upper()]))
        servers[f"stapled {status}"] = (good, f"{NEW_TLS} ssl_stapling on; ssl_stapling_file {file};")
    with nginx(folder, servers) as ports:
        yield ports


async def measure(pki: Pki, port: int, deadline_s: float = 5.0, **settings: object) -> Sample:
    given = {"ca_file": str(pki.ca_file), "server_name": NAME, **settings}
    return await probe(Target("t", f"127.0.0.1:{port}"), Settings(**given), deadline_s)  # type: ignore[arg-type]


def value(sample: Sample, metric: str) -> float:
    return sample.values[f"linkwatch_tls_{metric}", ()]


def ends(certificate: Certificate) -> float:
    return certificate.not_valid_after_utc.timestamp()


def verdict(sample: Sample) -> tuple[float, float]:
    return value(sample, "chain_valid"), value(sample, "name_valid")


async def test_a_good_server_shows_chain_dates_version_and_cipher(
    pki: Pki, ports: dict[str, int], server: Identity
) -> None:
    sample = await measure(pki, ports["good"])
    assert sample.ok, sample.detail
    assert verdict(sample) == (1, 1)
    assert sample.values[EXPIRY, ()] == ends(server.certificate)
    chain = {
        dict(labels)["position"]: at
        for (metric, labels), at in sample.values.items()
        if metric == CHAIN_EXPIRY
    }
    assert chain == {"0": ends(server.certificate), "1": ends(pki.intermediate.certificate)}
    assert sample.facts["tls_version"] == "TLSv1.3"
    assert sample.facts["certificate_1"].startswith(
        "CN=LinkWatch test CA, issued by CN=LinkWatch test root, "
    )
    info = [dict(labels) for metric, labels in sample.values if metric == "linkwatch_tls_info"]
    assert info == [{"version": "TLSv1.3", "cipher": sample.facts["cipher"]}]
    assert value(sample, "ocsp_stapled") == 0
    phases = {dict(labels)["phase"] for metric, labels in sample.values if metric.endswith("phase_seconds")}
    assert phases == {"resolve", "connect", "tls"}
    assert {metric for metric, _ in sample.values} <= {metric.name for metric in METRICS}


@pytest.mark.parametrize(
    ("peer", "chain_and_name", "detail"),
    [
        ("expired", (0, 1), "expired"),
        ("other name", (1, 0), f"not for {NAME}"),
        ("nameless", (1, 0), f"not for {NAME}: it holds no names"),
        ("self-signed", (0, 1), "self-signed"),
        ("no intermediate", (0, 1), "its issuer is neither sent along nor trusted here"),
        ("late CA", (0, 1), "expired (certificate 1 of the chain)"),
        (
            "no CA",
            (0, 1),
            "used as a CA without being one (certificate 1 of the chain), "
            "not made for this use (certificate 1 of the chain)",
        ),
    ],
)
async def test_a_wrong_certificate_is_told_apart_from_a_server_that_is_not_there(
    pki: Pki, ports: dict[str, int], peer: str, chain_and_name: tuple[float, float], detail: str
) -> None:
    sample = await measure(pki, ports[peer])
    assert (sample.reason, sample.detail) == (Reason.TLS, f"certificate of {NAME}: {detail}")
    assert verdict(sample) == chain_and_name
    assert sample.facts["tls_version"] == "TLSv1.3"
    lenient = await measure(pki, ports[peer], verify=False)
    assert lenient.ok
    assert verdict(lenient) == chain_and_name
    assert lenient.values[EXPIRY, ()] == sample.values[EXPIRY, ()]


async def test_the_date_that_counts_is_the_first_of_those_the_connection_rests_on(
    pki: Pki, ports: dict[str, int], server: Identity
) -> None:
    """A certificate that is sent along and that nobody needs may be late: it is shown, and harms nobody."""
    late_ca, unneeded = await measure(pki, ports["late CA"]), await measure(pki, ports["unneeded"])
    assert late_ca.values[EXPIRY, ()] == pytest.approx(time.time() - 3 * 86_400, abs=300)
    assert unneeded.ok, unneeded.detail
    assert unneeded.values[EXPIRY, ()] == ends(server.certificate)
    assert unneeded.values[CHAIN_EXPIRY, (("position", "2"),)] < time.time()


async def test_an_untrusted_root_is_named_and_the_systems_own_cas_are_the_default(
    pki: Pki, ports: dict[str, int]
) -> None:
    whole = await measure(pki, ports["whole"], ca_file="")
    assert whole.detail == f"certificate of {NAME}: its root is not trusted here (certificate 2 of the chain)"
    assert (await measure(pki, ports["whole"])).ok


async def test_the_address_itself_may_be_what_the_certificate_is_for(pki: Pki, ports: dict[str, int]) -> None:
    assert (await measure(pki, ports["good"], server_name="")).ok
    other = await measure(pki, ports["self-signed"], server_name="", verify=False)
    assert verdict(other) == (0, 0)


async def test_a_server_of_old_tls_is_refused_and_still_shown(
    pki: Pki, ports: dict[str, int], server: Identity
) -> None:
    sample = await measure(pki, ports["old"])
    assert sample.reason is Reason.TLS
    assert "the server speaks TLSv1.1 with ECDHE-ECDSA-AES256-SHA" in sample.detail
    assert sample.values[EXPIRY, ()] == ends(server.certificate)
    assert ("linkwatch_tls_chain_valid", ()) not in sample.values


async def test_the_oldest_version_allowed_is_a_setting(pki: Pki, ports: dict[str, int]) -> None:
    assert (await measure(pki, ports["1.2"])).facts["tls_version"] == "TLSv1.2"
    sample = await measure(pki, ports["1.2"], min_version="1.3")
    assert sample.reason is Reason.TLS
    assert "the server speaks TLSv1.2" in sample.detail


async def test_a_stapled_answer_is_shown_with_its_end(pki: Pki, ports: dict[str, int]) -> None:
    sample = await measure(pki, ports["stapled good"])
    assert sample.ok, sample.detail
    assert value(sample, "ocsp_stapled") == 1
    until = value(sample, "ocsp_next_update_timestamp_seconds")
    assert (until - time.time()) / 86_400 == pytest.approx(7, abs=0.1)
    assert sample.facts["ocsp"] == f"good, until {datetime.fromtimestamp(until, UTC):%Y-%m-%d %H:%M} UTC"


async def test_a_certificate_that_its_ca_took_back_fails(pki: Pki, ports: dict[str, int]) -> None:
    sample = await measure(pki, ports["stapled revoked"])
    assert (sample.reason, sample.detail) == (Reason.TLS, f"certificate of {NAME}: revoked by its CA")


async def test_openssls_own_server(pki: Pki, server: Identity) -> None:
    with s_server(
        pki.files("s_server", server, pki.intermediate), "-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-GCM-SHA256"
    ) as port:
        sample = await measure(pki, port)
    assert sample.ok, sample.detail
    assert (sample.facts["tls_version"], sample.facts["cipher"]) == (
        "TLSv1.2",
        "ECDHE-ECDSA-AES128-GCM-SHA256",
    )


async def test_a_url_as_address_gives_host_and_port(pki: Pki, ports: dict[str, int]) -> None:
    target = Target("t", f"https://user:pw@127.0.0.1:{ports['good']}/path?token=1")
    assert (await probe(target, Settings(ca_file=str(pki.ca_file)), 5.0)).ok


# Peers that are no TLS servers


async def test_nothing_listens(pki: Pki) -> None:
    async with serve_tcp(hang) as port:
        pass
    sample = await measure(pki, port)
    assert (sample.reason, sample.detail) == (Reason.REFUSED, "127.0.0.1: Connection refused")


async def test_a_server_that_hangs_is_left_at_the_deadline(pki: Pki) -> None:
    async with serve_tcp(hang) as port:
        started_s = time.monotonic()
        sample = await measure(pki, port, deadline_s=0.3)
    assert (sample.reason, sample.detail) == (Reason.TIMEOUT, "no end of tls within 0.3 s")
    assert 0.3 <= time.monotonic() - started_s < 1.5


async def test_a_server_that_refuses_and_then_hangs_still_tells_why(pki: Pki) -> None:
    calls: list[int] = []

    async def refuse_once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        calls.append(1)
        if len(calls) > 1:
            await hang(reader, writer)
        await reader.read(100)
        writer.write(b"\x15\x03\x01\x00\x02\x02\x28")  # alert: handshake failure
        await writer.drain()

    async with serve_tcp(refuse_once) as port:
        sample = await measure(pki, port, deadline_s=0.5)
    assert sample.reason is Reason.TLS
    assert "handshake failure" in sample.detail
    assert sample.duration_s < 0.5


@pytest.mark.parametrize(
    "said",
    [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\x00" * 4096, b"\x16\x03\x03\xff\xff" + b"\x02" * 70_000, b""],
    ids=["http", "zeros", "oversized", "nothing"],
)
async def test_garbage_is_no_tls(pki: Pki, said: bytes) -> None:
    async def say(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        writer.write(said)
        await writer.drain()

    async with serve_tcp(say) as port:
        sample = await measure(pki, port)
    assert sample.reason is Reason.TLS, sample
    assert sample.detail.startswith("handshake failed: ")


async def test_an_address_outside_the_scope_is_not_connected_to(pki: Pki) -> None:
    reached: list[int] = []

    async def note(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        reached.append(1)

    async with serve_tcp(note) as port:
        target = Target("t", f"127.0.0.1:{port}", lambda _address: False)
        sample = await probe(target, Settings(), 2.0)
    assert sample.reason is Reason.PERMISSION
    assert not reached


async def test_a_ca_file_that_is_none_is_named(pki: Pki, ports: dict[str, int], tmp_path: Path) -> None:
    (tmp_path / "empty.pem").write_text("")
    for name, why in (("none.pem", "No such file or directory"), ("empty.pem", "no certificates in it")):
        sample = await measure(pki, ports["good"], ca_file=str(tmp_path / name))
        assert sample.reason is Reason.ERROR
        assert sample.detail == f"ca_file {tmp_path / name}: {why}"


async def test_a_renewed_ca_file_is_read_again(pki: Pki, ports: dict[str, int], tmp_path: Path) -> None:
    file = tmp_path / "ca.pem"
    file.write_bytes(
        pki.write("stranger", make("stranger", None, days=9, is_ca=True).certificate).read_bytes()
    )
    assert not (await measure(pki, ports["good"], ca_file=str(file))).ok
    file.write_bytes(pki.ca_file.read_bytes())
    assert (await measure(pki, ports["good"], ca_file=str(file))).ok


def test_the_command_line_prints_the_sample(pki: Pki, ports: dict[str, int]) -> None:
    command = [sys.executable, "-m", "probes", "tls", f"127.0.0.1:{ports['expired']}"]
    command += ["--ca-file", str(pki.ca_file), "--server-name", NAME]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, "")
    assert json.loads(done.stdout)["detail"] == f"certificate of {NAME}: expired"
