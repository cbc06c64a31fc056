import numpy as np
import pytest

from linkwatch.core.quality import estimate_mos


@pytest.mark.parametrize(
    ("rtt_ms", "jitter_ms", "loss_percent", "mos"),
    [
        (20, 2, 0, 4.39),
        (50, 5, 1, 4.31),
        (150, 20, 2, 4.03),
        (300, 40, 5, 2.77),
        (100, 10, 10, 3.35),
        (20, 2, 20, 2.18),
        (20, 2, 35, 1.0),
        (2000, 500, 100, 1.0),
    ],
)
def test_the_published_vectors(rtt_ms: float, jitter_ms: float, loss_percent: float, mos: float) -> None:
    value = estimate_mos(
        np.array([rtt_ms / 1e3]), np.array([jitter_ms / 1e3]), np.array([loss_percent / 100])
    )
    assert value[0] == pytest.approx(mos, abs=0.006)


def test_nothing_measured_is_no_score() -> None:
    assert np.isnan(estimate_mos(np.array([np.nan]), np.array([0.0]), np.array([0.0])))[0]
