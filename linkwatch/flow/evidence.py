"""What messages and the search for the fault owner may rely on: ICMP reporters, loss and round trip."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from linkwatch.core.blame import Evidence, PathEnd
from linkwatch.core.board import Board
from linkwatch.core.inventory import Inventory
from linkwatch.core.topology import UP, Reachability

REPORT_AGE_S = 600.0
"""How long the report of a router is evidence."""

REPORTERS_KEPT = 3
"""How many routers are remembered per target."""


class Witnesses:
    """Which routers said that a target cannot be reached, and when they last did; where its path ends."""

    def __init__(self) -> None:
        self._seen_at: dict[str, dict[str, float]] = {}
        self._path_ends: dict[str, PathEnd] = {}

    def note(self, target: str, reporter: str, at: float) -> None:
        """A router reported a target unreachable (UTC seconds)."""
        seen_at = self._seen_at.setdefault(target, {})
        seen_at[reporter] = max(at, seen_at.get(reporter, at))
        if len(seen_at) > REPORTERS_KEPT:
            del seen_at[min(seen_at, key=seen_at.__getitem__)]

    def note_path_end(self, target: str, end: PathEnd | None) -> None:
        """The path to a target ends there; None: it reaches the target again."""
        if end is None:
            self._path_ends.pop(target, None)
        else:
            self._path_ends[target] = end

    @property
    def path_ends(self) -> Mapping[str, PathEnd]:
        """By target."""
        return self._path_ends

    def move_times(self, by_s: float) -> None:
        """Go on with a clock that was set by so much."""
        for seen_at in self._seen_at.values():
            seen_at.update({address: at + by_s for address, at in seen_at.items()})

    def reporters(self, now: float) -> Mapping[str, tuple[str, ...]]:
        """Addresses by target, the newest first; targets without a recent report are left out."""
        for target, seen_at in list(self._seen_at.items()):
            fresh = {address: at for address, at in seen_at.items() if now - at < REPORT_AGE_S}
            if fresh:
                self._seen_at[target] = fresh
            else:
                del self._seen_at[target]
        return {
            target: tuple(sorted(seen_at, key=seen_at.__getitem__, reverse=True))
            for target, seen_at in self._seen_at.items()
        }


class Readings(Mapping[str, float]):
    """One metric of the board by target, looked up when asked for: few targets are ever told of."""

    def __init__(self, read: Callable[[str], float | None], targets: Mapping[str, object]) -> None:
        self._read, self._targets = read, targets

    def __getitem__(self, target: str) -> float:
        value = self._read(target)
        if value is None:
            raise KeyError(target)
        return value

    def __iter__(self) -> Iterator[str]:
        return (target for target in self._targets if self._read(target) is not None)

    def __len__(self) -> int:
        return sum(1 for _ in self)


def gather(
    witnesses: Witnesses, board: Board, inventory: Inventory, reachability: Reachability, now: float
) -> Evidence:
    """The evidence of one judgement. Figures only of targets that are up: a dead link has no quality."""

    def read(metric: str, **labels: str) -> Readings:
        def value_of(target: str) -> float | None:
            known = inventory.targets.get(target)
            if known is None or reachability.verdict(target) != UP:
                return None
            return _value(board, metric, {**known.labels(), **labels})

        return Readings(value_of, inventory.targets)

    return Evidence(
        reporters=witnesses.reporters(now),
        loss_ratio=read("linkwatch_icmp_loss_ratio", window="1m"),
        rtt_s=read("linkwatch_icmp_rtt_seconds", window="1m", stat="p50"),
        path_end=witnesses.path_ends,
    )


def _value(board: Board, metric: str, labels: Mapping[str, str]) -> float | None:
    column = board.find(metric)
    row = None if column is None else column.find(labels)
    if column is None or row is None or not column.present[row]:
        return None
    return float(column.values[row])
