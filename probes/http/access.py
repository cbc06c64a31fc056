"""How a server is reached and who asks: what all requests of a run have in common."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from yarl import URL

from probes.requirements import require

FAMILIES = {"any": 0, "ipv4": 4, "ipv6": 6}
SCHEMES = ("basic", "digest")

_TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*")  # RFC 6750, 2.1
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True)
class AccessSettings:
    """The part of the settings that single pages and journeys share."""

    family: str = field(
        default="any",
        metadata={"help": "ipv4 or ipv6: only addresses of that kind; a probe for each makes each a series"},
    )
    verify: bool = field(default=True, metadata={"help": "whether the certificate must be valid"})
    ca_file: str = field(default="", metadata={"help": "PEM file of the CA to trust instead of the system's"})
    client_cert_file: str = field(
        default="", metadata={"help": "PEM file of the certificate to show, with its chain"}
    )
    client_key_file: str = field(
        default="", metadata={"help": "PEM file of its key, if that stands in another file"}
    )
    client_key_password: str = field(
        default="", repr=False, metadata={"help": "password of an encrypted key", "secret": True}
    )
    username: str = field(default="", metadata={"help": "user, for the host that is asked and no other"})
    password: str = field(default="", repr=False, metadata={"help": "password of that user", "secret": True})
    scheme: str = field(default="basic", metadata={"help": "how both are sent: basic or digest"})
    bearer_token: str = field(
        default="",
        repr=False,
        metadata={"help": "token to send instead, to the host that is asked and no other", "secret": True},
    )
    proxy: str = field(
        default="",
        repr=False,
        metadata={"help": "http://[USER:PASSWORD@]HOST:PORT to go through", "secret": True},
    )
    max_redirects: int = field(default=5, metadata={"help": "how many redirects to follow; 0 = none"})
    max_body_bytes: int = field(default=1_000_000, metadata={"help": "how much of the body to read"})

    def __post_init__(self) -> None:
        require(self.family in FAMILIES, "family", f"one of {', '.join(FAMILIES)}")
        require(self.scheme in SCHEMES, "scheme", "basic or digest")
        require(
            bool(self.client_cert_file or not self.client_key_file),
            "client_key_file",
            "left out without client_cert_file",
        )
        require(bool(self.username or not self.password), "password", "left out without username")
        require(":" not in self.username, "username", "without a colon")
        require(not _CONTROL.search(self.username + self.password), "password", "of one line, as username")
        is_token = not self.bearer_token or bool(_TOKEN.fullmatch(self.bearer_token))
        require(is_token, "bearer_token", "of letters, digits and -._~+/ alone")
        require(not (self.bearer_token and self.username), "bearer_token", "left out beside username")
        _require_proxy(self.proxy)
        require(not self.proxy or self.family == "any", "family", "left out beside proxy, which chooses it")
        require(0 <= self.max_redirects <= 20, "max_redirects", "0 to 20")
        require(0 <= self.max_body_bytes <= 100_000_000, "max_body_bytes", "0 to 100000000")


def _require_proxy(text: str) -> None:
    try:
        url = URL(text)
        is_good = not text or (url.scheme == "http" and bool(url.host) and bool(url.explicit_port))
        is_good = is_good and url.path in ("", "/") and ":" not in (url.user or "")
    except ValueError:
        is_good = False
    require(is_good, "proxy", "http://HOST:PORT or http://USER:PASSWORD@HOST:PORT")
