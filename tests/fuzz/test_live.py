"""A share of what `python -m bench fuzz` sends to every probe and every open socket."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.fuzz.harness import Outcome
from tests.fuzz.live import Live, lives, run_live
from tests.fuzz.packets import pour_notifications, pour_pings, pour_traces
from tests.network import Namespace, own_namespace

INPUTS = 200
PACKETS = 2000
LONGEST_S = 0.5
BOTH = pytest.mark.parametrize("version", [4, 6])


def assert_survived(outcome: Outcome, inputs: int) -> None:
    assert outcome.crashes == []
    assert outcome.inputs >= inputs
    assert outcome.slowest_s < LONGEST_S


@pytest.mark.parametrize("live", lives(), ids=lambda live: live.name.replace(" ", "-"))
def test_whatever_a_peer_says_there_is_a_reason_in_time(live: Live) -> None:
    assert_survived(run_live(replace(live, at_once=INPUTS), INPUTS), INPUTS)


@pytest.fixture(scope="module")
def namespace() -> Iterator[Namespace]:
    with own_namespace() as made:
        yield made


@BOTH
def test_garbage_at_the_pinger_is_counted_and_nothing_is_called_down(
    namespace: Namespace, version: int
) -> None:
    outcome = pour_pings(namespace, version, PACKETS)
    assert_survived(outcome, PACKETS)
    assert outcome.results["malformed"] > 0
    assert outcome.results["foreign"] > 0


@BOTH
def test_garbage_at_the_tracer_leaves_the_path_as_it_is(namespace: Namespace, version: int) -> None:
    assert_survived(pour_traces(namespace, version, PACKETS), PACKETS)


def test_every_garbage_notification_is_counted() -> None:
    assert_survived(pour_notifications(PACKETS), PACKETS)
