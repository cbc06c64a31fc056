"""Estimated call quality from delay, jitter and loss.

The simplified E-model that check_icmp and NetBeez use: it takes the round-trip time as the latency and
ignores jitter buffers, so the result is an estimate, not ITU-T G.107.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

BEST_R = 93.2
CODEC_DELAY_MS = 10.0
KNEE_MS = 160.0


def estimate_mos(rtt_s: Floats, jitter_s: Floats, loss_ratio: Floats) -> Floats:
    """Mean opinion score, 1 (unusable) to 4.5, element by element; NaN where an input is NaN."""
    effective_ms = 1e3 * rtt_s + 2e3 * jitter_s + CODEC_DELAY_MS
    delay_penalty = np.where(effective_ms < KNEE_MS, effective_ms / 40.0, (effective_ms - 120.0) / 10.0)
    r = np.clip(BEST_R - delay_penalty - 250.0 * loss_ratio, 0.0, 100.0)
    mos: Floats = np.maximum(1.0 + 0.035 * r + 7e-6 * r * (r - 60.0) * (100.0 - r), 1.0)
    return mos
