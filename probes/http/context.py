"""TLS contexts. Making one reads all the system's CAs, so it is kept until one of its files changes."""

from __future__ import annotations

import os
import ssl
from functools import lru_cache

from probes.failure import ProbeError
from probes.http.access import AccessSettings
from probes.sample import Reason

_FILES = ("ca_file", "client_cert_file", "client_key_file")


def tls_context(access: AccessSettings) -> ssl.SSLContext:
    """The context for these settings; raises ProbeError, which names the file that does not serve."""
    password = access.client_key_password
    files = tuple((name, path, _changed_at(name, path)) for name in _FILES if (path := getattr(access, name)))
    return _make_context(access.verify, password, files)


def unverified_context(access: AccessSettings) -> ssl.SSLContext:
    """A context that takes any certificate and shows none."""
    return _make_context(False, "", ())


def tls_words(error: ssl.SSLError) -> str:
    """What OpenSSL says, for people."""
    return (error.reason or "unknown error").replace("_", " ").lower()


def _changed_at(name: str, path: str) -> int:
    try:
        return os.stat(path).st_mtime_ns
    except OSError as error:
        raise ProbeError(Reason.ERROR, f"{name} {path}: {error.strerror}") from None


@lru_cache(maxsize=64)
def _make_context(verify: bool, password: str, files: tuple[tuple[str, str, int], ...]) -> ssl.SSLContext:
    paths = {name: path for name, path, _ in files}
    try:
        context = ssl.create_default_context(cafile=paths.get("ca_file"))
    except OSError as error:  # an ssl.SSLError is one, too
        raise _useless("ca_file", paths["ca_file"], error, "no certificates in it") from None
    context.set_alpn_protocols(["http/1.1"])
    if not verify:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if certificate := paths.get("client_cert_file"):
        try:
            # Without a function OpenSSL would ask for the password at the terminal, and wait.
            context.load_cert_chain(certificate, paths.get("client_key_file"), lambda: password)
        except OSError as error:
            why = "no certificate with its key, or another key, or another password"
            raise _useless("client_cert_file", certificate, error, why) from None
    return context


def _useless(name: str, path: str, error: OSError, otherwise: str) -> ProbeError:
    why = otherwise if isinstance(error, ssl.SSLError) else error.strerror or otherwise
    return ProbeError(Reason.ERROR, f"{name} {path}: {why}")
