"""The last five minutes of round-trip times of every target, and statistics over windows of them.

A ring has one slot per probe interval and row: a finite value is a round-trip time in seconds, +inf a
lost echo, NaN no sample (not sent, void, or kept out because the target was down or covered). Slots
stand for times, so an outage leaves a hole in the window instead of stretching it into the past.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Samples = NDArray[np.float32]
Counts = NDArray[np.int64]
Rows = NDArray[np.intp]

RING_S = 300.0
"""The longest window over samples."""

BLOCK_SAMPLES = 100_000
"""Samples that are looked at between two yields to the event loop: some half a millisecond."""

PERCENTILES = {"p50": 0.50, "p95": 0.95, "p99": 0.99}


@dataclass(frozen=True, slots=True)
class Statistics:
    """Statistics of some rows over one window; seconds and ratios, NaN where there is nothing to say.

    `rtt_s`: `mean`, `p50`, `p95`, `p99`, `max`. `jitter_s`: mean difference of successive round-trip
    times. `sent` counts decided echoes, `received` the answered ones.
    """

    sent: Counts
    received: Counts
    loss_ratio: Floats
    rtt_s: dict[str, Floats]
    jitter_s: Floats


class RttRing:
    """The samples of all rows that share one probe interval."""

    def __init__(self, interval_s: float) -> None:
        self.interval_s = interval_s
        self.slots = max(2, round(RING_S / interval_s))
        self._samples: Samples = np.full((0, self.slots), np.nan, dtype=np.float32)
        self._phase_s: Floats = np.zeros(0)
        self._head = 0

    def __len__(self) -> int:
        return len(self._samples)

    def resize(self, kept: Rows, size: int) -> None:
        """Make room for `size` rows; row `i` takes over the samples of old row `kept[i]` (-1: none)."""
        if size == len(self) and np.array_equal(kept, np.arange(size)):
            return
        samples = np.empty((size, self.slots), dtype=np.float32)
        phase_s = np.full(size, np.nan)
        old = kept >= 0
        samples[old], phase_s[old] = self._samples[kept[old]], self._phase_s[kept[old]]
        samples[~old] = np.nan
        self._samples, self._phase_s = samples, phase_s

    def put(self, rows: Rows, sent_s: Floats, rtt_s: Floats) -> None:
        """Record decided echoes: sent at `sent_s` (monotonic seconds), `rtt_s` or +inf when lost."""
        slots = self._slots_of(rows, sent_s)
        if len(slots):
            self.advance(int(slots.max()))
        fresh = slots > self._head - self.slots
        self._samples[rows[fresh], slots[fresh] % self.slots] = rtt_s[fresh]

    def advance_to(self, now_s: float) -> None:
        """Let time pass up to `now_s` (monotonic seconds): slots that were not filled become holes."""
        self.advance(int(now_s // self.interval_s))

    def advance(self, head: int) -> None:
        """Move the head to a slot number, forgetting what falls out of the ring."""
        step = head - self._head
        if step <= 0:
            return
        if step >= self.slots:
            self._samples[:] = np.nan
        else:
            self._samples[:, np.arange(self._head + 1, head + 1) % self.slots] = np.nan
        self._head = head

    def statistics(self, window_s: float, rows: slice) -> Statistics:
        """Statistics of a block of rows over the window that ends now."""
        end = self._head % self.slots + 1
        start = end - self._length(window_s)
        if start >= 0:
            return summarize(self._samples[rows, start:end])
        return summarize(np.concatenate((self._samples[rows, start:], self._samples[rows, :end]), axis=1))

    def blocks(self, window_s: float) -> Iterator[slice]:
        """Slices that cover all rows, each small enough for the window not to hold up the event loop."""
        step = max(1, BLOCK_SAMPLES // self._length(window_s))
        for start in range(0, len(self), step):
            yield slice(start, min(start + step, len(self)))

    def _length(self, window_s: float) -> int:
        return min(self.slots, max(1, round(window_s / self.interval_s)))

    def _slots_of(self, rows: Rows, sent_s: Floats) -> NDArray[np.int64]:
        # Slots are counted from each row's own phase: jitter of the sender must not put two samples
        # into one slot and leave the next one empty.
        new = np.isnan(self._phase_s[rows])
        self._phase_s[rows[new]] = sent_s[new] % self.interval_s
        return np.rint((sent_s - self._phase_s[rows]) / self.interval_s).astype(np.int64)


def summarize(samples: Samples) -> Statistics:
    """Statistics of an array (rows, slots in time order): finite = RTT, +inf = lost, NaN = no sample."""
    ordered = np.sort(samples, axis=1)  # finite values first, then the lost, then the holes
    with np.errstate(invalid="ignore", divide="ignore"):
        mean_s, received = _mean_of_finite(samples)
        sent = received + _count(samples == np.inf)
        loss_ratio = np.where(sent > 0, 1.0 - received / sent, np.nan)
        jitter_s, _ = _mean_of_finite(np.abs(np.diff(samples, axis=1)))
    rtt_s = {"mean": mean_s}
    for name, share in PERCENTILES.items():
        rtt_s[name] = _ranked(ordered, received, share)
    rtt_s["max"] = _ranked(ordered, received, 1.0)
    return Statistics(sent, received, loss_ratio, rtt_s, jitter_s)


def _mean_of_finite(values: Samples) -> tuple[Floats, Counts]:
    """The mean of each row's finite values, NaN without any; and how many there are."""
    finite = np.isfinite(values)
    filled = values.copy()
    filled[~finite] = 0.0
    count = _count(finite)
    return np.einsum("ij->i", filled, dtype=np.float64) / count, count


