"""What the certificates of a handshake say: dates, flaws of the chain, the name of the server."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache

from cryptography.x509 import (
    Certificate,
    DuplicateExtension,
    InvalidVersion,
    UnsupportedGeneralNameType,
)
from OpenSSL.crypto import X509
from service_identity import CertificateError, VerificationError
from service_identity.cryptography import verify_certificate_hostname, verify_certificate_ip_address

from probes.bytestream import quote
from probes.resolve import parse_address
from probes.tls.handshake import SecureStream, ascii_name

_UNREADABLE = (ValueError, InvalidVersion, DuplicateExtension, UnsupportedGeneralNameType)
"""What `cryptography` raises over a certificate."""

_KEPT = 512
"""A server shows the same certificates at every handshake. So many are remembered, of 100 KB each at most
(OpenSSL takes no longer chain).
"""

_NO_ISSUER = "its issuer is neither sent along nor trusted here"
_FLAWS = {  # codes of openssl/x509_vfy.h
    2: _NO_ISSUER,
    9: "not valid yet",
    10: "expired",
    7: "signed wrongly",
    18: "self-signed",
    19: "its root is not trusted here",
    20: _NO_ISSUER,
    21: _NO_ISSUER,
    22: "the chain is too long",
    24: "used as a CA without being one",
    25: "the chain is longer than one of its CAs allows",
    26: "not made for this use",
    27: _NO_ISSUER,
    47: "for a name that its CA may not certify",
    66: "the key is too weak",
    67: "the key of a CA is too weak",
    68: "signed by a method that is too weak",
    79: "used as a CA without being one",
}


def shown_certificates(secured: SecureStream) -> tuple[Certificate | None, ...]:
    """What the server has sent, its own certificate first; None for one that cannot be read."""
    return tuple(map(_read, secured.connection.get_peer_cert_chain() or ()))


def trusted_certificates(secured: SecureStream) -> tuple[Certificate | None, ...]:
    """What the connection rests on, up to the root; good where the chain has no flaw."""
    return tuple(map(_read, secured.connection.get_verified_chain() or ()))


def expiry(certificate: Certificate) -> float:
    """The end of validity, seconds since the epoch."""
    return certificate.not_valid_after_utc.timestamp()


def certificate_flaws(secured: SecureStream, name: str) -> str:
    """What is wrong with chain and name, or nothing."""
    shown = shown_certificates(secured)
    flaws = (chain_flaws(secured.witness.flaws), name_flaw(shown[0] if shown else None, name))
    return "; ".join(filter(None, flaws))


def chain_flaws(flaws: Mapping[int, int]) -> str:
    """What is wrong with a chain, in words, or nothing. Flaws further up name the certificate by depth."""
    words = []
    for code, depth in flaws.items():
        of = f" (certificate {depth} of the chain)" if depth else ""
        words.append(_FLAWS.get(code, f"refused by OpenSSL ({code})") + of)
    return ", ".join(dict.fromkeys(words))


@lru_cache(maxsize=_KEPT)
def name_flaw(certificate: Certificate | None, name: str) -> str:
    """Why a certificate does not stand for the host or address `name` (RFC 9525), or nothing."""
    if certificate is None:
        return "it cannot be read"
    try:
        if parse_address(name) is None:
            verify_certificate_hostname(certificate, ascii_name(name))
        else:
            verify_certificate_ip_address(certificate, str(parse_address(name)))
    except VerificationError:
        return f"not for {name}"
    except CertificateError:
        return f"not for {name}: it holds no names"
    except _UNREADABLE:
        return f"not for {name}: its names cannot be read"
    return ""


def describe(certificates: Sequence[Certificate | None]) -> dict[str, str]:
    """Facts: `certificate_0` is the server's own."""
    return {f"certificate_{place}": _describe(each) for place, each in enumerate(certificates)}


@lru_cache(maxsize=_KEPT)
def _describe(certificate: Certificate | None) -> str:
    if certificate is None:
        return "cannot be read"
    try:
        subject, issuer = certificate.subject.rfc4514_string(), certificate.issuer.rfc4514_string()
    except ValueError:
        subject = issuer = "?"
    until = f"{certificate.not_valid_after_utc:%Y-%m-%d %H:%M} UTC"
    return f"{quote(subject) or 'nameless'}, issued by {quote(issuer)}, until {until}"


def _read(certificate: X509) -> Certificate | None:
    """OpenSSL puts up with more than `cryptography` does."""
    try:
        read = certificate.to_cryptography()
        expiry(read)
    except _UNREADABLE:
        return None
    return read
