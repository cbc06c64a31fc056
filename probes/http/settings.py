"""What can be set for an HTTP probe."""

from __future__ import annotations

from dataclasses import dataclass

from probes.http.access import AccessSettings
from probes.http.page import PageSettings, require_url


@dataclass(frozen=True)
class Settings(AccessSettings, PageSettings):
    """What to ask for, what must come back, and how to get there."""

    def __post_init__(self) -> None:
        PageSettings.__post_init__(self)
        AccessSettings.__post_init__(self)
        require_url(self.url)
