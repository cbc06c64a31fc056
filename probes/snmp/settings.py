"""What can be set for an SNMP probe."""

from __future__ import annotations

from dataclasses import dataclass, field

from probes.requirements import require, require_pattern
from probes.snmp.profile import load_profiles

VERSIONS = ("1", "2c", "3")
AUTH_PROTOCOLS = ("md5", "sha", "sha224", "sha256", "sha384", "sha512")
PRIV_PROTOCOLS = ("des", "aes", "aes192", "aes256", "aes192c", "aes256c")
"""`c`: the key expansion that Cisco uses."""
NO_PROFILE = "none"
"""Interfaces only: no temperatures, fans, peers and so on."""

_SECRET = {"secret": True}
_MIN_PASSWORD = 8  # RFC 3414, 11.2


@dataclass(frozen=True, slots=True)
class Settings:
    """How to speak with an agent, and which of its interfaces are watched."""

    version: str = field(default="2c", metadata={"help": f"SNMP version: {', '.join(VERSIONS)}"})
    community: str = field(
        default="public", repr=False, metadata={"help": "community of version 1 and 2c", **_SECRET}
    )
    port: int = field(default=161, metadata={"help": "UDP port, if the address has none"})
    user: str = field(default="", metadata={"help": "user of version 3"})
    auth_protocol: str = field(default="", metadata={"help": f"one of {', '.join(AUTH_PROTOCOLS)}"})
    auth_password: str = field(
        default="", repr=False, metadata={"help": "password of the auth protocol", **_SECRET}
    )
    priv_protocol: str = field(default="", metadata={"help": f"one of {', '.join(PRIV_PROTOCOLS)}"})
    priv_password: str = field(
        default="", repr=False, metadata={"help": "password of the privacy protocol", **_SECRET}
    )
    interfaces: str = field(
        default="", metadata={"help": "regular expression; only interfaces whose name it finds are watched"}
    )
    exclude: str = field(
        default="", metadata={"help": "regular expression; interfaces whose name it finds are not watched"}
    )
    types: tuple[str, ...] = field(
        default=(), metadata={"help": "only these ifTypes, as numbers (6 Ethernet, 131 tunnel); empty = all"}
    )
    admin_down: bool = field(
        default=False,
        metadata={"help": "count traffic of interfaces that are switched off, too (their state always is)"},
    )
    profile: str = field(
        default="",
        metadata={
            "help": "what is read beyond interfaces: the name of a vendor's profile, "
            f"or {NO_PROFILE} (default: chosen by sysObjectID)"
        },
    )
    max_oids: int = field(default=50, metadata={"help": "how many values to ask for in one request"})
    request_timeout_s: float = field(default=2.0, metadata={"help": "how long to wait for one answer"})
    retries: int = field(default=1, metadata={"help": "how often to repeat a request without answer"})
    rewalk_s: float = field(
        default=3600.0, metadata={"help": "how often to look for new names at the latest"}
    )

    def __post_init__(self) -> None:
        require(self.version in VERSIONS, "version", f"one of {', '.join(VERSIONS)}")
        require(1 <= self.port <= 65535, "port", "1 to 65535")
        require(self.version == "3" or bool(self.community), "community", "not empty")
        require(1 <= self.max_oids <= 200, "max_oids", "1 to 200")
        require(0 <= self.retries <= 10, "retries", "0 to 10")
        require(0.05 <= self.request_timeout_s <= 60, "request_timeout", "50ms to 1m")
        require(self.rewalk_s >= 60, "rewalk", "at least 1m")
        require(all(kind.isdigit() for kind in self.types), "types", "numbers, such as 6")
        if self.profile not in ("", NO_PROFILE):
            known = load_profiles()
            require(self.profile in known, "profile", f"one of {', '.join((*known, NO_PROFILE))}")
        for name in ("interfaces", "exclude"):
            require_pattern(name, getattr(self, name))
        if self.version == "3":
            self._require_user()

    def _require_user(self) -> None:
        require(bool(self.user), "user", "a name, with version 3")
        for name, allowed in (("auth", AUTH_PROTOCOLS), ("priv", PRIV_PROTOCOLS)):
            protocol, password = getattr(self, f"{name}_protocol"), getattr(self, f"{name}_password")
            require(protocol in ("", *allowed), f"{name}_protocol", f"one of {', '.join(allowed)}")
            long_enough = len(password.encode()) >= _MIN_PASSWORD if protocol else not password
            wanted = "at least 8 characters" if protocol else f"left out, or set with {name}_protocol"
            require(long_enough, f"{name}_password", wanted)
        require(bool(self.auth_protocol) or not self.priv_protocol, "priv_protocol", "set with auth_protocol")
