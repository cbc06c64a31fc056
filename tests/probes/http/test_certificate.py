"""The date of a certificate against openssl."""

from __future__ import annotations

import ssl
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.http.certificate import not_after
from probes.testing import OPENSSL_MISSING, has_openssl, make_authority


@pytest.mark.skipif(not has_openssl(), reason=OPENSSL_MISSING)
@pytest.mark.parametrize("days", [1, -400, 20_000])  # 20,000 days: beyond 2049, in the other time format
def test_expiry_is_what_openssl_says(tmp_path: Path, days: int) -> None:
    certificate = make_authority(tmp_path).issue("DNS:localhost", days)
    command = ["openssl", "x509", "-in", str(certificate), "-noout", "-enddate"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    wanted = datetime.strptime(said, "notAfter=%b %d %H:%M:%S %Y %Z").replace(tzinfo=UTC).timestamp()
    assert not_after(ssl.PEM_cert_to_DER_cert(certificate.read_text())) == wanted


@given(st.binary(max_size=60))
def test_anything_else_is_refused(der: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        not_after(der)
