"""What a notification says, from its OID and variables alone (pure).

Sources: RFC 3418 (SNMPv2-MIB), RFC 2863 (IF-MIB), RFC 4273 (BGP4-MIB, with the older traps of RFC 1269),
RFC 3584 (version 1 into version 2), CISCO-BGP4-MIB, BGP4-V2-MIB-JUNIPER.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from ipaddress import ip_address

from probes.snmp import mib
from probes.snmp.interfaces import clean_text

OID = tuple[int, ...]
Variable = tuple[OID, int | bytes | None]
"""Values of other types than numbers and texts are None: nothing here asks for them."""

TEXT_MAX = 80
"""How much of a text that a device chose is kept."""


class TrapKind(StrEnum):
    """What notifications are told apart."""

    COLD_START = "cold-start"
    WARM_START = "warm-start"
    LINK_DOWN = "link-down"
    LINK_UP = "link-up"
    AUTHENTICATION_FAILURE = "authentication-failure"
    BGP_ESTABLISHED = "bgp-established"
    BGP_LOST = "bgp-lost"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Meaning:
    """`detail`: `interface` of a link, `peer` of a BGP session, where the device named it."""

    kind: TrapKind
    detail: Mapping[str, str] = field(default_factory=dict)


def _parse(oid: str) -> OID:
    return tuple(int(part) for part in oid.split("."))


_SNMP_TRAPS = _parse("1.3.6.1.6.3.1.1.5")
_BGP, _CISCO_BGP, _JUNIPER_BGP = (
    _parse(oid) for oid in ("1.3.6.1.2.1.15", "1.3.6.1.4.1.9.9.187", "1.3.6.1.4.1.2636.5.1.1")
)
_KINDS: Mapping[OID, TrapKind] = {
    (*_SNMP_TRAPS, 1): TrapKind.COLD_START,
    (*_SNMP_TRAPS, 2): TrapKind.WARM_START,
    (*_SNMP_TRAPS, 3): TrapKind.LINK_DOWN,
    (*_SNMP_TRAPS, 4): TrapKind.LINK_UP,
    (*_SNMP_TRAPS, 5): TrapKind.AUTHENTICATION_FAILURE,
    (*_BGP, 0, 1): TrapKind.BGP_ESTABLISHED,
    (*_BGP, 0, 2): TrapKind.BGP_LOST,
    (*_BGP, 7, 1): TrapKind.BGP_ESTABLISHED,
    (*_BGP, 7, 2): TrapKind.BGP_LOST,
    (*_BGP, 7, 0, 1): TrapKind.BGP_ESTABLISHED,  # the same in version 1, as RFC 3584 translates it
    (*_BGP, 7, 0, 2): TrapKind.BGP_LOST,
    (*_CISCO_BGP, 0, 2): TrapKind.BGP_LOST,
    (*_CISCO_BGP, 0, 5): TrapKind.BGP_ESTABLISHED,
    (*_CISCO_BGP, 0, 6): TrapKind.BGP_LOST,
    (*_CISCO_BGP, 0, 8): TrapKind.BGP_LOST,
    (*_JUNIPER_BGP, 1, 0, 1): TrapKind.BGP_ESTABLISHED,
    (*_JUNIPER_BGP, 1, 0, 2): TrapKind.BGP_LOST,
}

_IF_INDEX, _IF_DESCR, _IF_NAME = (_parse(oid) for oid in (mib.IF_INDEX, mib.IF_DESCR, mib.IF_NAME))
_BGP_PEER = (*_BGP, 3, 1)
_CISCO_PEER = (*_CISCO_BGP, 1, 2, 5, 1)
_JUNIPER_REMOTE_ADDRESS = (*_JUNIPER_BGP, 2, 1, 1, 1, 11)


def generic_oid(generic: int, specific: int, enterprise: OID) -> OID:
    """The OID of a trap of version 1 (RFC 3584, 3.1)."""
    if 0 <= generic <= 5:
        return (*_SNMP_TRAPS, generic + 1)
    return (*enterprise, 0, specific)


def interpret(oid: OID, variables: Sequence[Variable]) -> Meaning:
    """What the notification says."""
    kind = _KINDS.get(oid, TrapKind.OTHER)
    if kind in (TrapKind.LINK_DOWN, TrapKind.LINK_UP):
        return Meaning(kind, _named("interface", _interface(variables)))
    if kind in (TrapKind.BGP_ESTABLISHED, TrapKind.BGP_LOST):
        return Meaning(kind, _named("peer", next(_peers(variables), "")))
    return Meaning(kind)


def _named(name: str, text: str) -> dict[str, str]:
    return {name: text[:TEXT_MAX]} if text else {}


def _interface(variables: Sequence[Variable]) -> str:
    """Its name, else its description, else its number."""
    for column in (_IF_NAME, _IF_DESCR):
        for oid, value in variables:
            if _starts(oid, column) and isinstance(value, bytes) and (text := clean_text(value[:TEXT_MAX])):
                return text
    numbers = (value for oid, value in variables if _starts(oid, _IF_INDEX) and isinstance(value, int))
    return next((f"ifIndex {number}" for number in numbers), "")


def _peers(variables: Sequence[Variable]) -> Iterator[str]:
    """Addresses of the BGP peer: in the index of the tables, which all variables of a peer share."""
    for oid, value in variables:
        if _starts(oid, _BGP_PEER) and len(oid) == len(_BGP_PEER) + 5:
            yield from _address(oid[-4:])
        elif _starts(oid, _CISCO_PEER):
            yield from _address(oid[len(_CISCO_PEER) + 3 :])  # behind column, address type and length
        elif _starts(oid, _JUNIPER_REMOTE_ADDRESS) and isinstance(value, bytes):
            yield from _address(value)


def _address(octets: Sequence[int]) -> Iterator[str]:
    if len(octets) in (4, 16) and all(0 <= octet <= 255 for octet in octets):
        yield str(ip_address(bytes(octets)))


def _starts(oid: OID, prefix: OID) -> bool:
    return oid[: len(prefix)] == prefix
