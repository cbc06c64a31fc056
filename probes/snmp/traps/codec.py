"""Messages of version 1 and 2c, and what notifications of all versions have in common. The codec is pysnmp.

Whatever a stranger sends ends in `Refused`: the decoder raises nearly anything over what it does not expect.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from hmac import compare_digest
from typing import Any

from pyasn1.codec.ber import decoder, encoder
from pyasn1.type import univ
from pysnmp.proto import api

from probes.snmp.traps.meaning import OID, Meaning, Variable, generic_oid, interpret
from probes.snmp.traps.verdict import Refused, Result, Sender, Verdict

V1 = api.PROTOCOL_MODULES[api.SNMP_VERSION_1]
V2C = api.PROTOCOL_MODULES[api.SNMP_VERSION_2C]
VERSION_3 = 3

VARIABLES_MAX = 64
"""A notification names a few; more of them are not looked at."""

_TRAP_OID = (1, 3, 6, 1, 6, 3, 1, 1, 4, 1, 0)

Pdu = Any
"""A PDU of pysnmp."""


@contextmanager
def reading() -> Iterator[None]:
    """Inside, whatever goes wrong means that the datagram is malformed."""
    try:
        yield
    except Refused:
        raise
    except Exception:
        raise Refused(Result.MALFORMED) from None


def version_of(data: bytes) -> int:
    """0 is version 1, 1 is version 2c. Raises Refused."""
    with reading():
        return int(api.decodeMessageVersion(data))


def read_community(data: bytes, version: int, senders: Sequence[Sender]) -> Verdict:
    """A message of version 1 or 2c from an address that `senders` share. Raises Refused."""
    with reading():
        codec = api.PROTOCOL_MODULES[version]
        message = decode(data, codec.Message())
        community = bytes(codec.apiMessage.get_community(message))
        pdu = codec.apiMessage.get_pdu(message)
        meaning = read_trap_v1(pdu) if version == api.SNMP_VERSION_1 else read_notification(pdu)
    proven = tuple(one for one in senders if _is_community_of(one, community))
    if not proven:
        raise Refused(Result.UNAUTHENTICATED)
    answer = _acknowledge(message, pdu) if is_inform(pdu) else None
    return Verdict(Result.ACCEPTED, proven, meaning, answer)


def decode(data: bytes, spec: Any) -> Any:
    """One value of BER, which is all of `data`."""
    value, rest = decoder.decode(data, asn1Spec=spec)
    if rest:
        raise Refused(Result.MALFORMED)
    return value


def read_trap_v1(pdu: Pdu) -> Meaning:
    """A Trap-PDU of RFC 1157."""
    if pdu.tagSet != V1.TrapPDU.tagSet:
        raise Refused(Result.MALFORMED)
    enterprise = tuple(V1.apiTrapPDU.get_enterprise(pdu))
    generic, specific = int(V1.apiTrapPDU.get_generic_trap(pdu)), int(V1.apiTrapPDU.get_specific_trap(pdu))
    variables = [_variable(*pair) for pair in V1.apiTrapPDU.get_varbinds(pdu)[:VARIABLES_MAX]]
    return interpret(generic_oid(generic, specific, enterprise), variables)


def read_notification(pdu: Pdu) -> Meaning:
    """An SNMPv2-Trap-PDU or InformRequest-PDU of RFC 3416."""
    if pdu.tagSet != V2C.SNMPv2TrapPDU.tagSet and not is_inform(pdu):
        raise Refused(Result.MALFORMED)
    pairs = V2C.apiPDU.get_varbinds(pdu)[:VARIABLES_MAX]
    oid = next((tuple(value) for name, value in pairs if tuple(name) == _TRAP_OID), ())
    if not oid:
        raise Refused(Result.MALFORMED)
    return interpret(oid, [_variable(*pair) for pair in pairs])


def is_inform(pdu: Pdu) -> bool:
    """Whether the sender waits for an acknowledgement."""
    return bool(pdu.tagSet == V2C.InformRequestPDU.tagSet)


def response_to(pdu: Pdu) -> Pdu:
    """The acknowledgement of an inform: the same variables, no error (RFC 3416, 4.2.7)."""
    response = V2C.apiPDU.get_response(pdu)
    V2C.apiPDU.set_varbinds(response, V2C.apiPDU.get_varbinds(pdu))
    return response


def _acknowledge(message: Any, pdu: Pdu) -> bytes:
    answer = V2C.apiMessage.get_response(message)
    V2C.apiMessage.set_pdu(answer, response_to(pdu))
    return bytes(encoder.encode(answer))


def _is_community_of(sender: Sender, community: bytes) -> bool:
    settings = sender.settings
    return settings.version != "3" and compare_digest(settings.community.encode(), community)


def _variable(name: Any, value: Any) -> Variable:
    oid: OID = tuple(name)
    if isinstance(value, univ.Integer):
        return oid, int(value)
    return oid, bytes(value) if isinstance(value, univ.OctetString) else None
