"""When a certificate expires, read from its DER form.

Python hands out the parsed certificate only when it has verified it; the date of one that was refused
is wanted most.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from datetime import UTC, datetime

_SEQUENCE, _UTC_TIME, _GENERALIZED_TIME, _VERSION = 0x30, 0x17, 0x18, 0xA0


def earliest_expiry(connection: ssl.SSLObject) -> float | None:
    """When the first of the certificates that the server showed expires, seconds since the epoch.

    Before Python 3.13 only the server's own certificate can be seen.
    """
    read_chain = getattr(connection, "get_unverified_chain", None)
    leaf = connection.getpeercert(binary_form=True)
    chain = read_chain() if read_chain else [leaf] if leaf else []
    try:
        return min(map(not_after, chain), default=None)
    except ValueError:  # a form of time that RFC 5280 forbids: the page may be right all the same
        return None


def not_after(der: bytes) -> float:
    """The end of validity of an X.509 certificate (RFC 5280, 4.1); ValueError if it is none."""
    try:
        fields = list(_children(next(_children(next(_children(der))[1]))[1]))
        validity = fields[4 if fields[0][0] == _VERSION else 3][1]
        tag, text = list(_children(validity))[1]
    except (IndexError, StopIteration):
        raise ValueError("not an X.509 certificate") from None
    return _parse_time(tag, text.decode("ascii"))


def _parse_time(tag: int, text: str) -> float:
    if tag == _UTC_TIME:  # two digits for the year: 1950 to 2049
        text = ("19" if text >= "50" else "20") + text
    elif tag != _GENERALIZED_TIME:
        raise ValueError("not an X.509 certificate")
    return datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC).timestamp()


def _children(der: bytes) -> Iterator[tuple[int, bytes]]:
    """Tags and contents of the values that stand one after another in `der`."""
    place = 0
    while place < len(der):
        tag, length, place = der[place], der[place + 1], place + 2
        if length >= 0x80:
            octets = length - 0x80
            length, place = int.from_bytes(der[place : place + octets], "big"), place + octets
        yield tag, der[place : place + length]
        place += length
