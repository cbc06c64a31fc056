"""Token buckets: how often one caller may ask."""

from __future__ import annotations

from collections import OrderedDict


class TokenBuckets:
    """One bucket for each name; `burst` requests at once, `rate_per_s` in the long run.

    The least recently used names are forgotten beyond `capacity`: a forgotten bucket is full again, so
    memory is bounded and nobody is refused for what others do.
    """

    def __init__(self, rate_per_s: float, burst: float, capacity: int = 10_000) -> None:
        self._rate_per_s = rate_per_s
        self._burst = burst
        self._capacity = capacity
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, name: str, now: float) -> float:
        """Take one token; 0 if there was one, else how many seconds until there is. `now`: monotonic."""
        wait_s = self.wait_s(name, now)
        tokens = self._tokens(name, now)
        self._buckets[name] = (tokens - 1 if wait_s == 0 else tokens, now)
        self._buckets.move_to_end(name)
        if len(self._buckets) > self._capacity:
            self._buckets.popitem(last=False)
        return wait_s

    def wait_s(self, name: str, now: float) -> float:
        """How many seconds until the bucket has a token."""
        return max(0.0, (1 - self._tokens(name, now)) / self._rate_per_s)

    def _tokens(self, name: str, now: float) -> float:
        tokens, since = self._buckets.get(name, (self._burst, now))
        return min(self._burst, tokens + (now - since) * self._rate_per_s)
