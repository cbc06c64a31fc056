"""What notifications of several vendors say."""

from __future__ import annotations

import pytest

from probes.snmp.traps.meaning import Meaning, TrapKind, Variable, generic_oid, interpret

SNMP, BGP, CISCO, JUNIPER = (
    "1.3.6.1.6.3.1.1.5",
    "1.3.6.1.2.1.15",
    "1.3.6.1.4.1.9.9.187",
    "1.3.6.1.4.1.2636.5.1.1",
)
IF_INDEX, IF_DESCR, IF_NAME = "1.3.6.1.2.1.2.2.1.1", "1.3.6.1.2.1.2.2.1.2", "1.3.6.1.2.1.31.1.1.1.1"


def meaning(oid: str, **variables: int | bytes | None) -> Meaning:
    return interpret(parse(oid), [variable(name, value) for name, value in variables.items()])


def variable(oid: str, value: int | bytes | None) -> Variable:
    return parse(oid), value


def parse(oid: str) -> tuple[int, ...]:
    return tuple(int(part) for part in oid.split("."))


@pytest.mark.parametrize(
    ("oid", "kind"),
    [
        (f"{SNMP}.1", "cold-start"),
        (f"{SNMP}.2", "warm-start"),
        (f"{SNMP}.5", "authentication-failure"),
        (f"{SNMP}.6", "other"),
        ("1.3.6.1.4.1.318.0.5", "other"),
    ],
)
def test_kinds_without_a_subject(oid: str, kind: str) -> None:
    assert meaning(oid) == Meaning(TrapKind(kind))


@pytest.mark.parametrize(
    ("variables", "interface"),
    [
        ({f"{IF_INDEX}.3": 3, f"{IF_DESCR}.3": b"GigabitEthernet0/3", f"{IF_NAME}.3": b"Gi0/3"}, "Gi0/3"),
        ({f"{IF_INDEX}.3": 3, f"{IF_DESCR}.3": b"GigabitEthernet0/3\0"}, "GigabitEthernet0/3"),
        ({f"{IF_INDEX}.3": 3, f"{IF_NAME}.3": b""}, "ifIndex 3"),
        ({f"{IF_NAME}.3": b"a\r\nb\x1b[31m"}, "a b [31m"),
        ({f"{IF_NAME}.3": b"x" * 500}, "x" * 80),
    ],
)
def test_the_interface_by_its_best_name(variables: dict[str, int | bytes], interface: str) -> None:
    assert meaning(f"{SNMP}.3", **variables) == Meaning(TrapKind.LINK_DOWN, {"interface": interface})


def test_a_link_without_a_name() -> None:
    assert meaning(f"{SNMP}.4", **{f"{IF_INDEX}.3": None}) == Meaning(TrapKind.LINK_UP)


@pytest.mark.parametrize(
    ("oid", "variables", "kind", "peer"),
    [
        (f"{BGP}.0.1", {f"{BGP}.3.1.2.10.0.0.2": 6}, "bgp-established", "10.0.0.2"),
        (f"{BGP}.0.2", {f"{BGP}.3.1.14.10.0.0.2": b"\6\4"}, "bgp-lost", "10.0.0.2"),
        (f"{BGP}.7.2", {f"{BGP}.3.1.2.10.0.0.2": 1}, "bgp-lost", "10.0.0.2"),
        (f"{CISCO}.0.5", {f"{CISCO}.1.2.5.1.3.1.4.10.0.0.2": 6}, "bgp-established", "10.0.0.2"),
        (
            f"{CISCO}.0.6",
            {f"{CISCO}.1.2.5.1.3.2.16.253.0.0.0.0.0.0.0.0.0.0.0.0.0.0.2": 1},
            "bgp-lost",
            "fd00::2",
        ),
        (f"{JUNIPER}.1.0.2", {f"{JUNIPER}.2.1.1.1.11.0.1.10.0": b"\n\0\0\2"}, "bgp-lost", "10.0.0.2"),
    ],
)
def test_bgp_sessions_of_three_mibs(
    oid: str, variables: dict[str, int | bytes], kind: str, peer: str
) -> None:
    assert meaning(oid, **variables) == Meaning(TrapKind(kind), {"peer": peer})


def test_a_bgp_session_whose_peer_makes_no_sense() -> None:
    broken = {f"{BGP}.3.1.2.1.2.3.4000": 1, f"{CISCO}.1.2.5.1.3.1": 1, f"{JUNIPER}.2.1.1.1.11.0": b"abc"}
    assert meaning(f"{BGP}.7.2", **broken) == Meaning(TrapKind.BGP_LOST)


def test_a_version_1_trap_as_version_2_names_it() -> None:
    assert generic_oid(2, 0, parse("1.3.6.1.4.1.9")) == parse(f"{SNMP}.3")
    assert generic_oid(6, 5, parse("1.3.6.1.4.1.318")) == parse("1.3.6.1.4.1.318.0.5")
