"""The ways through the province: which address lies behind which, and what holds on each while parts fail."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from linkwatch.demo.wire import CUT, Conditions


@dataclass(frozen=True, slots=True)
class Path:
    """How packets travel to one address, each way; `through`: the addresses on the way, and the address
    itself. If one is cut, nothing passes."""

    conditions: Conditions
    through: tuple[str, ...]


class Paths:
    """All paths, and what is broken on them now. What changes yields the new conditions by address."""

    def __init__(self, paths: Mapping[str, Path]) -> None:
        self._paths = dict(paths)
        self._cut: set[str] = set()
        self._loss_ratio: dict[str, float] = {}

    def all(self) -> Iterator[tuple[str, Conditions]]:
        """Every address."""
        for address, path in self._paths.items():
            yield address, self._conditions(path)

    def cut(self, address: str) -> Iterator[tuple[str, Conditions]]:
        """Let nothing pass through `address` any more."""
        self._cut.add(address)
        return self._behind(address)

    def degrade(self, address: str, loss_ratio: float) -> Iterator[tuple[str, Conditions]]:
        """Lose about that share of the round trips that pass through `address`."""
        self._loss_ratio[address] = loss_ratio
        return self._behind(address)

    def heal(self, address: str) -> Iterator[tuple[str, Conditions]]:
        """Undo `cut` and `degrade`."""
        self._cut.discard(address)
        self._loss_ratio.pop(address, None)
        return self._behind(address)

    def _behind(self, address: str) -> Iterator[tuple[str, Conditions]]:
        for behind, path in self._paths.items():
            if address in path.through:
                yield behind, self._conditions(path)

    def _conditions(self, path: Path) -> Conditions:
        if self._cut.intersection(path.through):
            return CUT
        worst = max(self._loss_ratio.get(address, 0.0) for address in path.through)
        return replace(path.conditions, loss_ratio=worst / 2)