def _count(mask: NDArray[np.bool_]) -> Counts:
    """How many of each row are true. (einsum: on short rows a sum costs three times as much.)"""
    count: Counts = np.einsum("ij->i", mask, dtype=np.int32).astype(np.int64)
    return count


def _ranked(ordered: Samples, received: Counts, share: float) -> Floats:
    rank = np.maximum(np.ceil(share * received).astype(np.intp) - 1, 0)
    picked = ordered[np.arange(len(ordered)), rank].astype(np.float64)
    ranked: Floats = np.where(received > 0, picked, np.nan)
    return ranked


class MinuteCounts:
    """Counts per row and minute over the last hour: what the long windows are made of."""

    MINUTES = 60

    def __init__(self, size: int, dtype: type[np.integer[Any]] = np.int64) -> None:
        """`dtype` must hold what one row can count in a minute."""
        self._counts = np.zeros((self.MINUTES, size), dtype=dtype)
        self._minute = 0

    def resize(self, kept: Rows, size: int) -> None:
        """Make room for `size` rows; row `i` takes over the counts of old row `kept[i]` (-1: none)."""
        counts = np.zeros((self.MINUTES, size), dtype=self._counts.dtype)
        counts[:, kept >= 0] = self._counts[:, kept[kept >= 0]]
        self._counts = counts

    def add(self, rows: Rows, now_s: float, amount: int = 1) -> None:
        """Count `amount` once per entry of `rows`, now (monotonic seconds)."""
        self._advance(now_s)
        this_minute = self._counts[self._minute % self.MINUTES]
        added = np.bincount(rows, minlength=len(this_minute)) * amount
        this_minute += added.astype(this_minute.dtype)

    def total(self, window_s: float, now_s: float) -> Counts:
        """Counts within the window, by row."""
        self._advance(now_s)
        minutes = min(self.MINUTES, max(1, round(window_s / 60.0)))
        chosen = np.arange(self._minute - minutes + 1, self._minute + 1) % self.MINUTES
        total: Counts = self._counts[chosen].sum(axis=0, dtype=np.int64)
        return total

    def _advance(self, now_s: float) -> None:
        minute = int(now_s // 60.0)
        gap = minute - self._minute
        if gap >= self.MINUTES:
            self._counts[:] = 0
        elif gap > 0:
            self._counts[np.arange(self._minute + 1, minute + 1) % self.MINUTES] = 0
        self._minute = max(self._minute, minute)
