"""One run of a probe: what it has seen so far, and the sample that comes of it, whichever way it ends."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from probes.failure import ProbeError, reason_of_errno
from probes.sample import Labels, Metric, Reason, Sample

_MARGIN_S = 0.1


@dataclass(slots=True)
class Attempt:
    """Filled while the probe goes on. `step` says what it waits for; `noted` what came that was no answer;
    `overheard` what came from somebody else; `ends_s`, by the loop's clock, when it has to be over;
    `is_repeatable` goes into the sample.
    """

    step: str = "preparation"
    noted: str = ""
    overheard: str = ""
    values: dict[tuple[str, Labels], float] = field(default_factory=dict)
    facts: dict[str, str] = field(default_factory=dict)
    ends_s: float = math.inf
    is_repeatable: bool = True

    def inspection(self) -> asyncio.Timeout:
        """For what must be over in time to tell of it, such as a closer look at what has failed already."""
        return asyncio.timeout_at(self.ends_s - _MARGIN_S)

    def measured(self, metric: Metric, value: float) -> None:
        """Keep the value of a metric that has no labels of its own."""
        self.values[metric.name, ()] = value


async def run_attempt(steps: Callable[[Attempt], Awaitable[None]], deadline_s: float) -> Sample:
    """Run `steps`, which raise ProbeError or OSError when they fail; returns within `deadline_s`, raises
    nothing. What was seen before a failure is kept.
    """
    at, started_s = time.time(), time.monotonic()
    attempt = Attempt(ends_s=asyncio.get_running_loop().time() + deadline_s)
    failure: ProbeError | None = None
    try:
        async with asyncio.timeout_at(attempt.ends_s):
            await steps(attempt)
    except Exception as error:
        failure = _failure(error, attempt, deadline_s)
    duration_s = time.monotonic() - started_s
    if failure is None:
        return Sample(at, duration_s, True, values=attempt.values, facts=attempt.facts)
    return Sample(
        at,
        duration_s,
        False,
        failure.reason,
        failure.detail,
        values=attempt.values,
        facts=attempt.facts,
        is_repeatable=attempt.is_repeatable,
    )


def _failure(error: Exception, attempt: Attempt, deadline_s: float) -> ProbeError:
    match error:
        case ProbeError():
            return error
        case TimeoutError() if attempt.noted:
            return ProbeError(Reason.PROTOCOL, f"no answer to {attempt.step}, only: {attempt.noted}")
        case TimeoutError():
            but = f", but {attempt.overheard}" if attempt.overheard else ""
            return ProbeError(Reason.TIMEOUT, f"no end of {attempt.step} within {deadline_s:g} s{but}")
        case OSError():
            what = error.strerror or type(error).__name__
            return ProbeError(reason_of_errno(error.errno, Reason.PROTOCOL), f"{what}, in {attempt.step}")
    return ProbeError(Reason.ERROR, f"{type(error).__name__}, in {attempt.step}")
