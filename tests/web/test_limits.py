from __future__ import annotations

import pytest

from linkwatch.web.limits import TokenBuckets


def test_a_burst_passes_and_then_the_rate_holds():
    buckets = TokenBuckets(rate_per_s=2, burst=3)
    assert [buckets.take("a", 0.0) for _ in range(3)] == [0, 0, 0]
    assert buckets.take("a", 0.0) == pytest.approx(0.5)
    assert buckets.take("a", 0.5) == 0
    assert buckets.take("a", 0.5) == pytest.approx(0.5)


def test_waiting_fills_no_more_than_a_burst():
    buckets = TokenBuckets(rate_per_s=2, burst=2)
    buckets.take("a", 0.0)
    assert [buckets.take("a", 1000.0) > 0 for _ in range(3)] == [False, False, True]


def test_names_do_not_share_a_bucket():
    buckets = TokenBuckets(rate_per_s=1, burst=1)
    assert buckets.take("a", 0.0) == 0
    assert buckets.take("b", 0.0) == 0


def test_memory_is_bounded_by_forgetting_whoever_was_silent_longest():
    buckets = TokenBuckets(rate_per_s=1, burst=1, capacity=2)
    for name in ("a", "b", "c"):
        buckets.take(name, 0.0)
    assert buckets.take("c", 0.0) > 0
    assert buckets.take("a", 0.0) == 0


def test_being_refused_costs_nothing():
    buckets = TokenBuckets(rate_per_s=1, burst=1)
    buckets.take("a", 0.0)
    for _ in range(100):
        buckets.take("a", 0.5)
    assert buckets.take("a", 1.0) == 0
