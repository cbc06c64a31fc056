"""When certificates expire: the metric of every probe that meets one, and the date in one of them."""

from __future__ import annotations

from cryptography.x509 import load_der_x509_certificate

from probes.sample import Metric

CERTIFICATE_EXPIRY = Metric(
    "linkwatch_tls_certificate_expiry_timestamp_seconds",
    "When the first certificate that the connection rests on expires, seconds since the epoch.",
    labels=("probe",),
    unit="seconds",
)


def not_after(der: bytes) -> float:
    """The end of validity of an X.509 certificate, seconds since the epoch; ValueError if it is none."""
    return load_der_x509_certificate(der).not_valid_after_utc.timestamp()
