"""What is found out about the parts of a meeting server: the words that all ways of looking share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from probes.sample import Labels, Reason


class Part(StrEnum):
    """A part of a meeting platform, in causal order: what fails first explains what follows."""

    WEB = "web"
    SIGNALLING = "signalling"
    LOG_IN = "log-in"
    FOCUS = "focus"
    BRIDGE = "bridge"
    TURN = "turn"
    MEDIA = "media"
    RECORDING = "recording"


class State(StrEnum):
    """`maintenance`: somebody drains it or shuts it down on purpose; `unseen`: the way in to it is closed,
    it may be well.
    """

    GOOD = "good"
    FAILED = "failed"
    MAINTENANCE = "maintenance"
    UNSEEN = "unseen"


@dataclass(frozen=True, slots=True)
class Finding:
    """What one look at a part showed; a part that was not asked, or did not tell, has no finding.

    `reason` is set exactly when it failed or is unseen. `detail`: one line for people, which names the
    endpoint or server and holds no secrets.
    """

    part: Part
    state: State
    reason: Reason | None
    detail: str


@dataclass(frozen=True, slots=True)
class Reading:
    """What one source told: findings, and values and facts as a Sample has them."""

    findings: tuple[Finding, ...] = ()
    values: Mapping[tuple[str, Labels], float] = field(default_factory=dict)
    facts: Mapping[str, str] = field(default_factory=dict)
