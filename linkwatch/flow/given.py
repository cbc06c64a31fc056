"""What the inventory says of every target, on the board: descriptions, objectives, what is behind it."""

from __future__ import annotations

from itertools import chain

import numpy as np
from numpy.typing import NDArray

from linkwatch.core.board import Board
from linkwatch.core.inventory import Inventory, Objectives, ProbeSpec, Target
from linkwatch.core.labelsets import Codes
from linkwatch.core.topology import UpstreamGraph
from linkwatch.flow.pings import named_probes

GIVEN = 0.0
"""When a configured value was measured: never, so no recovery has to wait for it."""

INFO, OBJECTIVE, BEHIND = "linkwatch_target_info", "linkwatch_objective", "linkwatch_targets_behind"
PROBES = "linkwatch_probe_info"


def publish_given(board: Board, inventory: Inventory, graph: UpstreamGraph, subjects: Codes) -> None:
    """Put on the board what holds until the next configuration; `subjects`: of all targets, in order."""
    for metric in (INFO, OBJECTIVE, BEHIND, PROBES):
        board.column(metric).clear_rows()
    targets, details = inventory.targets.values(), board.labels.details
    info = details.numbers(facts(inventory, target) for target in targets)
    _give(board, INFO, subjects, info, np.ones(len(targets)))
    _give_probes(board, inventory, subjects)
    is_upstream = np.isin(np.arange(len(targets)), [i for via in graph.upstreams for i in via])
    behind = graph.behind()[is_upstream].astype(np.float64)
    _give(board, BEHIND, subjects[is_upstream], details.number({}), behind)
    kept = [objective_values(inventory.objectives(target)) for target in targets]
    for objective in dict.fromkeys(name for values in kept for name in values):
        chosen = np.array([objective in values for values in kept], dtype=np.bool_)
        values = np.array([values[objective] for values in kept if objective in values])
        _give(board, OBJECTIVE, subjects[chosen], details.number({"objective": objective}), values)


def facts(inventory: Inventory, target: Target) -> dict[str, str]:
    """What is known of a target, as the labels of `linkwatch_target_info`."""
    site = inventory.sites.get(target.site)
    return {
        "name": target.name,
        "area": site.area if site else "",
        "class": target.link_class,
        "location": f"{site.location[0]},{site.location[1]}" if site and site.location else "",
        "circuit": target.circuit.id if target.circuit else "",
    }


def objective_values(objectives: Objectives) -> dict[str, float]:
    """The objectives that are set, by the value of the `objective` label."""
    values = {
        "loss": objectives.loss_ratio,
        "rtt": objectives.rtt_s,
        "jitter": objectives.jitter_s,
        "availability": objectives.availability_ratio,
    }
    return {name: value for name, value in values.items() if value is not None}


def probe_facts(name: str, spec: ProbeSpec) -> tuple[str, str, str]:
    """What is known of a probe that is called `name`: the labels of `linkwatch_probe_info`."""
    verify = getattr(spec.settings, "verify", None)
    return name, spec.type, "" if verify is None else str(verify).lower()


def _give_probes(board: Board, inventory: Inventory, subjects: Codes) -> None:
    said = [[probe_facts(*named) for named in named_probes(target)] for target in inventory.targets.values()]
    numbers = {  # thousands of probes are called alike
        labels: board.labels.details.number(dict(zip(("probe", "type", "verify"), labels, strict=True)))
        for labels in dict.fromkeys(chain.from_iterable(said))
    }
    own = np.repeat(subjects, [len(of_target) for of_target in said])
    details = np.array([numbers[labels] for labels in chain.from_iterable(said)], dtype=np.int32)
    _give(board, PROBES, own, details, np.ones(len(own)))


def _give(
    board: Board, metric: str, subjects: Codes, details: Codes | int, values: NDArray[np.float64]
) -> None:
    column = board.column(metric)
    column.fill(column.extend(subjects, details), values, np.ones(len(values), dtype=np.bool_), GIVEN)
