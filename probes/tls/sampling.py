"""Shakes hands once and makes a sample of what came to light."""

from __future__ import annotations

from contextlib import suppress

from cryptography.x509 import Certificate

from probes.attempt import Attempt, run_attempt
from probes.certificates import CERTIFICATE_EXPIRY
from probes.failure import ProbeError
from probes.sample import Reason, Sample, Target
from probes.tls import metrics
from probes.tls.chain import (
    chain_flaws,
    describe,
    expiry,
    name_flaw,
    shown_certificates,
    trusted_certificates,
)
from probes.tls.handshake import HandshakeError, SecureStream
from probes.tls.opening import Opening, opening_for
from probes.tls.settings import Settings
from probes.tls.staple import read_staple
from probes.tls.trust import lenient_context, strict_context

DEFAULT_PORT = 443

MOST_CERTIFICATES = 10
"""So many of a chain are shown; who sends more does not fill the board."""


async def probe(target: Target, settings: Settings, deadline_s: float) -> Sample:
    """Shake hands once; returns within `deadline_s`, raises nothing. What was seen before a failure stays."""

    async def steps(attempt: Attempt) -> None:
        opening = opening_for(
            target,
            attempt,
            port=settings.port,
            default_port=DEFAULT_PORT,
            starttls=settings.starttls,
            server_name=settings.server_name,
        )
        context = strict_context(settings.ca_file, settings.min_version)
        try:
            async with opening.plain() as stream:
                secured = await opening.secure(stream, context)
        except HandshakeError as error:
            seen = await _inspect_refusing(opening)
            raise ProbeError(error.reason, f"{error.detail}{seen}") from None
        finally:
            opening.report_phases(metrics.PHASE)
        flaws = report_certificates(secured, opening.name, attempt)
        if flaws and settings.verify:
            raise ProbeError(Reason.TLS, f"certificate of {opening.name}: {flaws}")

    return await run_attempt(steps, deadline_s)


async def _inspect_refusing(opening: Opening) -> str:
    """Shake hands once more on whatever terms, for what a server speaks that would not on ours."""
    attempt = opening.attempt
    second = Opening(
        opening.target, Attempt(), opening.host, opening.port, opening.name, starttls=opening.starttls
    )
    with suppress(ProbeError, OSError, TimeoutError):  # the first failure is what counts
        async with attempt.inspection(), second.plain() as stream:
            secured = await second.secure(stream, lenient_context())
        shown = shown_certificates(secured)[:MOST_CERTIFICATES]
        _report_session(secured, attempt)
        _report_expiries(shown, shown, attempt)
        attempt.facts.update(describe(shown))
        return f"; the server speaks {attempt.facts['tls_version']} with {attempt.facts['cipher']}"
    return ""


def report_certificates(secured: SecureStream, name: str, attempt: Attempt) -> str:
    """Keep everything that a handshake shows; returns what is wrong with the certificate, or nothing."""
    shown = shown_certificates(secured)[:MOST_CERTIFICATES]
    of_chain = chain_flaws(secured.witness.flaws)
    of_name = name_flaw(shown[0] if shown else None, name)
    _report_session(secured, attempt)
    _report_expiries(shown, shown if of_chain else trusted_certificates(secured), attempt)
    attempt.measured(metrics.CHAIN_VALID, float(not of_chain))
    attempt.measured(metrics.NAME_VALID, float(not of_name))
    attempt.facts.update(describe(shown))
    revoked = _report_staple(secured.witness.staple, shown, attempt)
    return "; ".join(filter(None, (of_chain, of_name, revoked)))


def _report_session(secured: SecureStream, attempt: Attempt) -> None:
    version = secured.connection.get_protocol_version_name()
    cipher = secured.connection.get_cipher_name() or ""
    attempt.values[metrics.INFO.name, (("cipher", cipher), ("version", version))] = 1.0
    group = secured.connection.get_group_name()
    attempt.facts.update(tls_version=version, cipher=cipher, **({"key_exchange": group} if group else {}))


def _report_expiries(
    shown: tuple[Certificate | None, ...], counting: tuple[Certificate | None, ...], attempt: Attempt
) -> None:
    """`counting`: those on which it depends when the connection stops being trusted."""
    for place, certificate in enumerate(shown):
        if certificate is not None:
            position = (("position", str(place)),)
            attempt.values[metrics.CHAIN_EXPIRY.name, position] = expiry(certificate)
    dates = [expiry(certificate) for certificate in counting if certificate is not None]
    if dates:
        attempt.measured(CERTIFICATE_EXPIRY, min(dates))


def _report_staple(der: bytes, shown: tuple[Certificate | None, ...], attempt: Attempt) -> str:
    attempt.measured(metrics.OCSP_STAPLED, float(bool(der)))
    own = shown[0] if shown else None
    if not der or own is None:
        return ""
    staple = read_staple(der, own)
    attempt.facts["ocsp"] = staple.words
    if staple.next_update is not None:
        attempt.measured(metrics.OCSP_NEXT_UPDATE, staple.next_update)
    return "revoked by its CA" if staple.is_revoked else ""
