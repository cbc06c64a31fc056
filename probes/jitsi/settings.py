"""What can be set for a Jitsi probe."""

from __future__ import annotations

from dataclasses import dataclass, field

from probes.http.access import AccessSettings
from probes.http.page import require_url
from probes.jitsi.inside.settings import Inside, check_inside
from probes.requirements import require

_LONGEST_BODY = 400_000
_LONGEST_TOKEN = 8000
_MOST_SEATS = 1_000_000


@dataclass(frozen=True)
class Settings:
    """Where the platform is, who logs in, and what it must have."""

    url: str = field(
        default="",
        metadata={"help": "URL of the page, or a path on the target's address; left out: https://ADDRESS/"},
    )
    verify: bool = field(default=True, metadata={"help": "whether certificates must be valid"})
    ca_file: str = field(default="", metadata={"help": "PEM file of the CA to trust instead of the system's"})
    user: str = field(
        default="",
        metadata={"help": "user to log in as, where guests alone are not enough; not USER@DOMAIN"},
    )
    password: str = field(default="", repr=False, metadata={"help": "password of the user", "secret": True})
    token: str = field(
        default="",
        repr=False,
        metadata={"help": "JWT to log in with, where the platform wants one", "secret": True},
    )
    media_port: int = field(
        default=10_000, metadata={"help": "UDP port of the media; 0: it is not looked at"}
    )
    media_hosts: tuple[str, ...] = field(
        default=(), metadata={"help": "hosts of the videobridges; left out: that of the page"}
    )
    seats: int = field(
        default=0, metadata={"help": "how many more participants must fit; needs inside; 0: no matter"}
    )
    recording: bool = field(
        default=False, metadata={"help": "whether a recorder must be available; needs inside"}
    )
    inside: tuple[Inside, ...] = field(
        default=(), metadata={"help": "ways in to bridges, Jicofo and Prosody, each as JSON"}
    )

    def __post_init__(self) -> None:
        require_url(self.url)
        require("@" not in self.user, "user", "a name without @")
        require(
            bool(self.user) == bool(self.password), "password", "set where there is a user, and only there"
        )
        require(not (self.user and self.token), "token", "left out where there is a user")
        require(
            self.token.isascii() and len(self.token) <= _LONGEST_TOKEN,
            "token",
            f"ASCII, at most {_LONGEST_TOKEN} characters",
        )
        require(0 <= self.media_port <= 65535, "media_port", "0 to 65535")
        require(all(self.media_hosts), "media_hosts", "names or addresses")
        require(0 <= self.seats <= _MOST_SEATS, "seats", f"0 to {_MOST_SEATS}")
        require(bool(self.inside or not self.seats), "seats", "left out without inside")
        require(bool(self.inside or not self.recording), "recording", "left out without inside")
        check_inside(self.inside)

    def access(self, max_redirects: int = 0) -> AccessSettings:
        """How the pages and the signalling are reached."""
        return AccessSettings(
            verify=self.verify,
            ca_file=self.ca_file,
            max_redirects=max_redirects,
            max_body_bytes=_LONGEST_BODY,
        )
