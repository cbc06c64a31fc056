"""The user-based security model of version 3: packets taken apart, proven, decrypted, and made.

Formats, digests and ciphers are pysnmp's. Its own engine is not used: for every engine ID that a stranger
makes up it keeps a user and a clock, and it lets a configured user in without a password.
Sources: RFC 3412, RFC 3414, RFC 3826, RFC 7860.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from pyasn1.codec.ber import decoder, encoder
from pyasn1.type import univ
from pysnmp.proto.error import StatusInformation
from pysnmp.proto.mpmod.rfc3412 import ScopedPDU, SNMPv3Message
from pysnmp.proto.secmod.rfc3414 import service
from pysnmp.proto.secmod.rfc3414.service import UsmSecurityParameters
from pysnmp.proto.secmod.rfc7860.auth.hmacsha2 import HmacSha2

from probes.snmp.settings import Settings
from probes.snmp.traps.codec import VERSION_3, Pdu, decode, reading
from probes.snmp.traps.verdict import Refused, Result

AUTHENTICATED, ENCRYPTED, REPORTABLE = 1, 2, 4
"""Bits of msgFlags."""

KEYS_KEPT = 4096
MESSAGE_BYTES_MAX = 8192
"""A longer datagram is no notification that anybody sends."""

_USER_SECURITY_MODEL = 3
_AUTH_OIDS: dict[str, tuple[int, ...]] = {
    "md5": service.hmacmd5.HmacMd5.SERVICE_ID,
    "sha": service.hmacsha.HmacSha.SERVICE_ID,
    "sha224": HmacSha2.SHA224_SERVICE_ID,
    "sha256": HmacSha2.SHA256_SERVICE_ID,
    "sha384": HmacSha2.SAH384_SERVICE_ID,
    "sha512": HmacSha2.SHA512_SERVICE_ID,
}
_AUTH = {name: service.SnmpUSMSecurityModel.AUTH_SERVICES[oid] for name, oid in _AUTH_OIDS.items()}
_PRIV = {
    "des": service.des.Des(),
    "aes": service.aes.Aes(),
    "aes192": service.aes192.AesBlumenthal192(),
    "aes256": service.aes256.AesBlumenthal256(),
    "aes192c": service.aes192.Aes192(),
    "aes256c": service.aes256.Aes256(),
}


@dataclass(frozen=True, slots=True)
class Packet:
    """A message of version 3 as it arrived. `engine`, `boots` and `time_s`: of the authoritative side, which
    sends a trap and receives an inform."""

    data: bytes
    id: int
    flags: int
    engine: bytes
    boots: int
    time_s: int
    user: bytes
    digest: Any
    salt: Any
    content: Any

    @property
    def level(self) -> int:
        """Whether it claims to be authenticated, and encrypted."""
        return self.flags & (AUTHENTICATED | ENCRYPTED)


def open_packet(data: bytes) -> Packet:
    """Take a packet apart; nothing of it is proven yet. Raises Refused."""
    with reading():
        message = decode(data, SNMPv3Message())
        header, content = message[1], message[3]
        flags = bytes(header[2])[0]
        if int(header[3]) != _USER_SECURITY_MODEL or flags & 3 == ENCRYPTED:
            raise Refused(Result.MALFORMED)
        security = decode(bytes(message[2]), UsmSecurityParameters())
        return Packet(
            data,
            int(header[0]),
            flags,
            engine=bytes(security[0]),
            boots=int(security[1]),
            time_s=int(security[2]),
            user=bytes(security[3]),
            digest=security[4],
            salt=security[5],
            content=content,
        )


def level_of(settings: Settings) -> int:
    """The security level that a user of these settings keeps."""
    return (AUTHENTICATED if settings.auth_protocol else 0) | (ENCRYPTED if settings.priv_protocol else 0)


def is_proven(packet: Packet, settings: Settings) -> bool:
    """Whether the packet is of the user in these settings, at the user's own level and no lower."""
    if packet.user != settings.user.encode() or packet.level != level_of(settings):
        return False
    if not settings.auth_protocol:
        return True
    key = _auth_key(settings.auth_protocol, settings.auth_password, packet.engine)
    try:
        _AUTH[settings.auth_protocol].authenticate_incoming_message(key, packet.digest, packet.data)
    except StatusInformation:
        return False
    return True


