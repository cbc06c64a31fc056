"""A stapled OCSP answer (RFC 6066, 8): what the CA says of the server's own certificate.

Its signature is not checked: it is used for bad news alone, never for trust, and a server that staples a
false revocation harms itself only.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import NamedTuple

from cryptography.x509 import Certificate
from cryptography.x509.ocsp import OCSPCertStatus, OCSPResponseStatus, load_der_ocsp_response


class Staple(NamedTuple):
    """`status` is good, revoked, unknown, or what is wrong with the answer; `next_update`: seconds since the
    epoch, None if it does not say.
    """

    status: str
    next_update: float | None = None

    @property
    def words(self) -> str:
        """For people, with how long it holds: an old answer may call good what was taken back since."""
        if self.next_update is None:
            return self.status
        return f"{self.status}, until {datetime.fromtimestamp(self.next_update, UTC):%Y-%m-%d %H:%M} UTC"

    @property
    def is_revoked(self) -> bool:
        """Whether the CA has taken the certificate back."""
        return self.status == OCSPCertStatus.REVOKED.name.lower()


def read_staple(der: bytes, certificate: Certificate) -> Staple:
    """What the answer says of `certificate`."""
    try:
        answer = load_der_ocsp_response(der)
        if answer.response_status is not OCSPResponseStatus.SUCCESSFUL:
            return Staple(f"no answer ({answer.response_status.name.lower().replace('_', ' ')})")
        for single in answer.responses:
            if single.serial_number == certificate.serial_number:
                until = single.next_update_utc
                return Staple(
                    single.certificate_status.name.lower(), until.timestamp() if until is not None else None
                )
    except ValueError:
        return Staple("unreadable")
    return Staple("for another certificate")
