"""What can be set for an HTTP probe."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from yarl import URL

from probes.requirements import require, require_pattern

_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")  # RFC 9110, 5.6.2
_STATUS = re.compile(r"([1-5])xx|([1-5]\d\d)(?:-([1-5]\d\d))?")


@dataclass(frozen=True, slots=True)
class Settings:
    """What to ask for, and what must come back."""

    url: str = field(
        default="",
        repr=False,
        metadata={"help": "URL, or a path on the target's address; left out: http://ADDRESS/"},
    )
    method: str = field(default="GET", metadata={"help": "request method"})
    headers: Mapping[str, str] = field(
        default_factory=dict, repr=False, metadata={"help": "headers to send", "secret": True}
    )
    body: str = field(default="", repr=False, metadata={"help": "body to send", "secret": True})
    status: tuple[str, ...] = field(
        default=("2xx",), metadata={"help": "status codes that are right: 200, 2xx or 200-299"}
    )
    body_matches: str = field(default="", metadata={"help": "regular expression that the body must contain"})
    body_not_matches: str = field(
        default="", metadata={"help": "regular expression that the body must not contain"}
    )
    header_matches: Mapping[str, str] = field(
        default_factory=dict, metadata={"help": "header -> regular expression that it must contain"}
    )
    max_redirects: int = field(default=5, metadata={"help": "how many redirects to follow; 0 = none"})
    max_body_bytes: int = field(default=1_000_000, metadata={"help": "how much of the body to read"})
    verify: bool = field(default=True, metadata={"help": "whether the certificate must be valid"})
    ca_file: str = field(default="", metadata={"help": "PEM file of the CA to trust instead of the system's"})

    def __post_init__(self) -> None:
        require(bool(_TOKEN.fullmatch(self.method)), "method", "a method such as GET or HEAD")
        require(all(map(_TOKEN.fullmatch, self.headers)), "headers", "named by letters, digits and dashes")
        clean = all("\r" not in value and "\n" not in value for value in self.headers.values())
        require(clean, "headers", "of one line each")
        require(bool(self.status), "status", "at least one of 200, 2xx, 200-299")
        for text in self.status:
            require(bool(_STATUS.fullmatch(text)), "status", f"200, 2xx or 200-299, not {text!r}")
        require(0 <= self.max_redirects <= 20, "max_redirects", "0 to 20")
        require(0 <= self.max_body_bytes <= 100_000_000, "max_body_bytes", "0 to 100000000")
        for name in ("body_matches", "body_not_matches"):
            require_pattern(name, getattr(self, name))
        for header, pattern in self.header_matches.items():
            require_pattern(f"header_matches.{header}", pattern)
        _require_url(self.url)

    def expects(self, status: int) -> bool:
        """Whether this status code is right."""
        return any(low <= status <= high for low, high in map(_status_range, self.status))


def _status_range(text: str) -> tuple[int, int]:
    match = _STATUS.fullmatch(text)
    assert match is not None  # checked when the settings were made
    if match[1]:
        return int(match[1]) * 100, int(match[1]) * 100 + 99
    return int(match[2]), int(match[3] or match[2])


def _require_url(text: str) -> None:
    if "://" in text:
        try:
            url = URL(text)
        except ValueError:
            url = URL()
        require(url.scheme in ("http", "https") and bool(url.host), "url", "http://HOST/… or https://HOST/…")
    else:
        require(text == "" or text.startswith("/"), "url", "a full URL, or a path that begins with /")
