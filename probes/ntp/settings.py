"""What can be set for an NTP probe."""

from __future__ import annotations

from dataclasses import dataclass, field

from probes.requirements import require


@dataclass(frozen=True, slots=True)
class Settings:
    """Whom to ask, and from when on a server is not fit to set clocks by."""

    port: int = field(default=123, metadata={"help": "UDP port, if the address has none"})
    max_root_distance_s: float = field(
        default=1.5, metadata={"help": "by how much the server's time may be wrong, by its own account"}
    )

    def __post_init__(self) -> None:
        require(1 <= self.port <= 65535, "port", "1 to 65535")
        require(0 < self.max_root_distance_s <= 60, "max_root_distance", "more than 0, at most 1m")
