"""A share of what `python -m bench fuzz` gives to every parser: no crash, no hang, nothing takes long."""

from __future__ import annotations

import pytest

from tests.fuzz import contents, datagrams, echoes, meetings, streams
from tests.fuzz.harness import Case, run_case

INPUTS = 2000
LONGEST_S = 0.5
"""Of CPU; what is quadratic takes seconds for the largest inputs."""

CASES = (*echoes.cases(), *datagrams.cases(), *streams.cases(), *contents.cases(), *meetings.cases())


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name.replace(" ", "-"))
def test_whatever_comes_ends_in_a_result(case: Case) -> None:
    outcome = run_case(case, INPUTS)
    assert outcome.crashes == []
    assert outcome.slowest_s < LONGEST_S, f"{len(outcome.slowest)} bytes: {outcome.slowest[:60]!r}…"
    assert len(outcome.results) > 1, "mutation gets past the door, and does not leave all as it was"
