"""What the TLS probe measures: its part of the catalogue."""

from __future__ import annotations

from probes.certificates import CERTIFICATE_EXPIRY
from probes.sample import Metric

_OF = ("probe",)

CHAIN_EXPIRY = Metric(
    "linkwatch_tls_chain_expiry_timestamp_seconds",
    "When each certificate that the server shows expires, by its position (0 = the server's own).",
    labels=(*_OF, "position"),
    unit="seconds",
)
CHAIN_VALID = Metric(
    "linkwatch_tls_chain_valid", "1 if the chain leads to a trusted CA and is in date, else 0.", labels=_OF
)
NAME_VALID = Metric(
    "linkwatch_tls_name_valid", "1 if the certificate holds the name of the server, else 0.", labels=_OF
)
INFO = Metric(
    "linkwatch_tls_info", "Version and cipher agreed upon; always 1.", labels=(*_OF, "version", "cipher")
)
OCSP_STAPLED = Metric(
    "linkwatch_tls_ocsp_stapled",
    "1 if the server sends along what its CA says of the certificate (OCSP), else 0.",
    labels=_OF,
)
OCSP_NEXT_UPDATE = Metric(
    "linkwatch_tls_ocsp_next_update_timestamp_seconds",
    "Until when the stapled OCSP answer holds, seconds since the epoch.",
    labels=_OF,
    unit="seconds",
)
PHASE = Metric(
    "linkwatch_tls_phase_seconds",
    "How long each phase took: resolve, connect, starttls, tls.",
    labels=(*_OF, "phase"),
    unit="seconds",
)

METRICS = (
    CERTIFICATE_EXPIRY,
    CHAIN_EXPIRY,
    CHAIN_VALID,
    NAME_VALID,
    INFO,
    OCSP_STAPLED,
    OCSP_NEXT_UPDATE,
    PHASE,
)
