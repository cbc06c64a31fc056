"""SNMPv3 engines (RFC 3411): which devices claim to be the same one.

An engine id must be unique: cloned machines and restored configurations share one, and then whoever keeps
engine clocks by id, as receivers of traps must, takes one device's messages for replays of the other's.
One device at two addresses is not two: it has one name and was started at one moment.
"""

from __future__ import annotations

from dataclasses import dataclass

_SAME_START_S = 5.0
"""What sysUpTime, read over a network, may tell apart."""

Agent = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Engine:
    """Who answered: `started_at` in monotonic seconds, None when the agent tells no uptime."""

    id: bytes
    name: str
    started_at: float | None

    def is_same_device(self, other: Engine) -> bool:
        """Whether two engines of one id are one device, reached at two addresses."""
        if self.name != other.name or self.started_at is None or other.started_at is None:
            return False
        return abs(self.started_at - other.started_at) <= _SAME_START_S


class Engines:
    """The engines of all agents that are polled."""

    def __init__(self) -> None:
        self._agents: dict[bytes, dict[Agent, Engine]] = {}
        self._ids: dict[Agent, bytes] = {}

    def note(self, agent: Agent, engine: Engine) -> tuple[Agent, ...]:
        """Remember who answered at `agent`; returns where another device answers with the same id."""
        if self._ids.get(agent, engine.id) != engine.id:
            self.forget(agent)
        self._ids[agent] = engine.id
        agents = self._agents.setdefault(engine.id, {})
        agents[agent] = engine
        return tuple(
            sorted(
                other for other, seen in agents.items() if not engine.is_same_device(seen) and other != agent
            )
        )

    def forget(self, agent: Agent) -> None:
        """Nobody asks this agent any more."""
        engine_id = self._ids.pop(agent, None)
        if engine_id is not None:
            self._agents[engine_id].pop(agent, None)
            if not self._agents[engine_id]:
                del self._agents[engine_id]


ENGINES = Engines()
"""Of this process: the sessions of one service share it."""
