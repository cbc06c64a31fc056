"""When the certificates of a connection expire, also those of one that was refused."""

from __future__ import annotations

import ssl

from cryptography.x509 import InvalidVersion, load_der_x509_certificate


def earliest_expiry(connection: ssl.SSLObject) -> float | None:
    """When the first of the certificates that the server showed expires, seconds since the epoch.

    Before Python 3.13 only the server's own certificate can be seen.
    """
    read_chain = getattr(connection, "get_unverified_chain", None)
    leaf = connection.getpeercert(binary_form=True)
    chain = read_chain() if read_chain else [leaf] if leaf else []
    try:
        return min(map(not_after, chain), default=None)
    except (ValueError, InvalidVersion):  # what RFC 5280 forbids: the page may be right all the same
        return None


def not_after(der: bytes) -> float:
    """The end of validity of an X.509 certificate, seconds since the epoch; ValueError if it is none."""
    return load_der_x509_certificate(der).not_valid_after_utc.timestamp()
