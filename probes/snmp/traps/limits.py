"""How much may be read: a bucket that fills steadily and is emptied by what is read (pure)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Bucket:
    """`level` of at most `size`, filling by `rate` a second; `now` is monotonic seconds."""

    size: float
    rate: float
    level: float
    at: float

    @classmethod
    def full(cls, size: float, rate: float, now: float) -> Bucket:
        """A bucket that nobody has taken from."""
        return cls(size, rate, size, now)

    def take(self, amount: float, now: float) -> bool:
        """Take `amount` out, if that much is in it."""
        self.level = min(self.size, self.level + (now - self.at) * self.rate)
        self.at = now
        if amount > self.level:
            return False
        self.level -= amount
        return True