def read_content(packet: Packet, settings: Settings) -> tuple[bytes, bytes, Pdu]:
    """Context engine, context name and PDU of a proven packet. Raises Refused."""
    with reading():
        scoped = packet.content[0] if not packet.level & ENCRYPTED else _decrypt(packet, settings)
        return bytes(scoped[0]), bytes(scoped[1]), scoped[2].getComponent()


def _decrypt(packet: Packet, settings: Settings) -> Any:
    auth, priv = settings.auth_protocol, settings.priv_protocol
    key = _priv_key(auth, priv, settings.priv_password, packet.engine)
    try:
        plain = _PRIV[priv].decrypt_data(key, (packet.boots, packet.time_s, packet.salt), packet.content[1])
        scoped, _padding = decoder.decode(plain, asn1Spec=ScopedPDU())
    except Exception:  # what another key makes of it may be anything
        raise Refused(Result.UNAUTHENTICATED) from None
    return scoped


@dataclass(frozen=True, slots=True)
class Envelope:
    """What an answer of ours goes out under: our engine and its clock, the user (None: nobody) and level."""

    id: int
    engine: bytes
    boots: int
    time_s: int
    settings: Settings | None
    level: int


def seal(envelope: Envelope, context: tuple[bytes, bytes], pdu: Pdu) -> bytes:
    """The message that carries a PDU."""
    scoped, salt = ScopedPDU(), b""
    scoped[0], scoped[1] = context
    scoped.setComponentByPosition(2).getComponentByPosition(2).setComponentByType(
        pdu.tagSet, pdu, verifyConstraints=False, matchTags=False, matchConstraints=False
    )
    message = SNMPv3Message()
    message[0] = VERSION_3
    header = message.setComponentByPosition(1)[1]
    header[0], header[1], header[2] = envelope.id, MESSAGE_BYTES_MAX, bytes([envelope.level])
    header[3] = _USER_SECURITY_MODEL
    content = message.setComponentByPosition(3)[3]
    if envelope.level & ENCRYPTED:
        content["encryptedPDU"], salt = _encrypt(envelope, encoder.encode(scoped))
    else:
        content["plaintext"] = scoped
    return _sign(envelope, message, salt)


def _encrypt(envelope: Envelope, plain: bytes) -> tuple[Any, Any]:
    settings = envelope.settings
    assert settings is not None, "only a user's messages are encrypted"
    auth, priv = settings.auth_protocol, settings.priv_protocol
    key = _priv_key(auth, priv, settings.priv_password, envelope.engine)
    encrypted: tuple[Any, Any] = _PRIV[priv].encrypt_data(key, (envelope.boots, envelope.time_s, None), plain)
    return encrypted


def _sign(envelope: Envelope, message: Any, salt: bytes) -> bytes:
    settings = envelope.settings
    auth = _AUTH[settings.auth_protocol] if settings and envelope.level & AUTHENTICATED else None
    parameters = UsmSecurityParameters()
    parameters[0], parameters[1], parameters[2] = envelope.engine, envelope.boots, envelope.time_s
    parameters[3] = settings.user if settings else ""
    parameters[4] = bytes(auth.digest_length) if auth else b""
    parameters[5] = salt
    message[2] = encoder.encode(parameters)
    whole = bytes(encoder.encode(message))
    if auth is None or settings is None:
        return whole
    key = _auth_key(settings.auth_protocol, settings.auth_password, envelope.engine)
    return bytes(auth.authenticate_outgoing_message(key, whole))


def _auth_key(protocol: str, password: str, engine: bytes) -> Any:
    """Not kept: it is quick to make, and anybody can make engine IDs up."""
    return _AUTH[protocol].localize_key(_auth_hash(protocol, password), univ.OctetString(engine))


@lru_cache(KEYS_KEPT)
def _priv_key(auth: str, priv: str, password: str, engine: bytes) -> Any:
    key = _auth_hash(auth, password)
    return _PRIV[priv].localize_key(_AUTH_OIDS[auth], key, univ.OctetString(engine))


@lru_cache(KEYS_KEPT)
def _auth_hash(protocol: str, password: str) -> Any:
    """Ten milliseconds: a mebibyte of the repeated password (RFC 3414, A.2). Privacy uses the same."""
    return _AUTH[protocol].hash_passphrase(password.encode())
