"""What can be set for a SIP probe."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from probes.requirements import require
from probes.transport import TransportSettings

_USER = re.compile(r"(?:[\w.!~*'()&=+$,;?/-]|%[0-9A-Fa-f]{2}){0,100}", re.ASCII)  # RFC 3261, 25.1
_DOMAIN = re.compile(r"[A-Za-z0-9.-]{0,253}")


@dataclass(frozen=True, slots=True)
class Settings(TransportSettings):
    """How to reach the server, whom to ask for, and what counts as an answer."""

    user: str = field(default="", metadata={"help": "user or room to ask for; left out: the server itself"})
    domain: str = field(default="", metadata={"help": "SIP domain to ask for; left out: the address"})
    success_only: bool = field(
        default=False,
        metadata={"help": "whether only a 2xx is right; else any final answer but 503 shows that it works"},
    )

    def __post_init__(self) -> None:
        TransportSettings.__post_init__(self)
        require(bool(_USER.fullmatch(self.user)), "user", "a user as in sip:USER@DOMAIN, 100 letters at most")
        require(bool(_DOMAIN.fullmatch(self.domain)), "domain", "a host name")
