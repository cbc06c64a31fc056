"""Who logs in, and how it is proved (RFC 4505, RFC 4616, RFC 5802, RFC 7677). Pure.

SCRAM is ours because the kept library (scramp) derives the key in a loop of Python's own that is as long as
the server likes: a hostile one would hold everything else. Here the count is bounded and OpenSSL counts.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import unicodedata
from base64 import b64decode, b64encode
from collections.abc import Sequence
from dataclasses import dataclass, field

_HASHES = {"SCRAM-SHA-256": "sha256", "SCRAM-SHA-1": "sha1"}
_MOST_ITERATIONS = 100_000
_LONGEST_CHALLENGE = 4096


class SaslError(ValueError):
    """What the server sends is no step of the mechanism; the text says why."""


@dataclass(frozen=True, slots=True)
class Account:
    """Who logs in at `domain`; without a `user` it is a guest, who may have a `token` (JWT) for the door."""

    domain: str
    user: str = ""
    password: str = field(default="", repr=False)
    token: str = field(default="", repr=False)

    def __str__(self) -> str:
        if self.token:
            return f"guest with a token at {self.domain}"
        return f"{self.user}@{self.domain}" if self.user else f"guest at {self.domain}"


@dataclass(slots=True)
class Mechanism:
    """One way to log in: what is said first, then an answer to each challenge."""

    name: str
    first: bytes = field(default=b"", repr=False)

    def answer(self, challenge: bytes) -> bytes:
        """What is said to a challenge; raises SaslError."""
        raise SaslError("a challenge where there is none")

    def check(self, proof: bytes) -> None:
        """Look at what comes with success; raises SaslError if the server does not know the password."""


def choose(account: Account, names: Sequence[str], *, may_tell: bool) -> Mechanism | None:
    """The best way that a server offers, None if there is none; `may_tell`: it may learn the password."""
    if not account.user:
        return Mechanism("ANONYMOUS") if "ANONYMOUS" in names else None
    for name in _HASHES:
        if name in names:
            return Scram(name, account)
    if "PLAIN" in names and may_tell:
        return Mechanism("PLAIN", f"\0{account.user}\0{account.password}".encode())
    return None


class Scram(Mechanism):
    """SCRAM without channel binding, which neither BOSH nor websockets have."""

    def __init__(self, name: str, account: Account, nonce: str = "") -> None:
        self._hash = _HASHES[name]
        self._password = unicodedata.normalize("NFKC", account.password).encode()
        self._nonce = nonce or secrets.token_hex(16)
        user = unicodedata.normalize("NFKC", account.user).replace("=", "=3D").replace(",", "=2C")
        self._bare = f"n={user},r={self._nonce}"
        self._proof = b""
        super().__init__(name, f"n,,{self._bare}".encode())

    def answer(self, challenge: bytes) -> bytes:
        """The proof that we know the password (RFC 5802, 3)."""
        given = _attributes(challenge)
        nonce, salt, count = given.get("r", ""), _bytes_of(given.get("s", "")), given.get("i", "")
        if self._proof or not nonce.startswith(self._nonce) or nonce == self._nonce:
            raise SaslError("a nonce that is not ours")
        if not (count.isascii() and count.isdigit() and 0 < int(count[:9]) <= _MOST_ITERATIONS):
            raise SaslError(f"a count of iterations beyond 1 to {_MOST_ITERATIONS}")
        salted = hashlib.pbkdf2_hmac(self._hash, self._password, salt, int(count))
        final = f"c=biws,r={nonce}"
        signed = f"{self._bare},{challenge.decode()},{final}".encode()
        client_key = self._sign(salted, b"Client Key")
        signature = self._sign(hashlib.new(self._hash, client_key).digest(), signed)
        self._proof = self._sign(self._sign(salted, b"Server Key"), signed)
        proof = bytes(a ^ b for a, b in zip(client_key, signature, strict=True))
        return f"{final},p={b64encode(proof).decode()}".encode()

    def check(self, proof: bytes) -> None:
        """Whether the server knows the password, too."""
        given = _bytes_of(_attributes(proof).get("v", ""))
        if not self._proof or not hmac.compare_digest(given, self._proof):
            raise SaslError("the server does not prove that it knows the password")

    def _sign(self, key: bytes, data: bytes) -> bytes:
        return hmac.digest(key, data, self._hash)


def _attributes(text: bytes) -> dict[str, str]:
    if len(text) > _LONGEST_CHALLENGE:
        raise SaslError("a challenge without an end")
    try:
        parts = text.decode().split(",")
    except UnicodeError:
        raise SaslError("a challenge that is no text") from None
    return {part[0]: part[2:] for part in parts if part[1:2] == "="}


def _bytes_of(text: str) -> bytes:
    try:
        return b64decode(text, validate=True)
    except ValueError:
        raise SaslError("a challenge that is not base64") from None
