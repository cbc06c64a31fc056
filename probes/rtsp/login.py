"""Who we are, as a server wants to hear it: Digest (RFC 2617, RFC 7616) or Basic (RFC 7617).

Pure; of several ways that a server offers, the one that shows least of the password is taken.
"""

from __future__ import annotations

import hashlib
import re
from base64 import b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from probes.rtsp.message import FOREIGN_BYTES

_HASHES: dict[str, Callable[[bytes], str]] = {
    "SHA-256": lambda data: hashlib.sha256(data).hexdigest(),
    "MD5": lambda data: hashlib.md5(data, usedforsecurity=False).hexdigest(),
}
"""Best first."""

_PARAMETER = re.compile(r'(?<![\w-])([A-Za-z][\w-]*+)\s*+=\s*+(?:"((?:[^"\\]|\\.)*+)"|([^\s,"]++))')
"""Begins at words alone and gives nothing back: its time grows with the text, whatever stands there."""
_CLEAN = re.compile(r"[^\x00-\x1f\x7f]*")


@dataclass(slots=True)
class Login:
    """Answers one challenge for as many requests as follow."""

    scheme: str
    user: str
    password: str = field(repr=False)
    parameters: dict[str, str] = field(default_factory=dict)
    uses: int = 0

    def authorize(self, method: str, url: str, client_nonce: str) -> str:
        """The value of `Authorization` for a request; `client_nonce` is fresh for each."""
        if self.scheme == "basic":
            return "Basic " + b64encode(f"{self.user}:{self.password}".encode()).decode()
        self.uses += 1
        given = self.parameters
        shown = {"username": self.user, "realm": given.get("realm", ""), "nonce": given.get("nonce", "")}
        shown |= {"uri": url, "response": self._digest(method, url, client_nonce)}
        shown |= {name: given[name] for name in ("opaque",) if name in given}
        text = "Digest " + ", ".join(f'{name}="{_escape(value)}"' for name, value in shown.items())
        if "algorithm" in given:
            text += f", algorithm={given['algorithm']}"
        return text + (f', qop=auth, nc={self.uses:08x}, cnonce="{client_nonce}"' if "qop" in given else "")

    def _digest(self, method: str, url: str, client_nonce: str) -> str:
        given = self.parameters
        hash_bytes = _HASHES[given.get("algorithm", "MD5").upper()]

        def hashed(text: str) -> str:
            return hash_bytes(text.encode("utf-8", FOREIGN_BYTES))

        secret = hashed(f"{self.user}:{given.get('realm', '')}:{self.password}")
        asked = hashed(f"{method}:{url}")
        counted = f":{self.uses:08x}:{client_nonce}:auth" if "qop" in given else ""
        return hashed(f"{secret}:{given.get('nonce', '')}{counted}:{asked}")


def choose_login(challenges: Sequence[str], user: str, password: str) -> Login | None:
    """The best way in that a server offers, or None when we know none of its ways.

    `challenges`: the values of its `WWW-Authenticate` headers, one way in each, as RTSP servers send them.
    """
    offers: list[tuple[int, Login]] = []
    for challenge in challenges:
        scheme, _, rest = challenge.strip().partition(" ")
        parameters = {
            name.lower(): _unescape(quoted) or bare for name, quoted, bare in _PARAMETER.findall(rest)
        }
        rank = _rank(scheme.lower(), parameters)
        if rank is not None:
            offers.append((rank, Login(scheme.lower(), user, password, parameters)))
    return min(offers, key=lambda offer: offer[0])[1] if offers else None


def _rank(scheme: str, parameters: dict[str, str]) -> int | None:
    if scheme == "basic":
        return len(_HASHES)
    algorithm = parameters.get("algorithm", "MD5").upper()
    is_clean = all(map(_CLEAN.fullmatch, parameters.values()))  # they go back into a header
    qops = [qop.strip() for qop in parameters.get("qop", "auth").split(",")]
    if scheme != "digest" or algorithm not in _HASHES or not is_clean or "auth" not in qops:
        return None
    return list(_HASHES).index(algorithm)


def _escape(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"")


def _unescape(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text)
