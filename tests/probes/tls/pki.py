"""A small public key infrastructure: root, intermediate, and servers' certificates with every flaw."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509 import ocsp

NAME = "portal.test"


class Identity(NamedTuple):
    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey


class Pki:
    """`root` signs `intermediate`, which signs servers."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.root = make("LinkWatch test root", None, days=3650, is_ca=True)
        self.intermediate = make("LinkWatch test CA", self.root, days=1000, is_ca=True)
        self.ca_file = self.write("root", self.root.certificate)

    def server(self, days: int = 90, names: tuple[str, ...] = (NAME, "127.0.0.1")) -> Identity:
        return make(names[0], self.intermediate, days=days, names=names)

    def files(self, name: str, identity: Identity, *above: Identity) -> tuple[Path, Path]:
        """Chain and key as PEM files."""
        key = self.folder / f"{name}.key"
        key.write_bytes(
            identity.key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        return self.write(name, identity.certificate, *(each.certificate for each in above)), key

    def write(self, name: str, *certificates: x509.Certificate) -> Path:
        file = self.folder / f"{name}.pem"
        file.write_bytes(b"".join(each.public_bytes(serialization.Encoding.PEM) for each in certificates))
        return file

    def staple(
        self,
        server: Identity,
        status: ocsp.OCSPCertStatus = ocsp.OCSPCertStatus.GOOD,
        days: int | None = 7,
    ) -> bytes:
        now = datetime.now(UTC)
        revoked = status is ocsp.OCSPCertStatus.REVOKED
        answer = ocsp.OCSPResponseBuilder().add_response(
            cert=server.certificate,
            issuer=self.intermediate.certificate,
            algorithm=hashes.SHA256(),
            cert_status=status,
            this_update=now,
            next_update=now + timedelta(days=days) if days is not None else None,
            revocation_time=now if revoked else None,
            revocation_reason=None,
        )
        responder = answer.responder_id(ocsp.OCSPResponderEncoding.HASH, self.intermediate.certificate)
        signed = responder.sign(self.intermediate.key, hashes.SHA256())
        return signed.public_bytes(serialization.Encoding.DER)


def make(
    common_name: str,
    issuer: Identity | None,
    *,
    days: int,
    is_ca: bool = False,
    names: tuple[str, ...] = (),
) -> Identity:
    """A certificate that ends `days` from now (or ago); without an issuer it signs itself."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, common_name)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + timedelta(days=min(days, 0) - 1))
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(list(map(_name, names))), critical=False)
    return Identity(builder.sign((issuer.key if issuer else key), hashes.SHA256()), key)


def _name(text: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(text))
    except ValueError:
        return x509.DNSName(text)
