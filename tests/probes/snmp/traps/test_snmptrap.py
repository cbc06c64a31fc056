"""The receiver against net-snmp's snmptrap and snmpinform: all versions, all security levels."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address

import pytest

from probes.snmp import Settings
from probes.snmp.traps import Meaning, Result, Sender, TrapKind
from tests.probes.snmp.traps.devices import (
    AS_BOB,
    BOB,
    BOBS_ENGINE,
    INTERFACE,
    LINK_DOWN,
    counted,
    heard,
    send,
    station,
)

DOWN = Meaning(TrapKind.LINK_DOWN, {"interface": "ge-0/0/3"})
ROUTER = Settings(community="s3cret")
USERS = {  # what snmptrap calls the protocols -> what we call them
    ("", ""): ("", ""),
    ("MD5", ""): ("md5", ""),
    ("MD5", "DES"): ("md5", "des"),
    ("SHA", "AES"): ("sha", "aes"),
    ("SHA-224", "AES"): ("sha224", "aes"),
    ("SHA-256", "AES-192"): ("sha256", "aes192"),
    ("SHA-384", "AES-256"): ("sha384", "aes256"),
    ("SHA-512", "AES-256"): ("sha512", "aes256"),
    ("SHA", "AES-192-C"): ("sha", "aes192c"),
    ("SHA", "AES-256-C"): ("sha", "aes256c"),
}


def as_user(auth: str, priv: str) -> list[str]:
    level = "authPriv" if priv else "authNoPriv" if auth else "noAuthNoPriv"
    words = ["-v3", "-u", "eve", "-l", level]
    words += ["-a", auth, "-A", "authpass123"] if auth else []
    return words + (["-x", priv, "-X", "privpass123"] if priv else [])


def user(auth: str, priv: str) -> Settings:
    return Settings(
        version="3",
        user="eve",
        auth_protocol=USERS[auth, priv][0],
        auth_password="authpass123" if auth else "",
        priv_protocol=USERS[auth, priv][1],
        priv_password="privpass123" if priv else "",
    )


async def test_a_trap_of_version_1() -> None:
    with station(router=ROUTER) as here:
        await send(
            here.port, "-v1", "-c", "s3cret", "@", "1.3.6.1.4.1.9", "10.9.9.9", "2", "0", "1", *INTERFACE
        )
        assert await heard(here) == [("router", DOWN)]


async def test_a_trap_of_an_enterprise_in_version_1() -> None:
    with station(router=ROUTER) as here:
        peer = ("1.3.6.1.2.1.15.3.1.2.10.1.1.2", "i", "1")
        await send(here.port, "-v1", "-c", "s3cret", "@", "1.3.6.1.2.1.15.7", "", "6", "2", "1", *peer)
        assert await heard(here) == [("router", Meaning(TrapKind.BGP_LOST, {"peer": "10.1.1.2"}))]


async def test_a_trap_and_an_inform_of_version_2c() -> None:
    with station(router=ROUTER) as here:
        words = ("-v2c", "-c", "s3cret", "@", "1", LINK_DOWN, *INTERFACE)
        await send(here.port, *words)
        assert await send(here.port, *words, tool="snmpinform") == 0, "acknowledged"
        assert await heard(here, 2) == [("router", DOWN)] * 2


async def test_one_socket_hears_ipv4_and_ipv6() -> None:
    with station("::", router=ROUTER) as here:
        assert await send(here.port, "-v2c", "-c", "s3cret", "@", "1", LINK_DOWN, tool="snmpinform") == 0
        here.receiver.use({ip_address("::1"): (Sender("six", ROUTER),)})
        six = f"udp6:[::1]:{here.port}"
        assert await send(here.port, "-v2c", "-c", "s3cret", six, "1", LINK_DOWN, tool="snmpinform") == 0
        assert [key for key, _ in await heard(here, 2)] == ["router", "six"]


@pytest.mark.parametrize(("auth", "priv"), USERS)
async def test_a_trap_and_an_inform_of_version_3_at_every_security_level(auth: str, priv: str) -> None:
    with station(router=user(auth, priv)) as here:
        await send(here.port, "-e", BOBS_ENGINE, *as_user(auth, priv), "@", "1", LINK_DOWN, *INTERFACE)
        assert await heard(here) == [("router", DOWN)]
        words = (*as_user(auth, priv), "@", "1", LINK_DOWN, *INTERFACE)
        assert await send(here.port, *words, tool="snmpinform") == 0, "acknowledged"
        assert await heard(here, 2) == [("router", DOWN)] * 2
        assert here.results()[Result.DISCOVERY] >= 1


@pytest.mark.parametrize("community", ["public", "s3cre", "s3cret2", ""])
async def test_another_community_is_not_heard(community: str) -> None:
    with station(router=ROUTER, other=Settings(**BOB)) as here:
        await send(here.port, "-v2c", "-c", community, "@", "1", LINK_DOWN, *INTERFACE)
        await counted(here, Result.UNAUTHENTICATED)
        assert await send(here.port, "-v2c", "-c", community, "@", "1", LINK_DOWN, tool="snmpinform") != 0
        assert here.heard == []


@pytest.mark.parametrize(
    "wrong", [{"user": "alice"}, {"auth_password": "wrongpass123"}, {"priv_password": "wrongpass123"}]
)
async def test_another_user_or_password_is_not_heard(wrong: dict[str, str]) -> None:
    with station(router=replace(Settings(**BOB), **wrong)) as here:  # type: ignore[arg-type]
        await send(here.port, "-e", BOBS_ENGINE, *AS_BOB, "@", "1", LINK_DOWN)
        await counted(here, Result.UNAUTHENTICATED)
        assert await send(here.port, *AS_BOB, "@", "1", LINK_DOWN, tool="snmpinform") != 0
        assert here.heard == []


@pytest.mark.parametrize("words", [("-l", "noAuthNoPriv"), ("-l", "authNoPriv", "-A", "authpass123")])
async def test_a_user_is_not_heard_below_the_own_security_level(words: tuple[str, ...]) -> None:
    with station(router=Settings(**BOB)) as here:
        lower = ("-v3", "-u", "bob", "-a", "SHA-256", *words)
        await send(here.port, "-e", BOBS_ENGINE, *lower, "@", "1", LINK_DOWN)
        await counted(here, Result.UNAUTHENTICATED)
        assert here.heard == []


async def test_devices_at_one_address_are_told_apart_by_what_they_prove() -> None:
    with station(a=ROUTER, b=Settings(community="other"), c=Settings(**BOB)) as here:
        await send(here.port, "-v2c", "-c", "other", "@", "1", LINK_DOWN)
        await heard(here)
        await send(here.port, "-e", BOBS_ENGINE, *AS_BOB, "@", "1", LINK_DOWN)
        assert [key for key, _ in await heard(here, 2)] == ["b", "c"]


async def test_what_comes_from_an_unknown_address_is_not_read() -> None:
    with station() as here:
        here.receiver.use({})
        await send(here.port, "-v2c", "-c", "public", "@", "1", LINK_DOWN)
        await counted(here, Result.UNKNOWN_SENDER)
        assert str(here.receiver.last[Result.UNKNOWN_SENDER]) == "127.0.0.1"
        assert here.heard == []
