"""Certificate and key of the server: a mistake in them is told in words, before anybody is served."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from linkwatch.config.settings import ServerSettings, TLSFiles
from linkwatch.web.server import tls_context
from probes.testing import make_authority

REFUSED = "server.tls: .*both as PEM and the key without a password"


def context_of(certificate: Path, key: Path) -> object:
    return tls_context(ServerSettings(tls=TLSFiles(certificate, key)))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    make_authority(tmp_path)
    return tmp_path


def test_a_certificate_and_its_key_are_taken(folder: Path) -> None:
    assert context_of(folder / "ca.pem", folder / "ca-key.pem")


def test_a_key_of_another_certificate_is_refused(folder: Path) -> None:
    with pytest.raises(OSError, match=REFUSED + r".*mismatch"):
        context_of(folder / "ca.pem", folder / "key.pem")


def test_what_is_no_pem_is_refused(folder: Path) -> None:
    (folder / "key.pem").write_text("secret")
    with pytest.raises(OSError, match=REFUSED) as refusal:
        context_of(folder / "ca.pem", folder / "key.pem")
    assert "secret" not in str(refusal.value)


def test_a_key_with_a_password_is_refused_and_nobody_is_asked_for_it(folder: Path) -> None:
    locked = folder / "locked.pem"
    words = ("openssl", "ec", "-in", folder / "ca-key.pem", "-aes256", "-passout", "pass:x", "-out", locked)
    subprocess.run(words, check=True, capture_output=True)
    with pytest.raises(OSError, match=REFUSED):
        context_of(folder / "ca.pem", locked)
