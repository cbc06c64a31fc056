"""What can be set for a TLS probe."""

from __future__ import annotations

from dataclasses import dataclass, field

from probes.requirements import require
from probes.starttls import UPGRADES

VERSIONS = ("1.0", "1.1", "1.2", "1.3")


@dataclass(frozen=True, slots=True)
class Settings:
    """Where to shake hands, and what must be right."""

    port: int = field(
        default=0, metadata={"help": "port; left out: that of the address, else that of the protocol (443)"}
    )
    starttls: str = field(
        default="", metadata={"help": f"ask for TLS in plain text first: {', '.join(UPGRADES)}"}
    )
    server_name: str = field(
        default="", metadata={"help": "name to ask for and to find in the certificate; left out: the address"}
    )
    verify: bool = field(
        default=True, metadata={"help": "whether a wrong certificate is a failure; it is measured either way"}
    )
    ca_file: str = field(default="", metadata={"help": "PEM file of the CA to trust instead of the system's"})
    min_version: str = field(default="1.2", metadata={"help": f"oldest TLS allowed: {', '.join(VERSIONS)}"})

    def __post_init__(self) -> None:
        require(0 <= self.port <= 65535, "port", "1 to 65535")
        require_starttls(self.starttls)
        require(self.min_version in VERSIONS, "min_version", f"one of {', '.join(VERSIONS)}")


def require_starttls(name: str) -> None:
    """Raises ValueError unless `name` is empty or a protocol with STARTTLS."""
    require(not name or name in UPGRADES, "starttls", f"one of {', '.join(UPGRADES)}")
