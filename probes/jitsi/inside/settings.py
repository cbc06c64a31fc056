"""Where the inner endpoints of a meeting server are, and how they let us in."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from yarl import URL

from probes.http.access import AccessSettings
from probes.requirements import require

MOST_BRIDGES = 32

_MATCHER = r'[a-zA-Z_][a-zA-Z0-9_]*\s*(?:=~|!~|!=|=)\s*"(?:[^"\\\n]|\\.)*"'
_MATCHERS = re.compile(rf"\s*{_MATCHER}(?:\s*,\s*{_MATCHER})*\s*")


@dataclass(frozen=True)
class Inside(AccessSettings):
    """One way in: endpoints that share certificates and credentials.

    Every URL is what stands before the paths of the endpoint: `http://127.0.0.1:8080` on the meeting server
    itself, `https://meet.example.vn:8443/jvb` through the proxy of deploy/jitsi.
    """

    bridges: tuple[str, ...] = field(
        default=(), metadata={"help": "URLs of the videobridges, before /about/health and /colibri/stats"}
    )
    jicofo: str = field(default="", metadata={"help": "URL of Jicofo, before /about/health and /stats"})
    prosody: str = field(default="", metadata={"help": "URL of Prosody, before /metrics and /health"})
    prometheus: str = field(
        default="", metadata={"help": "URL of a Prometheus that scrapes them, before /api/v1/query"}
    )
    prometheus_bridges: str = field(
        default="", metadata={"help": 'which of its targets are the bridges, such as job="jvb"'}
    )
    prometheus_jicofo: str = field(default="", metadata={"help": "which of its targets is Jicofo"})
    prometheus_prosody: str = field(default="", metadata={"help": "which of its targets is Prosody"})

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("jicofo", "prosody", "prometheus"):
            _require_base(name, getattr(self, name))
        for url in self.bridges:
            _require_base("bridges", url or "-")
        named = (*self.bridges, self.jicofo, self.prosody, self.prometheus)
        require(any(named), "bridges", "given, unless jicofo, prosody or prometheus is")
        selected = {name: getattr(self, name) for name in _SELECTORS}
        for name, text in selected.items():
            is_good = not text or bool(_MATCHERS.fullmatch(text))
            require(is_good, name, 'labels such as job="jvb",instance=~"10[.].*", without braces')
        require(bool(self.prometheus) >= any(selected.values()), "prometheus", "given beside prometheus_…")
        is_used = not self.prometheus or any(selected.values())
        require(is_used, "prometheus_bridges", f"given beside prometheus, or another of {_SELECTORS_TEXT}")


_SELECTORS = ("prometheus_bridges", "prometheus_jicofo", "prometheus_prosody")
_SELECTORS_TEXT = ", ".join(_SELECTORS)


def check_inside(ways: tuple[Inside, ...]) -> None:
    """Raises ValueError unless these ways lead to one platform: one Jicofo, one Prosody, no bridge twice."""
    bridges = [place(url) for way in ways for url in way.bridges]
    require(len(set(bridges)) == len(bridges), "inside", "of different bridges")
    require(len(bridges) <= MOST_BRIDGES, "inside", f"of at most {MOST_BRIDGES} bridges")
    for what in ("jicofo", "prosody"):
        count = sum(bool(getattr(way, what)) + bool(getattr(way, f"prometheus_{what}")) for way in ways)
        require(count <= 1, "inside", f"of one platform, with one {what}")


def place(url: str) -> str:
    """What an endpoint is called in details and labels: `10.1.0.5:8080`, `meet.example.vn:8443/jvb`."""
    parsed = URL(url)
    return f"{parsed.authority}{parsed.path}".rstrip("/")


def _require_base(name: str, text: str) -> None:
    try:
        url = URL(text)
        is_good = not text or (url.scheme in ("http", "https") and bool(url.host) and len(text) <= 200)
        is_good = is_good and url.user is None and url.password is None
        is_good = is_good and not url.query_string and not url.fragment
    except ValueError:
        is_good = False
    require(is_good, name, "http://HOST:PORT or https://HOST/PATH, without user and query")
