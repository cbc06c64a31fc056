"""What a stapled OCSP answer says, and every answer that says nothing."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from hypothesis import given
from hypothesis import strategies as st

from probes.tls.staple import Staple, read_staple
from tests.probes.tls.pki import Identity, Pki, make

SERVER = make("server", None, days=9)


@pytest.fixture(scope="module")
def server(pki: Pki) -> Identity:
    return pki.server()


def test_good_and_revoked(pki: Pki, server: Identity) -> None:
    good = read_staple(pki.staple(server), server.certificate)
    revoked = read_staple(pki.staple(server, ocsp.OCSPCertStatus.REVOKED), server.certificate)
    assert (good.status, good.is_revoked) == ("good", False)
    assert (revoked.status, revoked.is_revoked) == ("revoked", True)


def test_an_answer_may_have_no_end(pki: Pki, server: Identity) -> None:
    assert read_staple(pki.staple(server, days=None), server.certificate) == Staple("good", None)


def test_an_answer_for_another_certificate_is_no_news(pki: Pki, server: Identity) -> None:
    revoked = pki.staple(pki.server(), ocsp.OCSPCertStatus.REVOKED)
    assert read_staple(revoked, server.certificate) == Staple("for another certificate")


def test_a_responder_that_could_not_answer(server: Identity) -> None:
    answer = ocsp.OCSPResponseBuilder.build_unsuccessful(ocsp.OCSPResponseStatus.TRY_LATER)
    der = answer.public_bytes(Encoding.DER)
    assert read_staple(der, server.certificate) == Staple("no answer (try later)")


@given(st.binary(max_size=200))
def test_anything_else_is_unreadable(der: bytes) -> None:
    assert read_staple(der, SERVER.certificate) == Staple("unreadable")


def test_an_answer_that_is_cut_or_changed_breaks_nothing(pki: Pki, server: Identity) -> None:
    der = pki.staple(server)
    for place in range(len(der)):
        read_staple(der[:place], server.certificate)
        read_staple(der[:place] + bytes([der[place] ^ 0xFF]) + der[place + 1 :], server.certificate)
