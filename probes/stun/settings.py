"""What can be set for a STUN probe."""

from __future__ import annotations

from dataclasses import dataclass

from probes.transport import TransportSettings


@dataclass(frozen=True, slots=True)
class Settings(TransportSettings):
    """How to reach the server; there is nothing else to say."""
