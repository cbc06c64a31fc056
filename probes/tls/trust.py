"""Contexts of pyOpenSSL: whom to trust, which versions to speak, and a witness of every handshake.

Python's own ssl ends the handshake at the first flaw of a certificate, shows no more than the server's own
certificate (before 3.13) and knows nothing of stapled OCSP. pyOpenSSL, kept by the makers of `cryptography`,
goes on, so that one handshake tells reachability, chain, name and staple apart.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from functools import lru_cache

from OpenSSL import SSL
from OpenSSL.crypto import X509

from probes.failure import ProbeError
from probes.sample import Reason

_VERSIONS = {
    "1.0": SSL.TLS1_VERSION,
    "1.1": SSL.TLS1_1_VERSION,
    "1.2": SSL.TLS1_2_VERSION,
    "1.3": SSL.TLS1_3_VERSION,
}


@dataclass(slots=True)
class Witness:
    """What the callbacks of one handshake were told. `flaws`: code of OpenSSL -> depth where it was first
    met, 0 = the server's own certificate. `staple`: the OCSP answer as it came, DER.
    """

    flaws: dict[int, int] = field(default_factory=dict)
    staple: bytes = b""


def strict_context(ca_file: str, min_version: str) -> SSL.Context:
    """As any careful client has it; reads the CA file again when it has changed. Raises ProbeError."""
    try:
        return _make_context(ca_file, os.stat(ca_file).st_mtime_ns if ca_file else 0, min_version)
    except (OSError, SSL.Error) as error:
        what = getattr(error, "strerror", None) or "no certificates in it"
        raise ProbeError(Reason.ERROR, f"ca_file {ca_file}: {what}") from None


@lru_cache(maxsize=1)
def lenient_context() -> SSL.Context:
    """Speaks whatever OpenSSL still can: to see what a server has whose handshake failed."""
    context = _watched_context("1.0")
    context.set_cipher_list(b"ALL:@SECLEVEL=0")
    return context


@lru_cache(maxsize=64)
def _make_context(ca_file: str, _changed_at: int, min_version: str) -> SSL.Context:
    context = _watched_context(min_version)
    if ca_file:
        context.load_verify_locations(ca_file)
    else:
        context.set_default_verify_paths()
    return context


def _watched_context(min_version: str) -> SSL.Context:
    context = SSL.Context(SSL.TLS_CLIENT_METHOD)
    context.set_min_proto_version(_VERSIONS[min_version])
    context.set_verify(SSL.VERIFY_PEER, _note_flaw)
    context.set_ocsp_client_callback(_note_staple)
    return context


def _note_flaw(connection: SSL.Connection, _certificate: X509, code: int, depth: int, ok: int) -> bool:
    if not ok:
        connection.get_app_data().flaws.setdefault(code, depth)
    return True


def _note_staple(connection: SSL.Connection, staple: bytes, _data: object) -> bool:
    connection.get_app_data().staple = staple
    return True
