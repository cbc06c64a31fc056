"""Two clocks: the monotonic one for durations, the wall clock because the kernel stamps arrivals by it."""

from __future__ import annotations

import time
from typing import NamedTuple

import numpy as np

from probes.icmp.columns import Floats

STEP_S = 1e-3
"""A move of the wall clock against the monotonic one beyond this is a step: its stamps are not used."""


class Reading(NamedTuple):
    """Both clocks at one moment. `wall` counts from the clock's `epoch_s`, to keep nanoseconds exact."""

    monotonic: float
    wall: float


class Clock:
    """Reads both clocks. `epoch_s`: whole seconds since 1970 from which wall times are counted."""

    def __init__(self) -> None:
        self.epoch_s = int(time.time())

    def read(self) -> Reading:
        """Both clocks at the same moment: read again if something came between."""
        for _ in range(3):
            before = time.monotonic_ns()
            wall = time.time_ns()
            after = time.monotonic_ns()
            if after - before < 20_000:
                break
        return Reading((before + after) * 0.5e-9, (wall - self.epoch_s * 1_000_000_000) * 1e-9)

    def utc(self, monotonic: float, now: Reading) -> float:
        """The UTC time (seconds since 1970) of a recent monotonic time."""
        return self.epoch_s + now.wall - (now.monotonic - monotonic)


def round_trips(sent: Floats, sent_wall: Floats, arrived_wall: Floats, read: Reading) -> Floats:
    """Round-trip times in seconds: by the kernel's stamp, unless the wall clock was stepped meanwhile.

    `sent`, `sent_wall`: monotonic and wall time of sending; `arrived_wall`: the kernel's stamps (nan where
    there is none); `read`: the clocks when the replies were read, the fallback.
    """
    until_read = read.monotonic - sent
    stamped = arrived_wall - sent_wall
    steady = np.abs((read.wall - sent_wall) - until_read) <= STEP_S
    sane = (stamped >= -STEP_S) & (stamped <= until_read + STEP_S)
    return np.maximum(np.where(steady & sane, stamped, until_read), 0.0)


def less_slack(rtt_s: Floats, slack_s: Floats, usual_s: Floats) -> Floats:
    """Round-trip times that are `slack_s` too long if the sending thread was interrupted before the packet
    went out, and right if that was after it. Which is believed is nearer to what the target is used to
    (`usual_s`, nan: not known); the shorter one where nothing tells."""
    shorter = rtt_s - slack_s
    is_nearer = ~(np.abs(rtt_s - usual_s) <= np.abs(shorter - usual_s))
    return np.where((slack_s > 0) & (shorter >= 0) & is_nearer, shorter, rtt_s)
