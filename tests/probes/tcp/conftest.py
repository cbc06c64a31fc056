"""The TCP probe speaks TLS with the same servers as the TLS probe."""

from tests.probes.tls.conftest import pki

__all__ = ["pki"]
