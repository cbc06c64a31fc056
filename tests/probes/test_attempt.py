"""Whichever way a run ends, one sample comes of it, with what was seen before."""

from __future__ import annotations

import asyncio
import errno
import re
from pathlib import Path

import pytest

from probes.attempt import Attempt, run_attempt
from probes.failure import ProbeError
from probes.sample import Metric, Reason

SEEN = Metric("linkwatch_test_seen", "Seen.")


async def run(failure: BaseException | None, noted: str = "") -> tuple[Reason | None, str]:
    async def steps(attempt: Attempt) -> None:
        attempt.step = "greeting"
        attempt.measured(SEEN, 1.0)
        attempt.facts["address"] = "127.0.0.1"
        attempt.noted = noted
        if failure:
            raise failure

    sample = await run_attempt(steps, 5.0)
    assert sample.values == {("linkwatch_test_seen", ()): 1.0}
    assert sample.facts == {"address": "127.0.0.1"}
    assert sample.ok == (failure is None)
    return sample.reason, sample.detail


@pytest.mark.parametrize(
    ("failure", "reason", "detail"),
    [
        (None, None, ""),
        (ProbeError(Reason.AUTH, "no such user"), Reason.AUTH, "no such user"),
        (OSError(errno.ECONNREFUSED, "refused"), Reason.REFUSED, "refused, in greeting"),
        (ConnectionResetError(), Reason.PROTOCOL, "ConnectionResetError, in greeting"),
        (KeyError("secret"), Reason.ERROR, "KeyError, in greeting"),
    ],
)
async def test_a_failure_has_a_reason_and_the_step_it_came_in(
    failure: BaseException | None, reason: Reason | None, detail: str
) -> None:
    assert await run(failure) == (reason, detail)


@pytest.mark.looptime
async def test_a_run_ends_at_its_deadline_and_says_what_it_waited_for() -> None:
    async def steps(attempt: Attempt) -> None:
        attempt.step = "greeting"
        await asyncio.Event().wait()

    began_s = asyncio.get_running_loop().time()
    sample = await run_attempt(steps, 3.0)
    assert asyncio.get_running_loop().time() - began_s == pytest.approx(3.0)
    assert (sample.reason, sample.detail) == (Reason.TIMEOUT, "no end of greeting within 3 s")


@pytest.mark.looptime
async def test_what_came_until_the_deadline_but_was_no_answer_is_no_silence() -> None:
    async def steps(attempt: Attempt) -> None:
        attempt.step, attempt.noted = "greeting", "not a greeting"
        await asyncio.Event().wait()

    sample = await run_attempt(steps, 3.0)
    assert (sample.reason, sample.detail) == (Reason.PROTOCOL, "no answer to greeting, only: not a greeting")


def test_every_reason_is_told_in_the_readme_and_where_it_is_defined() -> None:
    text = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    table = text.partition("| reason | what it says |")[2].partition("\n\n")[0]
    assert re.findall(r"^\| `([a-z-]+)` \| \S", table, re.MULTILINE) == list(Reason)
    assert [reason for reason in Reason if f"`{reason}`" not in (Reason.__doc__ or "")] == []
