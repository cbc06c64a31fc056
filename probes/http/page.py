"""What to ask of one page, and what must come back: the settings of a single page and of a journey's step."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from yarl import URL

from probes.jsonquery import check_query
from probes.requirements import require, require_pattern

_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")  # RFC 9110, 5.6.2
_METHODS = "a method such as GET or HEAD"
_STATUS = re.compile(r"([1-5])xx|([1-5]\d\d)(?:-([1-5]\d\d))?")


@dataclass(frozen=True)
class PageSettings:
    """One request and its expected answer."""

    url: str = field(
        default="",
        repr=False,
        metadata={"help": "URL, or a path on the target's address; left out: http://ADDRESS/"},
    )
    method: str = field(default="", metadata={"help": "left out: POST with a form, else GET"})
    headers: Mapping[str, str] = field(
        default_factory=dict, repr=False, metadata={"help": "headers to send", "secret": True}
    )
    body: str = field(default="", repr=False, metadata={"help": "body to send", "secret": True})
    form: Mapping[str, str] = field(
        default_factory=dict,
        repr=False,
        metadata={"help": "fields to send as a browser sends a form", "secret": True},
    )
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
    json_matches: Mapping[str, str] = field(
        default_factory=dict,
        metadata={"help": "JMESPath into the JSON body -> regular expression that the value must contain"},
    )

    def __post_init__(self) -> None:
        require(not self.method or bool(_TOKEN.fullmatch(self.method)), "method", _METHODS)
        require(all(map(_TOKEN.fullmatch, self.headers)), "headers", "named by letters, digits and dashes")
        clean = all("\r" not in value and "\n" not in value for value in self.headers.values())
        require(clean, "headers", "of one line each")
        require(not (self.body and self.form), "form", "left out beside body")
        require(bool(self.status), "status", "at least one of 200, 2xx, 200-299")
        for text in self.status:
            require(bool(_STATUS.fullmatch(text)), "status", f"200, 2xx or 200-299, not {text!r}")
        self._check_patterns()

    @property
    def verb(self) -> str:
        """The method of the request."""
        return self.method or ("POST" if self.form else "GET")

    def expects(self, status: int) -> bool:
        """Whether this status code is right."""
        return any(low <= status <= high for low, high in map(_status_range, self.status))

    def _check_patterns(self) -> None:
        for name in ("body_matches", "body_not_matches"):
            require_pattern(name, getattr(self, name))
        for header, pattern in self.header_matches.items():
            require_pattern(f"header_matches.{header}", pattern)
        for query, pattern in self.json_matches.items():
            require_query("json_matches", query)
            require_pattern(f"json_matches.{query}", pattern)


def require_query(name: str, query: str) -> None:
    """Raises ValueError unless `query` is a JMESPath expression."""
    try:
        check_query(query)
    except ValueError as error:
        raise ValueError(f"{name}: {query!r}: {error}") from None


def require_url(text: str) -> None:
    """Raises ValueError unless `text` is a URL, or a path."""
    if "://" in text:
        try:
            url = URL(text)
        except ValueError:
            url = URL()
        require(
            url.scheme in ("http", "https") and bool(url.raw_host), "url", "http://HOST/… or https://HOST/…"
        )
    else:
        require(text == "" or text.startswith("/"), "url", "a full URL, or a path that begins with /")


def _status_range(text: str) -> tuple[int, int]:
    match = _STATUS.fullmatch(text)
    assert match is not None  # checked when the settings were made
    if match[1]:
        return int(match[1]) * 100, int(match[1]) * 100 + 99
    return int(match[2]), int(match[3] or match[2])
