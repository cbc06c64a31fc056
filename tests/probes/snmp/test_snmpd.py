"""The probe against Debian's snmpd: all versions, all security levels, values as net-snmp sees them."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from probes.sample import Reason, Sample, Target
from probes.snmp import Settings, mib
from probes.snmp.sampling import probe
from probes.snmp.testing import SNMPD_MISSING, has_snmpd, snmpd

PASSWORDS = {"auth_password": "authpass123", "priv_password": "privpass123"}
USERS = {  # snmpd's names of the protocols -> ours
    ("", ""): ("", ""),
    ("SHA", ""): ("sha", ""),
    ("MD5", "DES"): ("md5", "des"),
    ("SHA", "AES"): ("sha", "aes"),
    ("SHA-224", "AES"): ("sha224", "aes"),
    ("SHA-256", "AES"): ("sha256", "aes"),
    ("SHA-384", "AES192"): ("sha384", "aes192"),
    ("SHA-512", "AES256"): ("sha512", "aes256"),
    ("SHA", "AES192"): ("sha", "aes192"),
    ("SHA", "AES256C"): ("sha", "aes256c"),
}


def user(auth: str, priv: str) -> str:
    return f"u{auth}{priv}".replace("-", "")


def config() -> list[str]:
    lines = ["rocommunity public", "rocommunity6 public"]
    for auth, priv in USERS:
        keys = (f" {auth} authpass123" if auth else "") + (f" {priv} privpass123" if priv else "")
        level = "authpriv" if priv else "auth" if auth else "noauth"
        lines += [f"createUser {user(auth, priv)}{keys}", f"rouser {user(auth, priv)} {level}"]
    return lines


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    if not has_snmpd():
        pytest.skip(SNMPD_MISSING)
    with snmpd(config()) as port:
        yield port


async def ask(port: int, **settings: Any) -> Sample:
    quick = {"request_timeout_s": 0.5, "retries": 0, **settings}
    return await probe(Target("t", f"127.0.0.1:{port}"), Settings(**quick), 5.0)


def credentials(auth: str, priv: str, **other: str) -> dict[str, str]:
    ours = USERS[auth, priv]
    given = {"version": "3", "user": user(auth, priv), "auth_protocol": ours[0], "priv_protocol": ours[1]}
    wanted = {name: text for name, text in PASSWORDS.items() if given[name.replace("password", "protocol")]}
    return {**given, **wanted, **other}


def walk(port: int, column: str) -> dict[str, str]:
    if shutil.which("snmpbulkwalk") is None:
        pytest.skip("needs snmpbulkwalk: apt-get install snmp")
    command = ["snmpbulkwalk", "-v2c", "-c", "public", "-On", "-Oq", "-Oe", f"127.0.0.1:{port}", column]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env={"MIBS": ""})
    rows = (line.partition(" ") for line in done.stdout.splitlines())
    return {oid.rpartition(".")[2]: value.strip('"') for oid, _, value in rows}


@pytest.mark.parametrize("version", ["1", "2c"])
async def test_states_and_speeds_are_what_snmpbulkwalk_shows(port: int, version: str) -> None:
    sample = await ask(port, version=version, admin_down=True)
    names = walk(port, mib.IF_NAME)
    assert sample.ok, sample.detail
    for index, status in walk(port, mib.IF_OPER_STATUS).items():
        key = (("alias", ""), ("interface", names[index]))
        assert sample.values["linkwatch_interface_oper_up", key] == float(status == "1")
    for index, speed in walk(port, mib.IF_HIGH_SPEED).items():
        key = (("alias", ""), ("interface", names[index]))
        if int(speed) >= 10:
            assert sample.values["linkwatch_interface_speed_bytes_per_second", key] == int(speed) * 125_000


async def test_counters_lie_between_two_walks_of_snmpbulkwalk(port: int) -> None:
    before = walk(port, mib.IF_HC_IN_OCTETS)
    sample = await ask(port, admin_down=True)
    after, names = walk(port, mib.IF_HC_IN_OCTETS), walk(port, mib.IF_NAME)
    assert before
    for index, low in before.items():
        key = (("alias", ""), ("interface", names[index]))
        total = sample.values["linkwatch_interface_receive_bytes_total", key]
        assert int(low) <= total <= int(after[index])


@pytest.mark.parametrize(("auth", "priv"), USERS)
async def test_every_security_level_of_version_3(port: int, auth: str, priv: str) -> None:
    sample = await ask(port, **credentials(auth, priv))
    assert sample.ok, sample.detail


@pytest.mark.parametrize(
    "wrong",
    [
        credentials("SHA", "AES", auth_password="wrongpass123"),
        credentials("SHA", "AES", user="nobody"),
        credentials("SHA", "AES", auth_protocol="md5"),
        {"version": "3", "user": user("SHA", "AES")},
    ],
)
async def test_wrong_credentials_of_version_3_are_an_auth_failure(port: int, wrong: dict[str, str]) -> None:
    sample = await ask(port, **wrong)
    assert sample.reason is Reason.AUTH
    assert not any(password in repr(sample) for password in ("wrongpass123", *PASSWORDS.values()))


async def test_a_wrong_privacy_password_is_silence(port: int) -> None:
    sample = await ask(port, **credentials("SHA", "AES", priv_password="wrongpass123"))
    assert sample.reason is Reason.TIMEOUT
    assert sample.detail.endswith("or the privacy password is wrong")


async def test_a_wrong_community_is_silence(port: int) -> None:
    sample = await ask(port, community="s3cret")
    assert sample.reason is Reason.TIMEOUT
    assert sample.detail.endswith("or the community is wrong")
    assert "s3cret" not in repr(sample)


async def test_an_agent_on_ipv6() -> None:
    if not has_snmpd():
        pytest.skip(SNMPD_MISSING)
    with snmpd(config(), host="::1") as port:
        sample = await probe(Target("t", f"[::1]:{port}"), Settings(), 5.0)
        other = await probe(Target("t", "::1"), Settings(port=port), 5.0)
    assert sample.ok, sample.detail
    assert other.ok, other.detail


async def test_a_restarted_agent_with_another_engine_is_met_again() -> None:
    if not has_snmpd():
        pytest.skip(SNMPD_MISSING)
    from probes.snmp.sampling import open_session

    with snmpd(config()) as port:
        session = open_session(Target("t", f"127.0.0.1:{port}"), Settings(**credentials("SHA", "AES")))
        assert (await session.probe(5.0)).ok
    with snmpd([*config(), "engineID anotherone"], port=port):
        again = await session.probe(5.0)
    assert again.ok, again.detail
