import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkwatch.core.windows import MinuteCounts, RttRing, summarize

NAN, LOST = np.nan, np.inf


def ring(rows: int = 1, interval_s: float = 1.0) -> RttRing:
    made = RttRing(interval_s)
    made.resize(np.full(rows, -1), rows)
    return made


def fill(target: RttRing, start_s: float, rtts: list[float], row: int = 0) -> None:
    times = start_s + np.arange(len(rtts)) * target.interval_s
    target.put(np.full(len(rtts), row), times, np.array(rtts))


def test_loss_delay_and_jitter_of_a_window() -> None:
    r = ring()
    fill(r, 1000.0, [0.010, 0.020, LOST, 0.030, 0.010])
    s = r.statistics(10.0, slice(0, 1))
    assert (s.sent[0], s.received[0]) == (5, 4)
    assert s.loss_ratio[0] == pytest.approx(0.2)
    assert s.rtt_s["mean"][0] == pytest.approx(0.0175)
    assert s.rtt_s["p50"][0] == pytest.approx(0.010)
    assert s.rtt_s["max"][0] == pytest.approx(0.030)
    assert s.jitter_s[0] == pytest.approx((0.010 + 0.020) / 2)  # only neighbours that were both answered


def test_a_hole_is_neither_loss_nor_success() -> None:
    r = ring()
    fill(r, 1000.0, [0.01] * 5)
    fill(r, 1100.0, [0.01] * 5)
    assert r.statistics(300.0, slice(0, 1)).sent[0] == 10
    assert r.statistics(10.0, slice(0, 1)).sent[0] == 5
    r.advance_to(1200.0)
    assert r.statistics(10.0, slice(0, 1)).sent[0] == 0
    assert np.isnan(r.statistics(10.0, slice(0, 1)).loss_ratio[0])


def test_samples_older_than_the_ring_are_dropped() -> None:
    r = ring()
    fill(r, 1000.0, [0.01])
    r.advance_to(1400.0)
    fill(r, 1001.0, [LOST])
    assert r.statistics(300.0, slice(0, 1)).sent[0] == 0


def test_sender_jitter_never_merges_two_samples() -> None:
    r = ring()
    rng = np.random.default_rng(7)
    times = 1000.999 + np.arange(200) + rng.uniform(-0.3, 0.3, 200)
    times[0] = 1000.999
    r.put(np.zeros(200, dtype=np.intp), times, np.full(200, 0.01))
    assert r.statistics(300.0, slice(0, 1)).sent[0] == 200


def test_rows_keep_their_samples_when_others_come_and_go() -> None:
    r = ring(3)
    for row in range(3):
        fill(r, 1000.0, [0.01 * (row + 1)] * 3, row)
    r.resize(np.array([2, -1]), 2)
    s = r.statistics(10.0, slice(0, 2))
    assert s.rtt_s["mean"][0] == pytest.approx(0.03)
    assert s.sent.tolist() == [3, 0]


@given(
    st.lists(st.one_of(st.just(NAN), st.just(LOST), st.floats(0.0, 3.0, width=32)), min_size=2, max_size=40)
)
def test_statistics_agree_with_plain_python(samples: list[float]) -> None:
    s = summarize(np.array([samples], dtype=np.float32))
    received = sorted(v for v in samples if np.isfinite(v))
    lost = sum(1 for v in samples if v == LOST)
    assert (s.received[0], s.sent[0]) == (len(received), len(received) + lost)
    if received:
        assert s.rtt_s["mean"][0] == pytest.approx(sum(received) / len(received), rel=1e-5)
        assert s.rtt_s["max"][0] == pytest.approx(received[-1])
        assert s.rtt_s["p95"][0] == pytest.approx(received[int(np.ceil(0.95 * len(received))) - 1])
    else:
        assert np.isnan(s.rtt_s["mean"][0])


def test_minute_counts_forget_after_their_window() -> None:
    counts = MinuteCounts(2)
    counts.add(np.array([0, 0, 1]), 60.0 * 100)
    counts.add(np.array([0]), 60.0 * 110)
    assert counts.total(900.0, 60.0 * 110).tolist() == [3, 1]
    assert counts.total(300.0, 60.0 * 110).tolist() == [1, 0]
    assert counts.total(3600.0, 60.0 * 165).tolist() == [1, 0]
    assert counts.total(3600.0, 60.0 * 400).tolist() == [0, 0]
