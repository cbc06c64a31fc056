"""What can be set for a TURN probe."""

from __future__ import annotations

from dataclasses import dataclass, field

from probes.requirements import require
from probes.transport import TransportSettings

LONGEST_USER_BYTES = 400  # USERNAME has at most 508 (RFC 8489, 14.3), and the secret puts a time before it


@dataclass(frozen=True, slots=True)
class Settings(TransportSettings):
    """How to reach the server, and who allocates."""

    user: str = field(default="", metadata={"help": "user of the long-term credentials"})
    password: str = field(default="", repr=False, metadata={"help": "password of the user", "secret": True})
    secret: str = field(
        default="",
        repr=False,
        metadata={
            "help": "instead of a password: the secret of a server with use-auth-secret, as Jitsi's",
            "secret": True,
        },
    )

    def __post_init__(self) -> None:
        TransportSettings.__post_init__(self)
        require(len(self.user.encode()) <= LONGEST_USER_BYTES, "user", "at most 400 bytes long")
        require(not (self.password and self.secret), "secret", "left out where there is a password")
        require(bool(self.user) or not self.password, "user", "set where there is a password")
        is_secured = bool(self.password or self.secret)
        require(is_secured or not self.user, "password", "set where there is a user, or a secret")
