"""Carriers: how many links of each organization answer, and which keeps its objectives worst."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from linkwatch.core.board import Board
from linkwatch.core.inventory import Inventory, Kind, Objectives, Target
from linkwatch.core.status import Status
from linkwatch.web.view import View


class LinkState(StrEnum):
    """What is said of a link at a glance; a degraded link still answers."""

    UP = "up"
    DOWN = "down"
    MAINTENANCE = "maintenance"
    UNKNOWN = "unknown"


_STATES = {
    Status.MAJOR_OUTAGE: LinkState.DOWN,
    Status.UNDER_MAINTENANCE: LinkState.MAINTENANCE,
    Status.UNKNOWN: LinkState.UNKNOWN,
}


@dataclass(frozen=True, slots=True)
class Strain:
    """How near a link is to its objective: `measured / promised`; above 1 it is broken.

    `objective`: `loss`, `rtt` or `jitter`; both figures in ratio or seconds.
    """

    target: Target
    objective: str
    measured: float
    promised: float

    @property
    def share(self) -> float:
        """Measured over promised."""
        return self.measured / self.promised


@dataclass(frozen=True, slots=True)
class Carrier:
    """One organization's links by state. `worst`: the most strained one of those that answer."""

    name: str
    links: Mapping[LinkState, int]
    worst: Strain | None

    @property
    def total(self) -> int:
        """Links in all."""
        return sum(self.links.values())


@dataclass(frozen=True, slots=True)
class _Measure:
    """Where the figure that an objective is judged by stands on the board."""

    objective: str
    metric: str
    labels: Mapping[str, str]

    def promised(self, objectives: Objectives) -> float | None:
        """What the class keeps, in the measure's unit."""
        promises = {"loss": objectives.loss_ratio, "rtt": objectives.rtt_s, "jitter": objectives.jitter_s}
        return promises[self.objective]


_MEASURES = (
    _Measure("loss", "linkwatch_icmp_loss_ratio", {"window": "5m"}),
    _Measure("rtt", "linkwatch_icmp_rtt_seconds", {"window": "1m", "stat": "p95"}),
    _Measure("jitter", "linkwatch_icmp_jitter_seconds", {"window": "1m"}),
)


def carriers(view: View, board: Board) -> list[Carrier]:
    """Every organization in sight that owns links, those with most links down first."""
    links: dict[str, list[Target]] = defaultdict(list)
    for target in view.targets.values():
        if target.kind is Kind.LINK:
            links[target.owner].append(target)
    answering = [link for owned in links.values() for link in owned if _state(view, link) is LinkState.UP]
    worst = _worst(view.inventory, board, answering)
    found = [_carrier(view, owner, owned, worst.get(owner)) for owner, owned in links.items()]
    return sorted(found, key=lambda carrier: (-carrier.links[LinkState.DOWN], carrier.name))


def _carrier(view: View, owner: str, links: Iterable[Target], worst: Strain | None) -> Carrier:
    states = Counter(_state(view, link) for link in links)
    organization = view.inventory.organizations.get(owner)
    name = organization.name if organization else owner
    return Carrier(name, {state: states[state] for state in LinkState}, worst)


def _state(view: View, link: Target) -> LinkState:
    return _STATES.get(view.status(link.id).status, LinkState.UP)


def _worst(inventory: Inventory, board: Board, links: Sequence[Target]) -> dict[str, Strain]:
    """Owner -> its most strained link."""
    worst: dict[str, Strain] = {}
    shares: dict[str, float] = {}
    for measure in _MEASURES:
        figures = _figures(board, measure)
        promises = {name: measure.promised(objectives) for name, objectives in inventory.classes.items()}
        for link in links:
            promised, measured = promises.get(link.link_class), figures.get(board.texts.find(link.id) or 0)
            if promised and measured is not None and measured / promised > shares.get(link.owner, -1.0):
                worst[link.owner] = Strain(link, measure.objective, measured, promised)
                shares[link.owner] = measured / promised
    return worst


def _figures(board: Board, measure: _Measure) -> dict[int, float]:
    """Code of the target -> its figure, for those that have one now."""
    column = board.find(measure.metric)
    if column is None:
        return {}
    mask = column.present & np.isfinite(column.values)
    for label, text in measure.labels.items():
        mask &= column.codes(label) == (board.texts.find(text) or -1)
    return dict(zip(column.codes("target")[mask].tolist(), column.values[mask].tolist(), strict=True))
