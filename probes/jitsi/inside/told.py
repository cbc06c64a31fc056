"""What an endpoint told, as far as it came: the same whether it was asked itself or Prometheus was."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple

from probes.attempt import Attempt, run_attempt
from probes.failure import ProbeError
from probes.jitsi.finding import Finding, Part, State
from probes.sample import Reason


class Health(NamedTuple):
    """The answer of a health page. `message`: one line, which may be empty."""

    status: int
    message: str

    @property
    def is_good(self) -> bool:
        """Whether the endpoint calls itself well."""
        return self.status == 200


@dataclass(slots=True)
class Told:
    """Filled while an endpoint is asked. `name`: its place, such as `10.1.0.5:8080`.

    `way`: the endpoint that was asked for it; `pages`: those that were there; `figures`: numbers by the keys
    of this package, what was not told is left out; `failure`: why no more came; `silence`: why nothing was
    told, where that is no failure; `proves_nothing`: the failure is that of a Prometheus, or of a server that
    is something else, and so says nothing of what was asked for.
    """

    part: Part
    name: str
    way: str
    pages: list[str] = field(default_factory=list)
    figures: dict[str, float] = field(default_factory=dict)
    health: Health | None = None
    version: str = ""
    failure: ProbeError | None = None
    silence: str = ""
    proves_nothing: bool = False

    def failed(self, reason: Reason, what: str, part: Part | None = None) -> Finding:
        """A finding that it, or what it speaks of, has failed."""
        return Finding(part or self.part, State.FAILED, reason, f"{self.title}: {what}")

    def found(self, state: State, what: str, part: Part | None = None) -> Finding:
        """A finding that is no failure."""
        return Finding(part or self.part, state, None, f"{self.title}: {what}")

    def unseen(self) -> Finding:
        """The finding where the way in is closed."""
        assert self.closed is not None
        detail = f"{self.title}: {self.closed.detail}"
        return Finding(self.part, State.UNSEEN, self.closed.reason, detail)

    @property
    def closed(self) -> ProbeError | None:
        """Why the way in is closed, if it is: that says nothing of what lies behind it."""
        if self.failure is not None and (self.proves_nothing or self.failure.reason in _NOT_LET_IN):
            return self.failure
        return None

    @property
    def title(self) -> str:
        """What it is called in a detail."""
        return f"{_TITLES[self.part]} {self.name}"

    def cleaned(self, clean: Callable[[str], str]) -> Told:
        """The same, with `clean` over every text that a server wrote."""
        self.name, self.version = clean(self.name), clean(self.version)
        if self.health is not None:
            self.health = Health(self.health.status, clean(self.health.message))
        if self.failure is not None:
            self.failure = ProbeError(self.failure.reason, clean(self.failure.detail))
        return self

    def why_ill(self) -> ProbeError | None:
        """Why it cannot be called well, by what has happened and by its own account; None: it can."""
        if self.failure is not None and self.closed is None:
            return self.failure
        if self.health is not None and not self.health.is_good:
            said = f": {self.health.message}" if self.health.message else ""
            # Jicofo says 503 where a check took too long, which may be load alone.
            reason = Reason.TIMEOUT if self.health.status == 503 else Reason.PROTOCOL
            return ProbeError(reason, f"its health is {self.health.status}{said}")
        if self.health is None and self.figures.get("healthy") == 0:
            return ProbeError(Reason.PROTOCOL, "it says that it is not healthy")
        return None


_TITLES = {Part.BRIDGE: "bridge", Part.FOCUS: "Jicofo", Part.SIGNALLING: "Prosody"}

_NOT_LET_IN = frozenset(
    {
        Reason.TLS,
        Reason.AUTH,
        Reason.RESOLVE,
        Reason.PERMISSION,
        Reason.EXHAUSTED,
        Reason.PROXY,
        Reason.ERROR,  # such as a file of ours that cannot be read
    }
)
"""Failures of the way in: what lies behind it may be well."""


async def hear(told: Told, ask: Callable[[Told, Attempt], Awaitable[None]], deadline_s: float) -> Told:
    """Ask under a deadline; raises nothing. What was told before a failure is kept."""
    sample = await run_attempt(partial(ask, told), deadline_s)
    if sample.reason is not None:
        told.failure = ProbeError(sample.reason, sample.detail)
    return told
