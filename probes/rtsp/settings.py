"""What can be set for an RTSP probe."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from probes.requirements import require

TRANSPORTS = ("tcp", "udp")

_LEAST_TALK_S = 1.0

_PATH = re.compile(r"(/[!-~]*)?")
_LINE = re.compile(r"[^\x00-\x1f\x7f]*")


@dataclass(frozen=True, slots=True)
class Settings:
    """Which stream to look at, who we are there, and what counts as a fault."""

    path: str = field(
        default="/",
        repr=False,  # some cameras want the password in it
        metadata={"help": "path of the stream, with its query; best that of the small sub-stream"},
    )
    port: int = field(default=554, metadata={"help": "port, where the address names none"})
    user: str = field(default="", repr=False, metadata={"help": "user name; left out = none"})
    password: str = field(default="", repr=False, metadata={"help": "password", "secret": True})
    transport: str = field(
        default="tcp", metadata={"help": "how the video travels: tcp (inside the connection) or udp"}
    )
    watch_s: float = field(default=4.0, metadata={"help": "how long to look at the stream"})
    frozen_after_s: float = field(
        default=2.0, metadata={"help": "so long without a new frame is a fault: stopped, or frozen"}
    )
    max_loss: float = field(default=0.05, metadata={"help": "share of lost packets that is still right"})
    compare_pictures: bool = field(
        default=True,
        metadata={"help": "whether key frames that repeat byte for byte are a fault (no: a still source)"},
    )

    @property
    def shortest_timeout_s(self) -> float:
        """A deadline that leaves time to be let in beside the time to look."""
        return self.watch_s + _LEAST_TALK_S

    def __post_init__(self) -> None:
        require(bool(_PATH.fullmatch(self.path)), "path", "a path that begins with /, without spaces")
        require(1 <= self.port <= 65535, "port", "1 to 65535")
        clean = _LINE.fullmatch(self.user) and ":" not in self.user
        require(bool(clean), "user", "one line without a colon")
        require(bool(_LINE.fullmatch(self.password)), "password", "one line")
        require(not self.password or bool(self.user), "user", "given where a password is")
        require(self.transport in TRANSPORTS, "transport", " or ".join(TRANSPORTS))
        require(1 <= self.watch_s <= 30, "watch", "1s to 30s")
        require(0.5 <= self.frozen_after_s <= self.watch_s, "frozen_after", "500ms to as long as watch")
        require(0 <= self.max_loss <= 1, "max_loss", "0 to 1")
