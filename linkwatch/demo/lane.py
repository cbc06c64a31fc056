"""What becomes of the packets of one direction of a wire: pure, with dice of its own, time as an argument."""

from __future__ import annotations

import random
from dataclasses import dataclass
from enum import Enum


class Way(Enum):
    """A direction: to the far side, or back."""

    THERE = "there"
    BACK = "back"


@dataclass(frozen=True, slots=True)
class Bursts:
    """Loss in runs (Gilbert 1960, Elliott 1963), all values as probabilities.

    Each packet may `enter` the bad state or `leave` it again; in it `loss_ratio` of the packets are lost.
    """

    enter: float
    leave: float
    loss_ratio: float = 1.0

    @property
    def mean_loss_ratio(self) -> float:
        """What is lost in the long run."""
        return self.enter / (self.enter + self.leave) * self.loss_ratio


@dataclass(frozen=True, slots=True)
class Conditions:
    """How packets travel: seconds, and ratios of all packets.

    On top of `delay_s` comes an evenly spread part up to `jitter_s`, but packets keep their order;
    only the share of `reorder_ratio` is not delayed at all and so overtakes those before it.
    """

    delay_s: float = 0.0
    jitter_s: float = 0.0
    loss_ratio: float = 0.0
    bursts: Bursts | None = None
    duplicate_ratio: float = 0.0
    reorder_ratio: float = 0.0
    cut: bool = False

    def __post_init__(self) -> None:
        for name in ("loss_ratio", "duplicate_ratio", "reorder_ratio"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise ValueError(f"{name} is {getattr(self, name)}, but ratios lie between 0 and 1")


@dataclass(slots=True)
class Counts:
    """What happened to packets so far. `delay_total_s`: how long those that left were really under way;
    `change_total_s`: by how much, in sum, that differed from the one that left before; `worst_late_s`: how
    much later than its conditions asked for one left at worst."""

    taken: int = 0
    lost: int = 0
    duplicated: int = 0
    overtaking: int = 0
    left: int = 0
    delay_total_s: float = 0.0
    change_total_s: float = 0.0
    worst_late_s: float = 0.0

    @property
    def loss_ratio(self) -> float:
        """Lost / taken."""
        return self.lost / self.taken

    @property
    def mean_delay_s(self) -> float:
        """How long a packet was really under way."""
        return self.delay_total_s / self.left

    @property
    def jitter_s(self) -> float:
        """Mean difference between the delays of packets that left one after the other."""
        return self.change_total_s / (self.left - 1)


class Lane:
    """One direction, to or from one address.

    Every packet rolls the same number of dice whatever the conditions are: which packets are lost depends on
    the seed and their number alone.
    """

    def __init__(self, seed: str) -> None:
        self.conditions = Conditions()
        self.counts = Counts()
        self._dice = random.Random(seed)
        self._is_bad = False
        self._busy_until_s = 0.0
        self._last_delay_s: float | None = None

    def take(self, now_s: float) -> list[float]:
        """When a packet that comes now shall leave: once, twice, or never."""
        loss, burst, burst_loss, duplicate, reorder, *spread = (self._dice.random() for _ in range(7))
        counts, conditions = self.counts, self.conditions
        counts.taken += 1
        if self._falls_into_a_burst(burst, burst_loss) or conditions.cut or loss < conditions.loss_ratio:
            counts.lost += 1
            return []
        if reorder < conditions.reorder_ratio:
            counts.overtaking += self._busy_until_s > now_s
            return [now_s]
        if duplicate >= conditions.duplicate_ratio:
            return [self._leaves_at(now_s, spread[0])]
        counts.duplicated += 1
        return [self._leaves_at(now_s, share) for share in spread]

    def leave(self, taken_s: float, planned_s: float, now_s: float) -> None:
        """Count a packet that leaves now."""
        counts, delay_s = self.counts, now_s - taken_s
        counts.left += 1
        counts.delay_total_s += delay_s
        counts.worst_late_s = max(counts.worst_late_s, now_s - planned_s)
        if self._last_delay_s is not None:
            counts.change_total_s += abs(delay_s - self._last_delay_s)
        self._last_delay_s = delay_s

    def _falls_into_a_burst(self, moved: float, lost: float) -> bool:
        bursts = self.conditions.bursts
        if bursts is None:
            self._is_bad = False
            return False
        self._is_bad = moved >= bursts.leave if self._is_bad else moved < bursts.enter
        return self._is_bad and lost < bursts.loss_ratio

    def _leaves_at(self, now_s: float, share: float) -> float:
        """A queue never overtakes itself."""
        at = now_s + self.conditions.delay_s + share * self.conditions.jitter_s
        self._busy_until_s = max(at, self._busy_until_s)
        return self._busy_until_s
